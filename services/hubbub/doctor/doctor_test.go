package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"

	"hubbub.internal/libs/daemon"
	directorysqlite "hubbub.internal/services/directory/store/sqlite"
	historysqlite "hubbub.internal/services/history/store/sqlite"
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
	short := &report{} // the disk of this machine may be
	if free, all, ok := space(data); ok {
		disk(short, free, all)
	}
	if len(short.all) == 0 {
		r.has(t, "data folder", OK, "can be written to")
	}
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
