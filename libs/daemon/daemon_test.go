package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"

	"hubbub.internal/libs/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type limits struct {
	Sockets int `help:"Sockets." default:"10"`
}

func (l limits) Validate() error {
	if l.Sockets < 1 {
		return errors.New("--sockets: want at least 1")
	}
	return nil
}

type program struct {
	Config
	Limits limits `embed:""`
	Bus    string `help:"Bus." default:"redis://127.0.0.1:6379"`
}

func TestConfig(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "bus")
	if err := os.WriteFile(secret, []byte("redis://:pw@h\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		args    []string
		env     map[string]string
		want    string
		sockets int
		fail    string
	}{
		{name: "defaults", want: "redis://127.0.0.1:6379", sockets: 10},
		{name: "flag", args: []string{"--bus", "nats://a"}, want: "nats://a", sockets: 10},
		{name: "environment", env: map[string]string{"HUBBUB_BUS": "nats://b", "HUBBUB_SOCKETS": "3"}, want: "nats://b", sockets: 3},
		{name: "flag beats environment", args: []string{"--bus", "nats://a"}, env: map[string]string{"HUBBUB_BUS": "nats://b"}, want: "nats://a", sockets: 10},
		{name: "file", env: map[string]string{"HUBBUB_BUS_FILE": secret}, want: "redis://:pw@h", sockets: 10},
		{name: "file is missing", env: map[string]string{"HUBBUB_BUS_FILE": secret + "x"}, fail: "HUBBUB_BUS_FILE"},
		{name: "invalid", args: []string{"--sockets", "0"}, fail: "--sockets: want at least 1"},
		{name: "not a number", args: []string{"--sockets", "many"}, fail: "--sockets"},
		{name: "unknown", args: []string{"--no-such"}, fail: "--no-such"},
		{name: "level", args: []string{"--log-level", "loud"}, fail: "--log-level"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			var cfg program
			base, _, err := parse("prog", "A program.", &cfg, tt.args)
			if tt.fail != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fail) {
					t.Fatalf("error is %v, want one about %s", err, tt.fail)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Bus != tt.want || cfg.Limits.Sockets != tt.sockets || base != &cfg.Config {
				t.Errorf("got %+v", cfg)
			}
		})
	}
}

// TestVersion runs this program as one that is asked for its version.
func TestVersion(t *testing.T) {
	if os.Getenv("DAEMON_TEST_VERSION") != "" {
		os.Args = []string{"prog", "--version"}
		Main("prog", "A program.", &program{}, nil)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestVersion$")
	cmd.Env = append(os.Environ(), "DAEMON_TEST_VERSION=1", "HUBBUB_VERSION=1.2.3")
	out, err := cmd.CombinedOutput()
	if err != nil || !regexp.MustCompile(`^prog dev \(commit \S+ of \S+, go1\S+ \w+/\w+\)\n$`).Match(out) {
		t.Errorf("%q, %v", out, err)
	}
}

type quiet struct{ Config }

func (quiet) Vars() kong.Vars { return kong.Vars{"log_level": "error"} }

func TestVars(t *testing.T) {
	var cfg quiet
	base, _, err := parse("prog", "A program.", &cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if base.LogLevel != "error" || base.LogFormat != "json" {
		t.Errorf("got %+v", base)
	}
}

// TestHint holds that a wrong flag of a command points to the help of that command.
func TestHint(t *testing.T) {
	for _, args := range [][]string{{"up", "--no-such"}, {"up", "--sockets", "0"}, {"up", "--log-level", "loud"}} {
		var cfg struct {
			Up program `cmd:"" help:"Up."`
		}
		_, _, err := parse("prog", "A program.", &cfg, args)
		if err == nil || !strings.HasSuffix(err.Error(), "; try prog up --help") {
			t.Errorf("%v: error is %v", args, err)
		}
	}
}

func TestRunStopsInReverse(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var order []string // appended to by one stop after the other, which is what is tested
	err := Run(ctx, "prog", Config{LogLevel: "error"}, func(_ context.Context, p *Process) error {
		p.Defer(func() { order = append(order, "bus") })
		for _, name := range []string{"history", "edge"} {
			p.Go(name, func(ctx context.Context) error {
				<-ctx.Done()
				order = append(order, name)
				return ctx.Err()
			})
		}
		cancel()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"edge", "history", "bus"}; !slices.Equal(order, want) {
		t.Errorf("stopped in the order %v, want %v", order, want)
	}
}

func TestRunEndsWithAFailure(t *testing.T) {
	boom := errors.New("boom")
	closed := false
	err := Run(t.Context(), "prog", Config{LogLevel: "dpanic"}, func(_ context.Context, p *Process) error {
		p.Defer(func() { closed = true })
		p.Go("bad", func(context.Context) error { return boom })
		return nil
	})
	if !errors.Is(err, boom) || !closed {
		t.Errorf("Run returned %v, closed %v", err, closed)
	}
	err = Run(t.Context(), "prog", Config{LogLevel: "error"}, func(_ context.Context, p *Process) error {
		p.Go("done", func(context.Context) error { return nil })
		return nil
	})
	if err != nil {
		t.Errorf("Run returned %v after a component's clean end", err)
	}
	err = Run(t.Context(), "prog", Config{LogLevel: "error"}, func(context.Context, *Process) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("Run returned %v after a failed start", err)
	}
}

func TestOpsAndServe(t *testing.T) {
	ops := freeAddr(t)
	ctx, cancel := context.WithCancel(t.Context())
	var sick error
	up := make(chan net.Addr, 1)
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, "prog", Config{LogLevel: "error", OpsListen: ops}, func(_ context.Context, p *Process) error {
			p.Check("bus", func(context.Context) error { return sick })
			if status, body := get(t, "http://"+ops+"/readyz"); status != 503 || !strings.Contains(body, "starting") {
				t.Errorf("readyz while starting: %d %q", status, body)
			}
			addr, err := p.Serve("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
			if _, again := p.Serve(addr.String(), nil); again == nil {
				t.Error("a port in use was not an error")
			}
			up <- addr
			return err
		})
	}()
	addr := <-up
	for status := 0; status != 200; { // started is set when run has returned
		status, _ = get(t, "http://"+ops+"/readyz")
	}
	if _, body := get(t, "http://"+addr.String()); body != "hello" {
		t.Errorf("served %q", body)
	}
	if _, body := get(t, "http://"+ops+"/metrics"); !strings.Contains(body, "go_goroutines") || !strings.Contains(body, `hubbub_build_info{commit="`) || !strings.Contains(body, "\nhubbub_ready 1\n") {
		t.Error("no metrics")
	}
	if err := asked(ops, "healthcheck"); err != nil {
		t.Errorf("healthcheck returned %v", err)
	}
	if status, _ := get(t, "http://"+ops+"/healthz"); status != 200 {
		t.Errorf("healthz: %d", status)
	}
	if status, _ := get(t, "http://"+ops+"/debug/pprof/heap"); status != 404 {
		t.Errorf("profiles that nobody asked for: %d", status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := asked(ops, "healthcheck"); err == nil {
		t.Error("askReady found a process that has ended")
	}

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	sick = errors.New("no route")
	err := Run(ctx, "prog", Config{LogLevel: "error"}, func(_ context.Context, p *Process) error {
		p.ready.started.Store(true)
		p.Check("bus", func(context.Context) error { return sick })
		if err := p.Ready(ctx); err == nil || !strings.Contains(err.Error(), "bus: no route") {
			t.Errorf("Ready returned %v", err)
		}
		cancel()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := freeport.Addr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url)
	if err != nil {
		return 0, fmt.Sprint(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

type tool struct {
	Count int `help:"How many." default:"3"`
}

func (t *tool) Validate() error {
	if t.Count < 0 {
		return errors.New("--count is negative")
	}
	return nil
}

func (t *tool) Execute(_ context.Context, out io.Writer) error {
	_, err := fmt.Fprint(out, t.Count)
	return err
}

// TestCommands: the command that was chosen is returned, and it alone is validated.
func TestCommands(t *testing.T) {
	type config struct {
		Serve struct {
			Config
			Port int `help:"Port." default:"1"`
		} `cmd:"" help:"Serve."`
		Once tool `cmd:"" help:"Do it once."`
	}
	var cfg config
	_, command, err := parse("prog", "A program.", &cfg, []string{"once", "--count=5"})
	if err != nil || command != Tool(&cfg.Once) || cfg.Once.Count != 5 {
		t.Errorf("chosen: %v, %+v, %v", command, cfg.Once, err)
	}
	if _, _, err := parse("prog", "A program.", &config{}, []string{"once", "--count=-5"}); err == nil || !strings.Contains(err.Error(), "negative") {
		t.Errorf("a bad flag of the command: %v", err)
	}
	base, command, err := parse("prog", "A program.", &cfg, []string{"serve", "--log-level=error"})
	if _, isTool := command.(Tool); err != nil || isTool || base.LogLevel != "error" {
		t.Errorf("chosen: %v, %+v, %v", command, base, err)
	}
}
