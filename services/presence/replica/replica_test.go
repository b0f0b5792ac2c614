package replica

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/services/presence/roster"
)

// TestExpiryIsBounded: an edge that falls silent is there for as long as it may only be late, and is gone when its time
// is over, wherever in that time the ticks are, and although the heartbeat was under way and ticks come late.
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
				r.edges.receive(sent.Add(every-late), msg) // the delivery and a late tick take a tick together
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
