package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/clocks"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/hubbub/admin"
	"hubbub.internal/services/hubbub/backup"
)

// only checks that a report has one finding, or none if its text is empty.
func (r *report) only(t *testing.T, what string, state State, text string) {
	t.Helper()
	if text == "" && len(r.all) > 0 || text != "" && (len(r.all) != 1 || r.all[0].State != state || !strings.Contains(r.all[0].Text, text)) {
		t.Errorf("%s: want %s %q alone; there is\n%s", what, state, text, r.text())
	}
}

// TestBounds meets each limit exactly.
func TestBounds(t *testing.T) {
	now := time.Now()
	newest := backup.Newest("history", "sqlite")
	for _, tt := range []struct {
		name  string
		check func(*report)
		state State
		text  string
	}{
		{"a disk that is full", func(r *report) { disk(r, fullDisk-1, 10<<30) }, Fail, "199 MiB free"},
		{"a disk that is nearly full", func(r *report) { disk(r, fullDisk, 10<<30) }, Warn, "200 MiB free"},
		{"a small disk", func(r *report) { disk(r, lowDisk-1, 10<<30) }, Warn, "2047 MiB free"},
		{"a small disk with room", func(r *report) { disk(r, lowDisk, 10<<30) }, OK, ""},
		{"a twentieth of a large disk", func(r *report) { disk(r, 5<<30, 100<<30) }, OK, ""},
		{"less of a large disk", func(r *report) { disk(r, 5<<30-1, 100<<30) }, Warn, "5119 MiB free"},

		{"a clock at the limit", func(r *report) { clock(r, "X", now.Add(-clocks.Limit), now, now) }, OK, "that of X is ours"},
		{"a clock behind", func(r *report) { clock(r, "X", now.Add(-clocks.Limit-time.Second), now, now) }, Warn, "behind ours"},
		{"a clock ahead", func(r *report) { clock(r, "X", now.Add(clocks.Limit+time.Second), now, now) }, Warn, "ahead of ours"},
		{"a clock a minute ahead", func(r *report) { clock(r, "X", now.Add(time.Minute), now, now) }, Warn, "1m0s ahead of ours"},
		{"a clock further ahead", func(r *report) { clock(r, "X", now.Add(time.Minute+time.Second), now, now) }, Fail, "1m1s ahead of ours"},
		{"a clock that was read for long", func(r *report) { clock(r, "X", now, now.Add(-time.Hour), now) }, OK, "that of X is ours"},

		{"a newer schema", func(r *report) { schemaVersion(r, "history", "sqlite", newest+1) }, Fail, "of a newer release"},
		{"our schema", func(r *report) { schemaVersion(r, "history", "sqlite", newest) }, OK, "as this release has it"},
		{"a server without a limit", func(r *report) { storage(r, "2", 0, 1<<30) }, OK, "NATS 2 has room"},
		{"just enough", func(r *report) { storage(r, "2", 1<<30, 1<<30) }, OK, "NATS 2 has room"},
		{"not enough", func(r *report) { storage(r, "2", 1<<30-1, 1<<30) }, Fail, "may store 1023 MiB for us, and the log may take 1024"},

		{"an older schema", func(r *report) { schemaVersion(r, "history", "sqlite", newest-1) }, Warn, "will move it forward"},
	} {
		r := &report{}
		tt.check(r)
		r.only(t, tt.name, tt.state, tt.text)
	}
	for n, want := range map[int]string{0: "0 cores", 1: "1 core", 2: "2 cores"} {
		if got := plural(n, "core", "cores"); got != want {
			t.Errorf("%d is %q", n, got)
		}
	}
	for timeout, good := range map[string]bool{"99ms": false, "100ms": true, "5m": true, "5m1ms": false} {
		if err := try(t, &Config{}, "--timeout", timeout); (err == nil) != good {
			t.Errorf("--timeout %s: %v", timeout, err)
		}
	}
}

// TestMachineBounds looks at machines each of which differs from a good one in one thing.
func TestMachineBounds(t *testing.T) {
	const somaxconn, ports, meminfo, limit = "sys/net/core/somaxconn", "sys/net/ipv4/ip_local_port_range", "meminfo", "memory.max"
	for _, tt := range []struct {
		name, text string
		hard       uint64
		want       string
		state      State
	}{
		{somaxconn, "1024", 1 << 20, "", OK},
		{somaxconn, "1023", 1 << 20, "1023 connections may wait", Warn},
		{ports, "20000 30000", 1 << 20, "", OK},
		{ports, "20001 30000", 1 << 20, "a proxy can have 10000 connections", Warn},
		{ports, "1 2 3", 1 << 20, "", OK},
		{ports, "1", 1 << 20, "", OK},
		{meminfo, "MemTotal: 524288 kB\n", 1 << 20, "", OK},
		{meminfo, "MemTotal: 524287 kB\n", 1 << 20, "511 MiB of memory", Warn},
		{meminfo, "MemTotal:\n", 1 << 20, "", OK},
		{meminfo, "MemTotal: 262144 kB\n", 1 << 20, "256 MiB of memory", Warn},
		{limit, "268435456", 1 << 20, "256 MiB of memory", Warn},
		{somaxconn, "4096", 16384, "", OK},
		{somaxconn, "4096", 16383, "16383 files open", Warn},
		{somaxconn, "4096", 2048, "2048 files open", Warn},
		{somaxconn, "4096", 2047, "2047 files open", Fail},
	} {
		m := machine{t.TempDir(), t.TempDir(), func() (uint64, uint64, bool) { return 1024, tt.hard, true }}
		for name, text := range map[string]string{somaxconn: "4096", ports: "1024 65535", meminfo: "MemTotal: 4194304 kB\n", limit: "8589934592", tt.name: tt.text} {
			path := filepath.Join(m.proc, name)
			if name == limit {
				path = filepath.Join(m.cgroup, name)
			}
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		r := &report{}
		m.examine(r)
		if tt.want == "" {
			r.good(t)
			continue
		}
		r.only(t, tt.name+" "+tt.text, tt.state, tt.want)
	}
}

// TestHosts takes the hosts and the login out of the URLs of servers.
func TestHosts(t *testing.T) {
	for text, want := range map[string]string{
		"nats://u:p@a:4222,b,[::1]:4222":           "a b ::1",
		"mongodb://u:p%40x@a:1,b:2/hubbub?tls=on":  "a b",
		"redis://bus?x=a@b":                        "bus",
		"redis://[::1]":                            "::1",
		"sqlite://data/x.db":                       "",
		"sqlite:data/x.db":                         "",
		"embedded://x":                             "",
		"mongodb+srv://u@cluster.example/?a=b/c,d": "cluster.example",
	} {
		if got := strings.Join(hostsOf(text), " "); got != want {
			t.Errorf("%s has the hosts %q, want %q", text, got, want)
		}
	}
	for _, tt := range []struct {
		text, host string
		login      *url.Userinfo
		ok         bool
	}{
		{"nats://u:p@a:4222,b@c", "a", url.UserPassword("u", "p"), true},
		{"redis://a:6379/0", "a", nil, true},
		{"redis://[::1]:6379", "::1", nil, true},
		{"sqlite://data/x.db", "", nil, false},
		{"sqlite:data/x.db", "", nil, false},
		{"embedded://x", "", nil, false},
		{"redis://%zz@a", "", nil, false},
	} {
		login, host, ok := loginOf(tt.text)
		if host != tt.host || ok != tt.ok || login.String() != tt.login.String() {
			t.Errorf("%s: %v, %q, %t", tt.text, login, host, ok)
		}
	}
	for host, want := range map[string]bool{"localhost": true, "::1": true, "127.9.9.9": true, "128.0.0.1": false, "bus": false, "": false} {
		if isLocal(host) != want {
			t.Errorf("%s is local: %t", host, !want)
		}
	}
}

// TestNames asks for each host once, and for no address.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		bus, store string
		state      State
		text       string
	}{
		{"nats://localhost:1,localhost:2", "mongodb://localhost", OK, "1 host is known"},
		{"nats://127.0.0.1:1", "mongodb://[::1]", OK, ""},
		{"nats://nowhere.invalid", "mongodb://nowhere.invalid", Fail, "the name nowhere.invalid is not known here"},
		{"embedded:", "mongodb+srv://nowhere.invalid", OK, ""},
	} {
		c, r := parse(t), &report{}
		c.Bus.Bus = tt.bus
		c.names(t.Context(), r, tt.store)
		r.only(t, tt.bus+" "+tt.store, tt.state, tt.text)
	}
}

// TestRunning: a hubbub up is known by its socket in the data folder.
func TestRunning(t *testing.T) {
	data, err := os.MkdirTemp("", "up") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(data)
	look := func(args ...string) *report {
		r := &report{}
		parse(t, append(args, "--data", data)...).running(t.Context(), r)
		return r
	}
	look().only(t, "without one", Warn, "no hubbub up runs in "+data)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(data, admin.Socket))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	look().only(t, "with one", OK, "runs in "+data+"; with --ops 127.0.0.1:9081 it is asked")
	r := look("--ops", "127.0.0.1:9081")
	r.only(t, "with one that is asked", OK, "a hubbub up runs in "+data)
	if strings.Contains(r.text(), "--ops") {
		t.Errorf("it says to ask: %s", r.text())
	}
}

// TestKnownOptions: the options of each service and of hubbub up are known, also in files, and what
// is wrong with one leaves nothing that is well.
func TestKnownOptions(t *testing.T) {
	c := parse(t)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("redis://127.0.0.1"), 0o600); err != nil {
		t.Fatal(err)
	}
	look := func(name, value string) *report {
		t.Setenv(name, value)
		r := &report{}
		c.environment(r)
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
		return r
	}
	known := c.upOptions()
	for _, p := range programs() {
		options, err := daemon.Options(p.name, p.cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range options {
			known = append(known, o.Env)
		}
	}
	t.Run("all", func(t *testing.T) {
		for _, name := range known {
			t.Setenv(name, "")
		}
		if r := look("HUBBUB_NO_SUCH", "x"); strings.Count(r.text(), "no service has an option") != 1 {
			t.Errorf("of %d options some are not known:\n%s", len(known), r.text())
		}
	})
	look("HUBBUB_BUS_FILE", path).good(t)
	look("HUBBUB_BUS_FILE", path+"x").has(t, "secrets", Fail, "HUBBUB_BUS_FILE cannot be read")
	look("HUBBUB_GRAFANA_PORT", "1").good(t)
	for name, value := range map[string]string{"HUBBUB_MAX_FRAME": "5", "HUBBUB_NO_SUCH": "x"} {
		r := look(name, value)
		if slices.ContainsFunc(r.all, func(f Finding) bool { return f.Check == "options" && f.State == OK }) {
			t.Errorf("with %s=%s the options are well:\n%s", name, value, r.text())
		}
	}
}

// TestPasswords: what is short, common or the user's name is one that others guess.
func TestPasswords(t *testing.T) {
	for password, weak := range map[string]bool{"k3Jx9QaZ": false, "k3Jx9Qa": true, "ChangeMe": true, "somebody": true, "12345678": true, "somebodyX": false} {
		c, r := parse(t), &report{}
		c.Bus.Bus = "redis://somebody:" + password + "@bus"
		c.secrets(r)
		if !weak {
			r.good(t)
			continue
		}
		r.only(t, password, Warn, "the password in --bus is one that others guess")
	}
}

// TestReadable: the mode of a file and that of its folder decide whether others can read it.
func TestReadable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HUBBUB_BUS_FILE", path)
	for _, tt := range []struct {
		folder, file os.FileMode
		want         string
	}{
		{0o755, 0o640, ""},
		{0o755, 0o604, "everybody on this machine can read " + path},
		{0o751, 0o604, "everybody on this machine can read " + path},
		{0o750, 0o604, ""},
		{0o754, 0o604, ""},
	} {
		if err := errors.Join(os.Chmod(dir, tt.folder), os.Chmod(path, tt.file)); err != nil {
			t.Fatal(err)
		}
		r := &report{}
		secretFile(r, "HUBBUB_BUS_FILE", path)
		r.only(t, tt.folder.String()+" "+tt.file.String(), Warn, tt.want)
	}
	c, r := parse(t), &report{}
	t.Setenv("HUBBUB_BUS_FILE", "")
	c.secrets(r)
	r.good(t)
}

// failing is where nothing can be printed.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no room") }

// TestExecuteEnds: it ends with an error if it cannot print, is stopped, or finds a failure, and
// warnings are none.
func TestExecuteEnds(t *testing.T) {
	c := parse(t, "--data", filepath.Join(t.TempDir(), "none"), "--ops", "127.0.0.1:1", "--url", "http://127.0.0.1:1")
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := c.Execute(t.Context(), failing{}); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("without a place to print to: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	var out strings.Builder
	if err := c.Execute(stopped, &out); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	out.Reset()
	t.Setenv("HUBBUB_NO_SUCH", "x") // which is a warning
	err := c.Execute(t.Context(), &out)
	failures := strings.Count("\n"+out.String(), "\nfail ")
	if want := fmt.Sprintf("%d of %d checks failed", failures, strings.Count(out.String(), "\n")); err == nil || err.Error() != want || failures != 4 {
		t.Errorf("%v, want %s; it prints\n%s", err, want, out.String())
	}
	for _, check := range []string{"options", "machine", "secrets", "data folder", "services", "page"} {
		if !strings.Contains(out.String(), "  "+check+"  ") {
			t.Errorf("nothing is said of %s:\n%s", check, out.String())
		}
	}
	if strings.Contains(out.String(), "  store  ") {
		t.Errorf("without a data folder it looks for a store in it:\n%s", out.String())
	}
}
