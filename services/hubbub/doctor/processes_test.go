package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/buildinfo"
	"hubbub.internal/libs/bus"
)

// process serves the ops port of a process with some metrics.
func process(t *testing.T, metrics string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			fmt.Fprint(w, metrics)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// TestMetricsOfProcesses: a metric is told of above its limit, and the release of a process is
// found however long the lines before it are.
func TestMetricsOfProcesses(t *testing.T) {
	own := buildinfo.Get()
	const other = `hubbub_build_info{commit="c1",version="1.2.3"} 1` + "\n"
	for _, tt := range []struct {
		name    string
		metrics []string // of each process
		check   string
		state   State
		text    string
	}{
		{"a clock at its limit", []string{"hubbub_clock_others_ahead_seconds 1\n"}, "services", Warn, ""},
		{"a clock above it", []string{"hubbub_clock_others_ahead_seconds 1.5\n"}, "services", Warn, "the clock of another process is ahead, by seconds, which is 1.5"},
		{"no conflict", []string{"hubbub_history_conflicts_total 0\n"}, "services", Warn, ""},
		{"a conflict", []string{"hubbub_history_conflicts_total 1\n"}, "services", Warn, "since the log was rewound, is 1"},
		{"our release", []string{fmt.Sprintf("hubbub_build_info{commit=%q,version=%q} 1\n", own.Commit, own.Version)}, "versions", OK, "all services are of one release, " + own.Version},
		{"another release", []string{other}, "versions", Warn, "the services are of release 1.2.3 (c1), and this program of " + own.Version},
		{"without a commit", []string{`hubbub_build_info{version="1.2.3"} 1` + "\n"}, "versions", Warn, "the services are of release 1.2.3 (unknown)"},
		{"a long line", []string{"# " + strings.Repeat("x", 100<<10) + "\n" + other}, "versions", Warn, "the services are of release 1.2.3 (c1)"},
		{"two of one release", []string{other, other}, "versions", Warn, "the services are of release 1.2.3 (c1)"},
		{"one that does not say", []string{other, ""}, "versions", Warn, "the services are of release 1.2.3 (c1)"},
		{"none that says", []string{"", ""}, "versions", Warn, ""},
	} {
		var ops []string
		for _, m := range tt.metrics {
			ops = append(ops, process(t, m))
		}
		r := &report{}
		parse(t, "--ops", strings.Join(ops, ",")).services(t.Context(), r)
		r.all = slices.DeleteFunc(r.all, func(f Finding) bool { return f.Check != tt.check || f.Check == "services" && f.State == OK })
		r.only(t, tt.name, tt.state, tt.text)
	}
}

// TestSilentProcess: a process that does not answer is given up after the time that an answer may
// take.
func TestSilentProcess(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer s.Close()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second) // if it were not
	defer stop()
	r := &report{}
	parse(t, "--timeout", "100ms", "--ops", strings.TrimPrefix(s.URL, "http://")).services(ctx, r)
	r.only(t, "silent", Fail, "does not answer")
	if ctx.Err() != nil {
		t.Error("it was waited for")
	}
}

// TestPageOfEverything: a server that answers everything with a page is no edge.
func TestPageOfEverything(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	r := &report{}
	parse(t, "--url", s.URL).pages(t.Context(), r)
	r.has(t, "page", Fail, "/v1/ws is not answered by an edge: status 200")
	r.has(t, "page", OK, "is answered by the directory")
}

// groups is a log with groups, and with dead letters of each.
type groups struct {
	bus.Log
	all     []bus.Group
	letters int
}

func (g groups) Groups(context.Context) ([]bus.Group, error) { return g.all, nil }

func (g groups) DeadLetters(context.Context, string, int) ([]bus.DeadLetter, error) {
	return slices.Repeat([]bus.DeadLetter{{Reason: "no room"}}, g.letters), nil
}

// TestGroups: the log is well if history has read what is older than a few minutes.
func TestGroups(t *testing.T) {
	ago := func(d time.Duration) bus.Group { return bus.Group{Name: "history", Unread: time.Now().Add(-d)} }
	for _, tt := range []struct {
		name  string
		log   groups
		state State
		text  string
	}{
		{"all is read", groups{all: []bus.Group{{Name: "history"}}}, OK, "history is not behind"},
		{"not quite", groups{all: []bus.Group{ago(behind - time.Minute)}}, OK, "history is not behind"},
		{"behind", groups{all: []bus.Group{ago(behind + time.Minute)}}, Warn, "history has not read for 6m0s"},
		{"another group", groups{all: []bus.Group{{Name: "history"}, {Name: "old"}}}, Warn, "the log also waits for a group old"},
		{"a dead letter", groups{all: []bus.Group{{Name: "history"}}, letters: 1}, Warn, "1 entry or more; the first: no room"},
		{"dead letters", groups{all: []bus.Group{{Name: "history"}}, letters: 2}, Warn, "2 entries or more"},
	} {
		r := &report{}
		parse(t).log(t.Context(), r, tt.log)
		r.only(t, tt.name, tt.state, tt.text)
	}
}

// TestEntryText: what a driver logs is told with its fields, in order.
func TestEntryText(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	zap.New(core).Warn("it is slow", zap.String("who", "redis"), zap.Int("by", 3))
	if got := entryText(logs.All()[0]); got != "it is slow, by 3, who redis" {
		t.Errorf("it says %q", got)
	}
}

// TestOpenFolder names what others can read in a data folder, and that alone.
func TestOpenFolder(t *testing.T) {
	data := t.TempDir()
	path := func(name string) string { return filepath.Join(data, name) }
	for _, err := range []error{
		os.Mkdir(path("bus"), 0o700), os.WriteFile(path("history.db"), nil, 0o600), os.WriteFile(path("directory.db"), nil, 0o600), os.Chmod(data, 0o755), os.Chmod(path("bus"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r := &report{}
	parse(t, "--data", data).dataFolder(r)
	r.has(t, "data folder", Warn, "everybody on this machine can read "+path("bus"))
	if strings.Contains(r.text(), ".db") {
		t.Errorf("of other files it says\n%s", r.text())
	}
}
