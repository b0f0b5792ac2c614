package doctor

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/libs/mongotest"
	directorymongo "hubbub.internal/services/directory/store/mongo"
	directorysqlite "hubbub.internal/services/directory/store/sqlite"
	historysqlite "hubbub.internal/services/history/store/sqlite"
	"hubbub.internal/services/hubbub/certificate/certtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse returns a doctor's configuration.
func parse(t *testing.T, args ...string) *Config {
	t.Helper()
	c := &Config{}
	if err := try(t, c, args...); err != nil {
		t.Fatal(err)
	}
	return c
}

// try returns why a command line cannot be meant.
func try(t *testing.T, c *Config, args ...string) error {
	t.Helper()
	k, err := kong.New(c, kong.Vars{"bus": "embedded:"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(args)
	return err
}

// has checks that a report says something.
func (r *report) has(t *testing.T, check string, state State, text string) {
	t.Helper()
	if !slices.ContainsFunc(r.all, func(f Finding) bool {
		return f.Check == check && f.State == state && strings.Contains(f.Text, text)
	}) {
		t.Errorf("nothing says %s of %s: %q; there is\n%s", state, check, text, r.text())
	}
}

// good checks that a report finds nothing wrong.
func (r *report) good(t *testing.T) {
	t.Helper()
	if slices.ContainsFunc(r.all, func(f Finding) bool { return f.State != OK }) || len(r.all) == 0 {
		t.Errorf("not all is well:\n%s", r.text())
	}
}

func (r *report) text() string {
	var b strings.Builder
	for _, f := range r.all {
		fmt.Fprintf(&b, "\t%s %s: %s\n", f.State, f.Check, f.Text)
	}
	return b.String()
}

// TestOptionsAreThoseOfTheServices holds the options that are checked against the reference, which
// is made from the services' own.
func TestOptionsAreThoseOfTheServices(t *testing.T) {
	text, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	of := func(section string) (names []string) {
		_, rest, _ := strings.Cut(string(text), "\n## "+section+"\n")
		rest, _, _ = strings.Cut(rest, "\n## ")
		for _, m := range regexp.MustCompile("(?m)^\\|[^|]*\\| `(HUBBUB_[A-Z_0-9]+)`").FindAllStringSubmatch(rest, -1) {
			names = append(names, m[1])
		}
		return names
	}
	common := of("Every service")
	for _, p := range programs() {
		options, err := daemon.Options(p.name, p.cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := append(slices.Clone(common), of(p.name)...)
		var got []string
		for _, o := range options {
			got = append(got, o.Env)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) || len(got) < 15 {
			t.Errorf("%s: checked are\n%v\nand there are\n%v", p.name, got, want)
		}
	}
	if names := (&Config{}).upOptions(); !slices.Contains(names, "HUBBUB_HISTORY_MAX_EDITS") || !slices.Contains(names, "HUBBUB_DIRECTORY_STORE") {
		t.Errorf("those of hubbub up are %v", names)
	}
}

func TestEnvironment(t *testing.T) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "HUBBUB_") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	look := func() *report {
		r := &report{}
		parse(t).environment(r)
		return r
	}
	t.Setenv("HUBBUB_MAX_FRAME", "4096")
	t.Setenv("HUBBUB_MAX_TEXT", "1024")
	t.Setenv("HUBBUB_PORT", "9080")
	look().good(t)
	t.Setenv("HUBBUB_MAX_FRAME", "5")
	t.Setenv("HUBBUB_MAX_TXT", "5")
	t.Setenv("HUBBUB_TOKEN_LIFE", "1s")
	r := look()
	r.has(t, "options", Fail, "edge would not start: --max-frame is 5")
	r.has(t, "options", Fail, "directory would not start: --token-life is 1s")
	r.has(t, "options", Warn, "no service has an option HUBBUB_MAX_TXT")
}

func TestSecrets(t *testing.T) {
	for url, want := range map[string]string{
		"redis://hubbub:secret@bus:6379":                           "others guess",
		"redis://hubbub:hubbub@bus:6379":                           "others guess",
		"redis://bus:6379":                                         "lets in whoever reaches it",
		"nats://a:4222,b:4222":                                     "lets in whoever reaches it",
		"redis://127.0.0.1:6379":                                   "",
		"redis://hubbub:5d41402abc4b2a76b9719d911017c592@bus:6379": "",
		"nats://u:5d41402abc4b2a76b9719d911017c592@a,u@b":          "",
	} {
		c, r := parse(t), &report{}
		c.Bus.Bus = url
		c.secrets(r)
		if want == "" {
			r.good(t)
		} else {
			r.has(t, "secrets", Warn, want)
		}
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "url")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look := func() *report {
		r := &report{}
		parse(t).secrets(r)
		return r
	}
	t.Setenv("HUBBUB_BUS_FILE", path)
	look().good(t)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	look().has(t, "secrets", Warn, "everybody on this machine can read "+path)
	if err := os.Chmod(dir, 0o700); err != nil { // as the folder that make secrets makes
		t.Fatal(err)
	}
	look().good(t)
	t.Setenv("HUBBUB_BUS_FILE", path+"x")
	look().has(t, "secrets", Fail, "HUBBUB_BUS_FILE cannot be read")
}

func TestMachine(t *testing.T) {
	m := machine{t.TempDir(), t.TempDir(), func() (uint64, uint64, bool) { return 1024, 1 << 20, true }}
	write := func(dir, name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	look := func() *report {
		r := &report{}
		m.examine(r)
		return r
	}
	look().good(t) // where nothing is known
	write(m.proc, "sys/net/core/somaxconn", "4096\n")
	write(m.proc, "sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
	write(m.proc, "meminfo", "MemTotal:       16318480 kB\nMemFree: 1 kB\n")
	write(m.cgroup, "memory.max", "max\n")
	look().good(t)
	write(m.proc, "sys/net/core/somaxconn", "128\n")
	write(m.proc, "sys/net/ipv4/ip_local_port_range", "32768\t32999\n")
	write(m.cgroup, "memory.max", "268435456\n")
	m.files = func() (uint64, uint64, bool) { return 1024, 4096, true }
	r := look()
	r.has(t, "machine", Warn, "128 connections may wait")
	r.has(t, "machine", Warn, "a proxy can have 232 connections")
	r.has(t, "machine", Warn, "256 MiB of memory")
	r.has(t, "machine", Warn, "4096 files open")
	m.files = func() (uint64, uint64, bool) { return 256, 1024, true }
	look().has(t, "machine", Fail, "1024 files open")
	if soft, _, ok := openFiles(); !ok || soft == 0 {
		t.Errorf("this machine lets a process have %d files open, %t", soft, ok)
	}
}

// TestDataFolder looks at a folder that is missing, open to others, and of a newer release.
func TestDataFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	look := func() *report {
		t.Helper()
		c, r := parse(t, "--data", data), &report{}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		c.examinePlace(t.Context(), r)
		return r
	}
	look().has(t, "data folder", Fail, "there is no "+data)
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o755); err != nil {
		t.Fatal(err)
	}
	look().has(t, "store", Warn, "history has no store yet")
	h, err := historysqlite.Open(t.Context(), filepath.Join(data, "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }() // it is looked at while it is in use
	d, err := directorysqlite.Open(t.Context(), filepath.Join(data, "directory.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	r := look()
	r.has(t, "data folder", OK, "can be written to")
	r.has(t, "store", OK, "the store of history answers")
	r.has(t, "bus", Warn, "no hubbub up runs in")
	if err := os.Chmod(filepath.Join(data, "directory.db"), 0o644); err != nil {
		t.Fatal(err)
	}
	look().has(t, "data folder", Warn, "everybody on this machine can read "+filepath.Join(data, "directory.db"))
	if _, err := h.Write.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)"); err != nil {
		t.Fatal(err)
	}
	look().has(t, "store", Fail, "of a newer release: its schema has version 999")
	if _, err := h.Write.ExecContext(t.Context(), "DELETE FROM goose_db_version WHERE version_id > 3"); err != nil {
		t.Fatal(err)
	}
	look().has(t, "store", Warn, "this release will move it forward")
	if err := os.WriteFile(filepath.Join(data, "directory.db"), bytes.Repeat([]byte("x"), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	look().has(t, "store", Fail, "the store of directory: ")
	if left, _ := filepath.Glob(filepath.Join(data, ".doctor*")); len(left) > 0 {
		t.Errorf("it has left %v", left)
	}
}

// TestDisk looks at disks by how much they have free.
func TestDisk(t *testing.T) {
	for free, want := range map[uint64]State{100 << 20: Fail, 1 << 30: Warn, 3 << 30: Warn, 20 << 30: OK} {
		r := &report{}
		disk(r, free, 100<<30)
		if want == OK {
			if len(r.all) > 0 {
				t.Errorf("with %d MiB free: %s", free>>20, r.text())
			}
			continue
		}
		r.has(t, "data folder", want, fmt.Sprintf("%d MiB free of 102400", free>>20))
	}
}

// TestCluster looks at buses and stores that are right, and wrong.
func TestCluster(t *testing.T) {
	mongo := mongotest.URL(t)
	redis := bustest.Redis(t, "--appendonly", "yes").URL()
	look := func(args ...string) *report {
		t.Helper()
		c, r := parse(t, append([]string{"--bus-timeout", "1s"}, args...)...), &report{}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		c.examinePlace(t.Context(), r)
		return r
	}
	d, err := directorymongo.Open(t.Context(), mongo, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	r := look("--bus", redis, "--store", mongo)
	r.has(t, "bus", OK, "messages come")
	r.has(t, "clocks", OK, "that of MongoDB is ours")
	r.has(t, "clocks", OK, "that of Redis is ours")
	r.has(t, "store", OK, "the store of directory answers")
	r.has(t, "store", Warn, "the store of history has a schema of version 0")
	r = look("--bus", "redis://127.0.0.1:1", "--store", "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=100")
	r.has(t, "bus", Fail, "cannot be reached")
	r.has(t, "store", Fail, "cannot be reached")
	look("--bus", "redis://nowhere.invalid", "--store", mongo).has(t, "names", Fail, "the name nowhere.invalid is not known here")
	look("--bus", bustest.Redis(t, "--appendonly", "no").URL(), "--store", mongo).has(t, "bus", Warn, "append")
	look("--bus", bustest.Redis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru").URL(), "--store", mongo).has(t, "bus", Fail, "maxmemory-policy")
	r = look("--bus", bustest.Redis(t, "--requirepass", "sesame").URL(), "--store", mongo)
	r.has(t, "bus", Fail, "refused the login")
	weak := bustest.Redis(t, "--user", "weak", "on", ">sesame-sesame", "~x:*", "&x:*", "+@all").URL()
	look("--bus", strings.Replace(weak, "redis://", "redis://weak:sesame-sesame@", 1), "--store", mongo).has(t, "bus", Fail, "does not let this user do what Hubbub needs")
	user := &server.User{Username: "weak", Password: "sesame-sesame", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"hub.>"}}}}
	deaf, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Configure: func(o *server.Options) { o.Users = []*server.User{user} }})
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Shutdown()
	look("--bus", strings.Replace(deaf.URL(), "nats://", "nats://weak:sesame-sesame@", 1), "--store", mongo).has(t, "bus", Fail, "does not let this user do what Hubbub needs")
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	r = look("--bus", s.URL(), "--store", mongo)
	r.has(t, "bus", OK, "messages come")
	r.has(t, "bus", OK, "has room for the log")
	small, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Configure: func(o *server.Options) { o.JetStreamMaxStore = 64 << 20 }})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Shutdown()
	look("--bus", small.URL(), "--store", mongo).has(t, "bus", Fail, "storage")
	r = &report{}
	storage(r, "2.15.2", 64<<20, 1<<30)
	r.has(t, "bus", Fail, "NATS 2.15.2 may store 64 MiB for us, and the log may take 1024")
}

// TestLog looks at a log that history has not read, and could not take in.
func TestLog(t *testing.T) {
	b := membus.NewServer(membus.Options{}).Open("history", "search")
	defer func() { _ = b.Close() }()
	c := parse(t)
	look := func() *report {
		r := &report{}
		c.log(t.Context(), r, b)
		return r
	}
	look().has(t, "log", Warn, "the log also waits for a group search")
	if err := b.Retire(t.Context(), "search"); err != nil {
		t.Fatal(err)
	}
	look().good(t)
	if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "lobby", Sender: "ann", ID: "id"}); err != nil {
		t.Fatal(err)
	}
	late := lateLog{b}
	r := &report{}
	c.log(t.Context(), r, late)
	r.has(t, "log", Warn, "history has not read for 1h0m0s")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, "history", func(context.Context, []bus.Entry) error { return errors.New("it is none") })
	}()
	if err := b.CatchUp(t.Context(), "history"); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	look().has(t, "log", Warn, "history could not take in 1 entry or more; the first: it is none")
}

// lateLog is a log that history has not read for an hour.
type lateLog struct{ bus.Log }

func (lateLog) Groups(context.Context) ([]bus.Group, error) {
	return []bus.Group{{Name: "history", Unread: time.Now().Add(-time.Hour)}}, nil
}

// TestServices asks processes that are well, not ready, of another release, of another time, and
// not there.
func TestServices(t *testing.T) {
	serve := func(ready int, version string, at time.Time, more string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", at.UTC().Format(http.TimeFormat))
			if r.URL.Path == "/readyz" {
				w.WriteHeader(ready)
				fmt.Fprintln(w, "store: no disk")
				return
			}
			fmt.Fprintf(w, "hubbub_build_info{commit=\"c1\",date=\"d\",goversion=\"go\",version=%q} 1\n%s", version, more)
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	look := func(ops ...string) *report {
		r := &report{}
		parse(t, "--ops", strings.Join(ops, ",")).services(t.Context(), r)
		return r
	}
	now := time.Now()
	well := serve(200, "1.2.3", now, "hubbub_clock_others_ahead_seconds 0.2\n")
	r := look(well)
	r.has(t, "services", OK, well+" is ready")
	r.has(t, "clocks", OK, "that of "+well+" is ours")
	look(well, serve(200, "1.2.4", now, "")).has(t, "versions", Warn, "different releases run: 1.2.3 (c1) at "+well)
	look(serve(503, "1.2.3", now, "")).has(t, "services", Fail, "is not ready: store: no disk")
	look(serve(200, "1.2.3", now.Add(-30*time.Second), "")).has(t, "clocks", Warn, "behind ours")
	look(serve(200, "1.2.3", now.Add(5*time.Minute), "")).has(t, "clocks", Fail, "ahead of ours: tokens are refused")
	look(serve(200, "1.2.3", now, "hubbub_clock_others_ahead_seconds 7\n")).has(t, "services", Warn, "the clock of another process is ahead")
	look("127.0.0.1:1").has(t, "services", Fail, "127.0.0.1:1 does not answer")
	look("nowhere.invalid:9090").has(t, "services", Fail, "nowhere.invalid:9090")
	look("edge").has(t, "services", Fail, "--ops edge")
}

// TestPages asks for pages that are well, without services, with a certificate that nobody knows,
// and not there.
func TestPages(t *testing.T) {
	handler := func(edge int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/chat/v1/ws" {
				w.WriteHeader(edge)
			}
		})
	}
	look := func(url string) *report {
		r := &report{}
		parse(t, "--url", url+"/chat/").pages(t.Context(), r)
		return r
	}
	well := httptest.NewServer(handler(http.StatusUpgradeRequired))
	defer well.Close()
	look(well.URL).good(t)
	alone := httptest.NewServer(handler(http.StatusBadGateway))
	defer alone.Close()
	look(alone.URL).has(t, "page", Fail, "is not answered by an edge: status 502")
	look("http://127.0.0.1:1").has(t, "page", Fail, "does not answer")
	secure := httptest.NewTLSServer(handler(http.StatusUpgradeRequired))
	defer secure.Close()
	r := look(secure.URL)
	r.has(t, "certificate", Warn, "is signed by somebody whom this machine does not know")
	r.has(t, "page", OK, "is answered by an edge")
	look("https://127.0.0.1:1").has(t, "certificate", Fail, "refused")

	leaf := secure.Certificate()
	text, _ := certtest.NewCA(t).Issue(t, 6*24*time.Hour, 5*24*time.Hour, "example.com")
	block, _ := pem.Decode(text)
	brief, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	roots.AddCert(brief)
	for name, tt := range map[string]struct {
		leaf *x509.Certificate
		host string
		at   time.Time
		want State
		text string
	}{
		"of six days":  {brief, "example.com", time.Now(), OK, "is good until"},
		"good":         {leaf, "example.com", leaf.NotBefore.Add(time.Hour), OK, "is good until"},
		"ends soon":    {leaf, "example.com", leaf.NotAfter.Add(-time.Hour), Warn, "ends on"},
		"has ended":    {leaf, "example.com", leaf.NotAfter.Add(time.Hour), Fail, "ended on"},
		"another name": {leaf, "example.net", leaf.NotBefore.Add(time.Hour), Fail, "is not good"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &report{}
			checkChain(r, "https://"+tt.host, tt.host, []*x509.Certificate{tt.leaf}, roots, tt.at)
			r.has(t, "certificate", tt.want, tt.text)
		})
	}
}

// TestExecute runs all of it: what it prints, and when it fails.
func TestExecute(t *testing.T) {
	c := parse(t, "--data", filepath.Join(t.TempDir(), "none"), "--json")
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Execute(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "checks failed") {
		t.Errorf("it ends with %v", err)
	}
	n := 0
	for line := range strings.Lines(out.String()) {
		var f Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil || f.Check == "" || f.Text == "" || f.State == Fail && f.Do == "" {
			t.Errorf("%v: %s", err, line)
		}
		n++
	}
	if n < 3 {
		t.Errorf("it has found %d things", n)
	}
	out.Reset()
	c.JSON = false
	_ = c.Execute(t.Context(), &out)
	if !regexp.MustCompile(`(?m)^fail  data folder    there is no .*none: name the folder of a hubbub up`).MatchString(out.String()) {
		t.Errorf("it prints\n%s", out.String())
	}
	for _, args := range [][]string{{"--timeout", "1ms"}, {"--url", "chat.example"}, {"--bus", "foo"}} {
		if try(t, &Config{}, args...) == nil {
			t.Errorf("%v can be meant", args)
		}
	}
}
