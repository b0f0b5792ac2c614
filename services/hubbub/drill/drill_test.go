package drill

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/services/hubbub/cluster"
	"hubbub.internal/services/hubbub/load"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func config(bus string) Config {
	return Config{Bus: bus, Seed: 1, Edges: 2, Presence: 2, Sockets: 12, Rooms: 2, Rate: 40}
}

// TestDrill holds a short drill on each bus. `make drill` runs all faults.
func TestDrill(t *testing.T) {
	bin := t.TempDir()
	if err := cluster.Build(t.Context(), bin); err != nil {
		t.Fatal(err)
	}
	for _, bus := range []string{cluster.Redis, cluster.NATS} {
		t.Run(bus, func(t *testing.T) {
			t.Parallel()
			cfg := config(bus)
			cfg.Bin, cfg.Dir = bin, t.TempDir()
			cfg.Only = []string{"kill-edge", "kill-bus", "part-edge", "reconnect", "kill-history"}
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
				if !r.Good() || r.Verdict.Acknowledged == 0 || r.Verdict.Delivered != cfg.Sockets/2*r.Verdict.Acknowledged {
					t.Errorf("%s: %+v", r.Fault, r)
				}
			}
		})
	}
}

func TestSchedule(t *testing.T) {
	cfg := config("redis")
	order := func(seed uint64) (names []string) {
		for _, f := range cfg.schedule(rand.New(rand.NewPCG(seed, 3))) {
			names = append(names, f.Name)
		}
		return names
	}
	if a, b := order(1), order(1); !slices.Equal(a, b) || len(a) != len(Faults) {
		t.Errorf("the same seed has %v and %v", a, b)
	}
	if slices.Equal(order(1), order(2)) {
		t.Error("another seed has the same schedule")
	}
	cfg.Only = []string{"kill-bus"}
	if got := order(1); !slices.Equal(got, cfg.Only) {
		t.Errorf("only kill-bus is %v", got)
	}
}

func TestConfig(t *testing.T) {
	cfg := config("redis")
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"fault": func(c *Config) { c.Only = []string{"meteor"} }, "edges": func(c *Config) { c.Edges = 1 },
		"sockets": func(c *Config) { c.Sockets = 0 }, "rate": func(c *Config) { c.Rate = -1 },
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

// TestRow: a result that is not good says why, in the table and in JSON.
func TestRow(t *testing.T) {
	bad := Result{Fault: "kill-bus", Sent: 7, NoService: time.Second, Verdict: load.Verdict{Acknowledged: 7, Lost: 1, First: []string{"message x is gone"}}}
	odd := Result{Fault: "kill-edge", Problem: "presence of room r"}
	if bad.Good() || odd.Good() {
		t.Error("a bad result is good")
	}
	if row := bad.row(); !strings.Contains(row, "BAD") || !strings.Contains(row, "message x is gone") {
		t.Error(row)
	}
	if row := odd.row(); !strings.Contains(row, "BAD presence of room r") {
		t.Error(row)
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
