package replica

import (
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/services/presence/roster"
)

// TestExpiryIsBounded: an edge that falls silent is there for as long as it may only be late, and
// is gone when its time is over, wherever in that time the ticks are, and although the heartbeat
// was under way and ticks come late.
func TestExpiryIsBounded(t *testing.T) {
	t.Parallel()
	cfg := Config{Heartbeat: 5 * time.Second, Expiry: expiry, Fetches: 1}
	every := cfg.tick()
	for phase := time.Duration(0); phase < every; phase += every / 10 {
		for late := time.Duration(0); late < every; late += every / 4 {
			r := New(cfg, Deps{Log: zap.NewNop(), Hears: func() bool { return true }, Changed: func(*roster.Roster, roster.Seat) {}})
			w := &world{id: "e1"}
			w.start()
			enter(w, 1, "ann")
			begun := time.Unix(1e9, 0)
			r.tick(begun, 0)
			sent := begun.Add(phase)
			for _, msg := range w.tally.Heartbeat() {
				// the delivery and a late tick take a tick together
				r.edges.receive(sent.Add(every-late), msg)
			}
			gone := time.Time{}
			for now := begun.Add(every); gone.IsZero(); now = now.Add(every) {
				if _, lost := r.tick(now.Add(late), 0); len(lost) > 0 {
					gone = now.Add(late)
				}
			}
			if took := gone.Sub(sent); took > expiry || took < expiry-3*every {
				t.Errorf("ticks %s after the heartbeat and %s late: gone after %s, want %s", phase, late, took, expiry)
			}
			if n, _, _ := r.roster.Size(); n != 0 {
				t.Errorf("%d sessions are left", n)
			}
		}
	}
}

// TestRefusedIsLoggedOnce: whatever is refused is counted, and logged once a minute for each
// reason.
func TestRefusedIsLoggedOnce(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.DebugLevel)
	metrics := prometheus.NewRegistry()
	r := New(Config{Heartbeat: time.Second, Expiry: expiry}, Deps{Log: zap.New(core), Metrics: metrics})
	now := time.Now()
	for range 100 {
		r.edges.receive(now, []byte("not a report"))
		r.edges.receive(now, presence.NewTally("e1", 2, nil).Heartbeat()[0])
		r.edges.receive(now, presence.NewTally("e1", 1, nil).Heartbeat()[0])
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "hubbub_presence_reports_refused_total" {
				counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if want := map[string]float64{refusedDamaged: 100, refusedReplayed: 99, refusedOld: 100}; !maps.Equal(counted, want) {
		t.Errorf("counted are %v, want %v", counted, want)
	}
	if n := logs.Len(); n != 3 {
		t.Errorf("%d lines are logged, want one for each reason: %v", n, logs.All())
	}
	r.refused[refusedDamaged] = now.Add(-time.Minute)
	r.edges.receive(now, []byte("not a report"))
	if n := logs.Len(); n != 4 {
		t.Errorf("%d lines are logged a minute later, want 4", n)
	}
}
