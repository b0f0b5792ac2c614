package replica

import (
	"fmt"
	"testing"
	"time"
)

// TestBuriedProcesses: what the processes of an edge said that is gone brings nobody back: neither
// one older than the last, nor one that this replica knows by its goodbye alone.
func TestBuriedProcesses(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := &world{id: "e1", process: 4}
	w.start() // the fifth
	enter(w, 1, "ann")
	oldest := w.tally.Heartbeat()
	w.start()
	enter(w, 1, "ann")
	said := w.tally.Heartbeat()
	f.receive(w.tally.Goodbye()) // before anything else of it
	f.receive(said...)
	f.receive(oldest...)
	if len(f.es.known) != 0 || f.sessions() != 0 {
		t.Errorf("%d edges are known, %d sessions", len(f.es.known), f.sessions())
	}
	if f.refused[refusedLate] != len(said) || f.refused[refusedOld] != len(oldest) {
		t.Errorf("refused are %v, of %d and %d messages", f.refused, len(said), len(oldest))
	}
	w.start()
	f.receive(w.tally.Heartbeat()...)
	if len(f.es.known) != 1 {
		t.Error("a later process is not let in")
	}
}

// TestTombstonesAreBounded: whoever makes up edges has so many remembered.
func TestTombstonesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture()
	for i := range maxTombstones + 10 {
		f.es.bury(f.now, fmt.Sprint("e", i), tombstone{incarnation: 1, goodbye: true})
	}
	if n := len(f.es.gone); n != maxTombstones {
		t.Errorf("%d are remembered", n)
	}
	f.es.expire(f.now.Add(5 * expiry))
	if n := len(f.es.gone); n != 0 {
		t.Errorf("%d are remembered for ever", n)
	}
}

// TestChangesThatComeTwice: they are held once, and applied once, and nothing is held without need.
func TestChangesThatComeTwice(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	e := f.es.known["e1"]
	first := entered(t, w, 2, "bob")
	f.receive(first)
	if len(e.held) != 0 || e.heldBytes != 0 {
		t.Errorf("%d changes are held, of %d bytes, and nothing is missing", len(e.held), e.heldBytes)
	}
	f.receive(first)
	if f.refused[refusedRepeated] != 1 || f.sessions() != 2 {
		t.Errorf("again: refused are %v, %d sessions", f.refused, f.sessions())
	}
	missing, held := entered(t, w, 3, "cyd"), entered(t, w, 4, "dan")
	f.receive(held, held)
	if f.refused[refusedRepeated] != 2 || len(e.held) != 1 || e.heldBytes != len(held) {
		t.Errorf("held twice: refused are %v; %d held, of %d bytes", f.refused, len(e.held), e.heldBytes)
	}
	f.receive(missing)
	if f.sessions() != 4 || len(e.held) != 0 || !f.es.synced() {
		t.Errorf("%d sessions, %d held, synced %v", f.sessions(), len(e.held), f.es.synced())
	}
}

// TestAheadIsNotSynced: while a snapshot runs ahead of the changes that are applied, what is known
// of the edge is not what it was at any moment.
func TestAheadIsNotSynced(t *testing.T) {
	t.Parallel()
	f := newFixture()
	settledEdge(t, f)
	e := f.es.known["e1"]
	if !f.es.synced() {
		t.Fatal("it is not synced")
	}
	if e.settled = e.applied + 1; f.es.synced() {
		t.Error("it is synced, and a change that the snapshot has is still to come")
	}
}

// TestFindingsOfAll: those of all edges that are there are summed up, since the oldest of them.
func TestFindingsOfAll(t *testing.T) {
	t.Parallel()
	for range 20 { // maps have another order each time
		c := newClocked(t)
		c.receive(oneSession("e1").tally.Heartbeat()...)
		c.receive(oneSession("e2").tally.Heartbeat()...)
		old, young := c.now.Add(-time.Hour), c.now
		c.found[c.edges.known["e1"]] = finding{ghosts: 1, missing: 2, differing: 3, since: young}
		c.found[c.edges.known["e2"]] = finding{ghosts: 10, missing: 20, differing: 30, since: old}
		c.found[&edge{id: "e3"}] = finding{ghosts: 100, since: old.Add(-time.Hour)} // is gone
		if got := c.total(); got != (finding{ghosts: 11, missing: 22, differing: 33, since: old}) {
			t.Fatalf("in all %+v", got)
		}
		c.ready = true
		if all := c.auditable(); len(all) != 2 || len(c.found) != 2 {
			t.Fatalf("%d edges are compared, and %d findings kept", len(all), len(c.found))
		}
		c.ready = false
		if all := c.auditable(); len(all) != 0 {
			t.Fatalf("%d edges are compared before this replica knows them", len(all))
		}
	}
}
