package load

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/checkout"
	"hubbub.internal/libs/client"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// shared is a server, and its programs, for all tests of the package.
var shared struct {
	sync.Once
	bin string
	dir string // of the server
	up  *cluster.Process
	err error
}

// server returns the URL of a Hubbub that listens on all addresses of the machine.
func server(t *testing.T) string {
	t.Helper()
	shared.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "hubbub-load-"); shared.err != nil {
			return
		}
		if shared.bin, shared.err = checkout.Bin(); shared.err != nil {
			return
		}
		if shared.err = cluster.Build(context.Background(), shared.bin); shared.err != nil {
			return
		}
		p := cluster.Up(shared.bin, shared.dir)
		_, port, _ := net.SplitHostPort(p.Addr)
		p = cluster.Up(shared.bin, shared.dir, "--listen", ":"+port)
		p.Addr = "127.0.0.1:" + port
		shared.up, shared.err = p, p.Start(context.Background())
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return "http://" + shared.up.Addr
}

// program returns the path of the built program hubbub.
func program(t *testing.T) string {
	server(t)
	return filepath.Join(shared.bin, "hubbub")
}

func TestMain(m *testing.M) {
	// the tests mostly wait; the flag exists, so this cannot fail
	_ = flag.Set("test.parallel", "6")
	code := m.Run()
	if shared.up != nil {
		shared.up.Kill()
	}
	_ = os.RemoveAll(shared.dir)
	if code == 0 {
		err := goleak.Find(goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func config(t *testing.T) Config {
	return Config{
		URL: server(t), Sockets: 12, Users: 5, Rooms: 3, RoomSize: Size{Most: 8}, Processes: 1, Rate: 60, Size: 100, Ramp: 1000, Churn: 4, Storm: true,
		Duration: 3 * time.Second, Verify: true, Patience: time.Minute, Seed: 1, JSON: true, program: program(t),
	}
}

// printed is the report in JSON.
type printed struct {
	Sockets, Open, Sent, Acknowledged, Delivered, Reconnects int

	Interrupted      bool
	Failed           map[string]int
	Lost             map[string]int     `json:"connections_lost"`
	FailedReconnects int                `json:"failed_reconnects"`
	Enter            map[string]float64 `json:"enter_ms"`
	Ack              map[string]float64 `json:"ack_ms"`
	Deliver          map[string]float64 `json:"deliver_ms"`
	Resume           map[string]float64 `json:"reconnect_ms"`
	Pids             []int              `json:"server_pids"`
	CPU              float64            `json:"server_cpu_us_per_delivery"`
	Verdict          *Verdict
}

// run loads and returns the report. The error is Run's.
func run(t *testing.T, cfg Config) (r printed, err error) {
	t.Helper()
	var out bytes.Buffer
	cfg.JSON = true
	if err = Run(t.Context(), cfg, &out); out.Len() == 0 {
		t.Fatal(err)
	}
	if jerr := json.Unmarshal(out.Bytes(), &r); jerr != nil {
		t.Fatalf("%v: %s", jerr, out.String())
	}
	t.Log(out.String())
	return r, err
}

// TestLoad: a load of a real server, with reconnects, finds no fault with any kind of client and
// plan.
func TestLoad(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"swarm": func(*Config) {}, "library": func(c *Config) { c.Client = healing }, "three processes": func(c *Config) { c.Processes = 3 },
		"thinking": func(c *Config) { c.Think = 150 * time.Millisecond }, "zipf": func(c *Config) { c.RoomSize = Size{8, true} },
		"one speaks": func(c *Config) { c.Speakers, c.Rate = 1, 15 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			change(&cfg)
			r, err := run(t, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if r.Open != 12 || r.Sent < 30 || r.Acknowledged != r.Sent || r.Delivered < 2*r.Sent || len(r.Failed) > 0 {
				t.Errorf("not everything was delivered to everybody: %+v", r)
			}
			if all := 8 * r.Sent; !cfg.RoomSize.Zipf && r.Delivered != all {
				t.Errorf("%d deliveries, want %d", r.Delivered, all)
			}
			if r.Reconnects < 12 || r.FailedReconnects > 0 {
				t.Errorf("%d sockets came back, and %d did not", r.Reconnects, r.FailedReconnects)
			}
			if v := r.Verdict; v == nil || !v.Good() || v.Acknowledged != r.Acknowledged || v.Delivered != r.Delivered {
				t.Errorf("the verdict is %v", v)
			}
			for what, times := range map[string]map[string]float64{"enter": r.Enter, "ack": r.Ack, "deliver": r.Deliver, "resume": r.Resume} {
				if times["p50"] <= 0 || times["p99_9"] < times["p90"] || times["max"] < times["p99_9"] {
					t.Errorf("the times to %s are %v", what, times)
				}
			}
		})
	}
}

// TestInterrupted: an interrupted load prints a report of the time until then.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change     func(*Config)
		when, says string
	}{
		"while it talks":   {func(c *Config) { c.Duration = time.Hour }, "acknowledged", "verdict "},
		"in the ramp":      {func(c *Config) { c.Ramp = 2 }, "of 12 (", "until in its rooms"},
		"of the processes": {func(c *Config) { c.Ramp, c.Processes = 2, 2 }, "of 12 (", "until in its rooms"},
		"of the library":   {func(c *Config) { c.Ramp, c.Client = 2, healing }, "of 12 (", "until in its rooms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			cfg := config(t)
			cfg.JSON = false
			tt.change(&cfg)
			out := &trigger{when: tt.when, do: cancel}
			if err := Run(ctx, cfg, out); err != nil {
				t.Errorf("%v: %s", err, out.text.String())
			}
			_, report, _ := strings.Cut(out.text.String(), "\n\n")
			if !strings.Contains(report, "; interrupted") || !strings.Contains(report, tt.says) {
				t.Errorf("the report is %q", report)
			}
		})
	}
}

// trigger is a writer that calls do once a text has been written.
type trigger struct {
	text strings.Builder
	when string
	do   func()
}

func (w *trigger) Write(b []byte) (int, error) {
	n, err := w.text.Write(b)
	if strings.Contains(w.text.String(), w.when) {
		w.do()
	}
	return n, err
}

// TestNoTarget: the error says that no Hubbub answers, or no edge.
func TestNoTarget(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for url, says := range map[string]string{other.URL: "not Hubbub", gone.URL: "nothing answers"} {
		cfg := config(t)
		cfg.URL = url
		if err := Run(t.Context(), cfg, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", url, err, says)
		}
	}
	for edge, tt := range map[string]struct{ says, code string }{
		other.URL: {"no WebSocket of Hubbub: status 404", "http_404"}, gone.URL: {"connection refused", "ECONNREFUSED"},
	} {
		cfg := config(t)
		cfg.Edges, cfg.Patience = []string{edge}, time.Second
		r, err := run(t, cfg)
		if err == nil || !strings.Contains(err.Error(), tt.says) || r.Open != 0 || r.Lost[tt.code] == 0 {
			t.Errorf("an edge at %s: %v, %+v", edge, err, r)
		}
	}
}

// TestToken loads with the token of a user who logged in elsewhere, and with a wrong one.
func TestToken(t *testing.T) {
	t.Parallel()
	user, err := client.NewAPI(server(t), nil).Register(t.Context(), "token."+chat.NewID()[24:], chat.NewID())
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	cfg.Token, cfg.Storm, cfg.Duration = user.Grant().Token, false, time.Second
	if r, err := run(t, cfg); err != nil || r.Sent == 0 || r.Delivered != 8*r.Sent {
		t.Errorf("%v: %+v", err, r)
	}
	for _, client := range []string{automatic, healing} {
		cfg.Token, cfg.Client = "wrong", client
		r, err := run(t, cfg)
		if err == nil || !strings.Contains(err.Error(), "does not take the token") || r.Open != 0 || r.Sockets != 12 {
			t.Errorf("a wrong token: %v, %+v", err, r)
		}
	}
}

func TestConfig(t *testing.T) {
	good := config(t)
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"scheme": func(c *Config) { c.URL = "localhost" }, "sockets": func(c *Config) { c.Sockets = 0 }, "rooms": func(c *Config) { c.Rooms = 0 },
		"size": func(c *Config) { c.Size = 1 << 20 }, "ramp": func(c *Config) { c.Ramp = 0 }, "duration": func(c *Config) { c.Duration = 0 },
		"rate": func(c *Config) { c.Rate = -1 }, "churn": func(c *Config) { c.Churn = -1 },
		"number of processes": func(c *Config) { c.Processes = 200 }, "patience": func(c *Config) { c.Patience = 0 },
		"client of several processes": func(c *Config) { c.Client, c.Processes = healing, 2 }, "client in a network": func(c *Config) { c.Client, c.Netns = healing, true },
	} {
		c := good
		if spoil(&c); c.Validate() == nil {
			t.Errorf("a bad %s is accepted", name)
		}
	}
}

// TestUsers: there are enough guests for the server's limit of sockets per user, and no more than a
// server lets in within a minute.
func TestUsers(t *testing.T) {
	for _, tt := range []struct{ asked, sockets, want int }{
		{0, 12, 12}, {0, 100, 20}, {0, 1001, 21}, {0, 5000, 100}, {0, 100_000, 250}, {7, 100_000, 7}, {30, 20, 20},
	} {
		c := Config{Users: tt.asked, Sockets: tt.sockets, RoomSize: Size{Most: 1}}
		p := c.plan()
		if p.Users != tt.want {
			t.Errorf("%d sockets, %d users asked for: %d users, want %d", tt.sockets, tt.asked, p.Users, tt.want)
		}
	}
}
