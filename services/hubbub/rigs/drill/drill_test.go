package drill

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/consume"
	"hubbub.internal/libs/checkout"
	"hubbub.internal/services/hubbub/rigs/cluster"
	"hubbub.internal/services/hubbub/rigs/load"
	"hubbub.internal/services/presence"
)

// binaries returns the folder of the services' binaries.
func binaries(t *testing.T) string {
	t.Helper()
	dir, err := checkout.Bin()
	if err == nil {
		err = cluster.Build(t.Context(), dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "5") // clusters mostly wait; the flag exists, so this cannot fail
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func config(bus string) Config {
	return Config{
		// Long enough for history to use up its retries of an entry, where its store fails at once.
		Bus: bus, BusNodes: 1, Store: "sqlite", Outage: consume.Patience() + time.Second, Seed: 1, Edges: 2, Presence: 2, Sockets: 12, Rooms: 2, Rate: 40,
	}
}

// TestDrill runs a short drill on each bus, and a failover of each. `make drill` runs all faults.
func TestDrill(t *testing.T) {
	t.Parallel()
	bin := binaries(t)
	// Each bus gets half of the faults that do not depend on the kind of bus.
	one := []string{"upgrade", "kill-bus", "part-edge", "full-store", "kill-edge", "lose-history", "lose-presence"}
	other := []string{"kill-bus", "part-edge", "full-store", "reconnect", "kill-nginx", "lose-edges", "lose-directory"}
	for _, tt := range []struct {
		bus   string
		nodes int
		only  []string
	}{{cluster.Redis, 1, one}, {cluster.NATS, 1, other}, {cluster.Redis, 3, []string{"kill-leader"}}, {cluster.NATS, 3, []string{"kill-leader"}}} {
		t.Run(fmt.Sprint(tt.bus, tt.nodes), func(t *testing.T) {
			t.Parallel()
			cfg := config(tt.bus)
			cfg.Bin, cfg.Dir, cfg.BusNodes, cfg.Only = bin, t.TempDir(), tt.nodes, tt.only
			if slices.Contains(tt.only, "upgrade") {
				cfg.Previous = otherRelease(t, bin)
			}
			var out bytes.Buffer
			results, err := Run(t.Context(), cfg, &out)
			if err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			t.Log(out.String())
			if len(results) != len(cfg.Only) {
				t.Errorf("%d results of %d faults", len(results), len(cfg.Only))
			}
			for _, r := range results {
				// A client that is told of a rewind would read the missing messages from history.
				all := r.Verdict.Delivered == cfg.Sockets/2*r.Verdict.Acknowledged || r.Verdict.Rewinds > 0
				if !r.Good() || r.Verdict.Acknowledged == 0 || !all {
					t.Errorf("%s: %+v", r.Fault, r)
				}
			}
		})
	}
}

// otherRelease returns a folder with services that count their starts: the start of the cluster,
// and the way back.
func otherRelease(t *testing.T, bin string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range services {
		script := fmt.Sprintf("#!/bin/sh\necho >> %[1]s/%[2]s.starts\nexec %[3]s/%[2]s \"$@\"\n", dir, name, bin)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for name, want := range map[string]int{"directory": 2, "history": 2, "presence": 4, "edge": 4} {
			if b, err := os.ReadFile(filepath.Join(dir, name+".starts")); err != nil || len(b) < want {
				t.Errorf("%s of the other release was started %d times, want %d: %v", name, len(b), want, err)
			}
		}
	})
	return dir
}

// TestSchedule: the same seed gives the same faults, in the same order, on the same processes.
func TestSchedule(t *testing.T) {
	cfg := config("redis")
	processes := func(kind string) (all []*cluster.Process) {
		for i := range 5 {
			all = append(all, &cluster.Process{Name: fmt.Sprint(kind, "-", i)})
		}
		return all
	}("edge")
	plan := func(seed uint64) (names []string) {
		rng := rand.New(rand.NewPCG(seed, 3))
		for range 2 {
			for _, turn := range cfg.schedule(rng) {
				names = append(names, turn.Name, one(turn.dice(), processes).Name)
			}
		}
		return names
	}
	if a, b := plan(1), plan(1); !slices.Equal(a, b) {
		t.Errorf("the same seed gives %v and %v", a, b)
	}
	if slices.Equal(plan(1), plan(2)) {
		t.Error("another seed gives the same schedule")
	}
	all := plan(1)
	if half := len(all) / 2; slices.Equal(all[:half], all[half:]) {
		t.Error("two rounds are the same")
	}
	for _, f := range Faults {
		if slices.Contains(all, f.Name) != cfg.has(f.needs) {
			t.Errorf("%s, which needs %q, is in the schedule: %v", f.Name, f.needs, !cfg.has(f.needs))
		}
	}
	cfg.Only = []string{"kill-bus"}
	if got := plan(1); len(got) != 4 || got[0] != "kill-bus" {
		t.Errorf("with only kill-bus the schedule is %v", got)
	}
}

func TestConfig(t *testing.T) {
	cfg := config("redis")
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"fault": func(c *Config) { c.Only = []string{"meteor"} }, "edges": func(c *Config) { c.Edges = 1 },
		"sockets": func(c *Config) { c.Sockets = 0 }, "rate": func(c *Config) { c.Rate = -1 }, "nodes": func(c *Config) { c.BusNodes = 2 },
		"previous": func(c *Config) { c.Previous = "/" }, "fault without a previous": func(c *Config) { c.Only = []string{"upgrade"} },
		"fault for three": func(c *Config) { c.Only = []string{"kill-leader"} }, "outage": func(c *Config) { c.Outage = -1 },
	} {
		c := config("redis")
		if spoil(&c); c.Validate() == nil {
			t.Errorf("a bad %s is accepted", name)
		}
	}
	var out bytes.Buffer
	cfg.List = true
	if err := cfg.Execute(t.Context(), &out); err != nil || strings.Count(out.String(), "\n") != len(Faults) {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestOutagesAreLongEnough checks that the default outages outlast every wait and every series of
// retries.
func TestOutagesAreLongEnough(t *testing.T) {
	var cfg Config
	k, err := kong.New(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(nil); err != nil {
		t.Fatal(err)
	}
	stores := 0
	for _, f := range Faults {
		d := f.shortest()
		if f.needs == sqliteFile || f.needs == mongoServer {
			stores++
			if d == 0 {
				t.Errorf("%s does not say how soon the store fails", f.Name)
			}
		}
		if d > cfg.Outage {
			t.Errorf("%s lasts %s, and history tries for %s", f.Name, cfg.Outage, d)
		}
	}
	if stores != 4 {
		t.Errorf("%d faults of the store, want 4", stores)
	}
	if d := consume.Patience(); d < time.Second || d > 10*time.Second {
		t.Errorf("history tries for %s", d)
	}
	var presence presence.Config
	if k, err = kong.New(&presence); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(nil); err != nil {
		t.Fatal(err)
	}
	if least := max(presence.EdgeExpiry, bus.AppendTimeout); lost < least+time.Second || lost > cfg.Outage {
		t.Errorf("all processes of a service are away for %s, and clients wait for up to %s", lost, least)
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		fault, bus string
		nodes      int
		want       time.Duration
	}{
		{"kill-edge", "redis", 1, 3 * time.Second}, {"restart-bus", "redis", 1, 5 * time.Second}, {"restart-bus", "redis", 3, 0},
		{"kill-leader", "redis", 3, 5 * time.Second}, {"kill-leader", "nats", 3, 10 * time.Second}, {"freeze-bus", "nats", 1, 0},
	} {
		cfg := config(c.bus)
		cfg.BusNodes, cfg.Times = c.nodes, true
		f := Faults[slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == c.fault })]
		if got := cfg.most(f); got != c.want {
			t.Errorf("%s on %d %s: %s, want %s", c.fault, c.nodes, c.bus, got, c.want)
		}
		if cfg.Times = false; cfg.most(f) != 0 {
			t.Errorf("%s has a bound though times are not judged", c.fault)
		}
	}
}

// TestRow: the table and the JSON say why a result is bad.
func TestRow(t *testing.T) {
	bad := Result{Fault: "kill-bus", Sent: 7, NoService: time.Second, Verdict: load.Verdict{Acknowledged: 7, Lost: 1, First: load.Findings{Lost: []string{"message x is gone"}}}}
	odd := Result{Fault: "kill-edge", Problem: "presence of room r"}
	if bad.Good() || odd.Good() {
		t.Error("a bad result counts as good")
	}
	if row := bad.row(); !strings.Contains(row, "BAD") || !strings.Contains(row, "message x is gone") {
		t.Error(row)
	}
	if row := odd.row(); !strings.Contains(row, "BAD presence of room r") {
		t.Error(row)
	}
	none := Result{Fault: "full-bus", Skipped: "skipped: no right to mount"}
	if row := none.row(); !none.Good() || !strings.HasSuffix(row, none.Skipped) {
		t.Error(row)
	}
	refused := Result{Failed: map[string]int{"unavailable": 2, "unknown": 1}}
	if err := refused.codes(); err != nil || refused.failed() != 3 {
		t.Errorf("%v, %d", err, refused.failed())
	}
	refused.Failed["forbidden"] = 1
	if refused.codes() == nil {
		t.Error("a permanent refusal counts as a temporary one")
	}
	var out bytes.Buffer
	if err := summary(Config{JSON: true, Bus: "redis"}, []Result{bad, {Fault: "deploy"}}, &out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Bad    int
		Faults []Result
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Bad != 1 || len(got.Faults) != 2 || got.Faults[0].Verdict.Lost != 1 {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestGrown: grown names a service that holds much more than at the start.
func TestGrown(t *testing.T) {
	base := map[string]vitals{"edge-1": {Heap: 5 << 20, Goroutines: 20, Files: 30}, "history": {Heap: 5 << 20}}
	if more := grown(base, map[string]vitals{"edge-1": {Heap: 9 << 20, Goroutines: 50, Files: 60}, "history": {}}, 12); more != "" {
		t.Errorf("a little growth is reported: %q", more)
	}
	for what, v := range map[string]vitals{"heap": {Heap: 50 << 20}, "goroutines": {Goroutines: 1000}, "open files": {Files: 1000}} {
		if more := grown(base, map[string]vitals{"edge-1": v}, 12); !strings.Contains(more, "edge-1") || !strings.Contains(more, what) {
			t.Errorf("growth of %s is reported as %q", what, more)
		}
	}
}
