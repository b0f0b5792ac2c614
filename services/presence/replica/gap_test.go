package replica

import (
	"testing"
	"time"

	"hubbub.internal/libs/api/presence"
)

// entered returns the report of a session that has just come.
func entered(t *testing.T, w *world, id uint64, user string) []byte {
	t.Helper()
	enter(w, id, user)
	out := w.tally.Changes()
	if len(out) != 1 {
		t.Fatalf("%d reports", len(out))
	}
	return out[0]
}

// TestLateChangesHeal: changes that were overtaken make good what was missing, so that no snapshot
// is asked for, and leave nothing that waits.
func TestLateChangesHeal(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	e := f.es.known["e1"]
	for i := range uint64(20) {
		first, second, third := entered(t, w, 10+3*i, "bob"), entered(t, w, 11+3*i, "cyd"), entered(t, w, 12+3*i, "dan")
		f.receive(third, second)
		if e.heldBytes != len(second)+len(third) || f.es.synced() {
			t.Fatalf("%d bytes wait, of %d; synced: %v", e.heldBytes, len(second)+len(third), f.es.synced())
		}
		f.receive(first)
		if e.heldBytes != 0 || len(e.held) != 0 || !f.es.synced() {
			t.Fatalf("when nothing is missing %d bytes wait; synced: %v", e.heldBytes, f.es.synced())
		}
	}
	if f.sessions() != 61 {
		t.Errorf("%d sessions, want 61", f.sessions())
	}
	if due := f.es.due(f.now.Add(time.Minute), 10); len(due) != 0 {
		t.Error("a snapshot is asked for")
	}
}

// TestLateChangesAreNotAll: what came late is not all that is missing, as a heartbeat has said: a
// snapshot is asked for that has all of it.
func TestLateChangesAreNotAll(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	first, second := entered(t, w, 2, "bob"), entered(t, w, 3, "cyd")
	_ = entered(t, w, 4, "dan") // is lost
	beat := w.tally.Heartbeat()
	f.receive(beat...)
	f.receive(second, first)
	due := f.es.due(f.now.Add(time.Minute), 10)
	if len(due) != 1 || due[0].need != f.es.known["e1"].newest {
		t.Fatalf("asked for are %+v; the newest is %d", due, f.es.known["e1"].newest)
	}
}

// TestLateChangesDoNotMendADigest: where the sessions were found wrong, changes that come late do
// not make them right: the snapshot is asked for all the same.
func TestLateChangesDoNotMendADigest(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	e := f.es.known["e1"]
	// as if by mistake
	f.r.Apply(e.sessions, &presence.Change{Kind: presence.Joined, ID: 1, Room: []byte("b")})
	f.receive(w.tally.Heartbeat()...)
	if f.healed["digest"] != 1 {
		t.Fatalf("healed because of %v", f.healed)
	}
	first, second := entered(t, w, 2, "bob"), entered(t, w, 3, "cyd")
	f.receive(second, first)
	f.wait(time.Second)
	f.heal(t, map[string]*world{"e1": w}, func() {})
	if got, want := state(f.r), exact(map[string]*world{"e1": w}); len(got) != len(want) || got["b"] == nil || f.r.Online("b") != 0 || f.sessions() != 3 {
		t.Errorf("%v, want %v", got, want)
	}
}
