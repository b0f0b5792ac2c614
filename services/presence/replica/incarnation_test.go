package replica

import (
	"fmt"
	"testing"
	"time"

	"hubbub.internal/libs/api/presence"
)

// settledEdge returns an edge with one session in room a, which the replica knows of.
func settledEdge(t *testing.T, f *fixture) *world {
	t.Helper()
	w := &world{id: "e1"}
	w.start()
	enter(w, 1, "ann")
	f.receive(w.tally.Heartbeat()...)
	if f.sessions() != 1 {
		t.Fatal("the session is not there")
	}
	return w
}

func enter(w *world, id uint64, user string) {
	s := presence.Session{ID: id, User: user, Name: user, Device: "web", Status: presence.Online, Rooms: []string{"a"}, Since: 1}
	w.sessions[id] = s
	w.tally.Enter(s)
}

func (f *fixture) receive(messages ...[]byte) {
	for _, msg := range messages {
		f.es.receive(f.now, msg)
	}
}

func (f *fixture) sessions() int { n, _, _ := f.r.Size(); return n }

func (f *fixture) wait(d time.Duration) { f.now = f.now.Add(d); f.es.expire(f.now) }

func TestSilentEdgeExpiresAndComesBack(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	f.wait(expiry - time.Millisecond)
	if f.sessions() != 1 {
		t.Error("the edge is gone before its time")
	}
	f.wait(time.Millisecond)
	if f.sessions() != 0 {
		t.Error("a ghost is left of a silent edge")
	}
	// It was only stopped: the same process goes on, and is asked for everything.
	f.receive(w.tally.Heartbeat()...)
	f.wait(time.Second)
	f.heal(t, map[string]*world{"e1": w}, func() {})
	if f.sessions() != 1 {
		t.Error("an edge that was stopped for a while does not come back")
	}
}

func TestReplayedHeartbeatKeepsNobodyAlive(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	old := w.tally.Heartbeat()[0]
	f.receive(old)
	for range 4 {
		f.wait(expiry / 3)
		f.receive(old)
	}
	if f.sessions() != 0 || f.refused[refusedReplayed] == 0 {
		t.Errorf("%d sessions are kept by an old heartbeat; refused: %v", f.sessions(), f.refused)
	}
	if len(f.es.known) != 0 {
		t.Error("an old heartbeat brings an edge back")
	}
}

// TestReplayedHeartbeatAfterComingBack: an edge that was taken for gone, and of which changes have
// come since, is not kept by heartbeats from before.
func TestReplayedHeartbeatAfterComingBack(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	old := w.tally.Heartbeat()[0]
	f.receive(old)
	f.wait(expiry)
	enter(w, 2, "bob")
	f.receive(w.tally.Changes()...)
	if len(f.es.known) != 1 {
		t.Fatal("the edge has not come back")
	}
	f.wait(expiry / 2)
	f.receive(old)
	f.wait(expiry - expiry/2)
	if len(f.es.known) != 0 || f.refused[refusedReplayed] != 1 {
		t.Errorf("an old heartbeat keeps the edge; refused: %v", f.refused)
	}
}

func TestGoodbyeIsFinal(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	enter(w, 2, "bob")
	late := w.tally.Heartbeat()
	f.receive(w.tally.Goodbye())
	if f.sessions() != 0 {
		t.Error("the sessions are there after the goodbye")
	}
	f.receive(late...)
	if len(f.es.known) != 0 || f.refused[refusedLate] != len(late) {
		t.Errorf("what was sent before the goodbye brought the edge back: %v", f.refused)
	}
	w.start()
	f.receive(w.tally.Heartbeat()...)
	if len(f.es.known) != 1 {
		t.Error("a new process of the edge is not let in")
	}
}

func TestNewProcessReplacesTheOld(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	old := w.tally
	w.start()
	enter(w, 1, "bob")
	f.receive(w.tally.Changes()...)
	_, _, _, ann := f.r.User("ann")
	_, _, _, bob := f.r.User("bob")
	if f.sessions() != 1 || ann != nil || bob == nil {
		t.Error("the sessions of a killed process are there after the next one spoke")
	}
	f.receive(old.Heartbeat()...)
	f.receive(old.Goodbye())
	if f.refused[refusedOld] != 2 || f.sessions() != 1 {
		t.Errorf("the old process is listened to: %v", f.refused)
	}
	if f.healed["missing"]+f.healed["digest"] > 0 {
		t.Error("a process heard from its start was asked for a snapshot")
	}
}

// TestClockSetBack: an edge that starts again with a clock of before is let in, late.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := &world{id: "e1", process: 10}
	w.start()
	f.receive(w.tally.Heartbeat()...)
	w.process = 3
	w.start()
	for range 20 {
		f.receive(w.tally.Heartbeat()...)
		f.wait(expiry / 3)
	}
	if e := f.es.known["e1"]; e == nil || e.incarnation != 4 {
		t.Error("the edge is shut out")
	}
}

func TestTooManyEdges(t *testing.T) {
	t.Parallel()
	f := newFixture()
	for i := range maxEdges + 10 {
		f.receive(presence.NewTally(fmt.Sprint("edge", i), 1, nil).Heartbeat()...)
	}
	if len(f.es.known) != maxEdges || f.refused[refusedTooMany] != 10 {
		t.Errorf("%d edges, refused %v", len(f.es.known), f.refused)
	}
}

// TestHeldChangesAreBounded: an edge that cannot be asked, and whose changes do not fit, costs a
// bounded memory and is exact as soon as it can be asked.
func TestHeldChangesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	enter(w, 2, "lost")
	w.tally.Changes()
	for i := range uint64(200_000) {
		enter(w, 3+i, "many")
		if i%200 == 0 {
			f.receive(w.tally.Changes()...)
		}
		if held := f.es.known["e1"].heldBytes; held > maxHeld {
			t.Fatalf("%d bytes are held", held)
		}
	}
	f.receive(w.tally.Heartbeat()...)
	for range 3 {
		f.wait(time.Second)
		f.heal(t, map[string]*world{"e1": w}, func() {})
		f.receive(w.tally.Heartbeat()...)
	}
	if f.sessions() != len(w.sessions) || !f.es.synced() {
		t.Errorf("%d sessions, want %d", f.sessions(), len(w.sessions))
	}
}

// TestWrongDigestIsAskedForLessAndLess: an edge whose digest is never right is not asked all the
// time, and what it tells is applied nevertheless.
func TestWrongDigestIsAskedForLessAndLess(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.es.nextRetry = func(failures int) time.Duration { return time.Duration(failures) * 10 * time.Second }
	w := settledEdge(t, f)
	w.tally.Join(1, "ann", "a") // a second time: against the rules, and counted twice
	for i := range uint64(60) {
		f.receive(w.tally.Heartbeat()...)
		f.wait(time.Second)
		f.heal(t, map[string]*world{"e1": w}, func() {})
		enter(w, 2+i, "bob")
		f.receive(w.tally.Changes()...)
		if f.sessions() != len(w.sessions) {
			t.Fatalf("%d sessions, want %d", f.sessions(), len(w.sessions))
		}
	}
	if n := f.healed["digest"]; n < 2 || n > 5 {
		t.Errorf("asked %d times in a minute", n)
	}
}

// TestChangesDuringSnapshot: what changes while a snapshot is taken and read needs no second one.
func TestChangesDuringSnapshot(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	worlds := map[string]*world{"e1": w}
	enter(w, 2, "bob")
	w.tally.Changes() // lost
	enter(w, 3, "cyd")
	before := w.tally.Heartbeat()
	f.receive(before...)
	f.wait(time.Second)
	var late [][]byte
	w.during = func() { // the snapshot includes this, under a number after its own
		enter(w, 4, "dan")
		delete(w.sessions, 1)
		w.tally.Exit(presence.Session{ID: 1, User: "ann", Device: "web", Status: presence.Online, Rooms: []string{"a"}, Since: 1})
		late = w.tally.Heartbeat()
	}
	beat := w.tally.Heartbeat() // sent before those changes, and delivered after the snapshot
	f.heal(t, worlds, func() {
		enter(w, 5, "eve")
		f.receive(late...)
		f.receive(w.tally.Changes()...)
	})
	f.receive(beat...)
	f.receive(w.tally.Heartbeat()...)
	if f.healed["missing"] != 1 || f.healed["digest"] != 0 || !f.es.synced() {
		t.Errorf("asked for %v", f.healed)
	}
	if got, want := fmt.Sprint(state(f.r)), fmt.Sprint(exact(worlds)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestSnapshotRunsAhead: a heartbeat that was sent before a snapshot's last change is not compared
// with it.
func TestSnapshotRunsAhead(t *testing.T) {
	t.Parallel()
	f := newFixture()
	w := settledEdge(t, f)
	worlds := map[string]*world{"e1": w}
	enter(w, 2, "bob")
	w.tally.Changes() // lost
	f.receive(w.tally.Heartbeat()...)
	f.wait(time.Second)
	beat := w.tally.Heartbeat()
	w.during = func() {
		bob := w.sessions[2]
		bob.Rooms = []string{"a", "b"}
		w.sessions[2] = bob
		w.tally.Join(2, "bob", "b")
	}
	f.heal(t, worlds, func() {})
	f.receive(beat...)
	if n := f.r.Online("b"); f.healed["digest"] != 0 || f.es.known["e1"].wanted || n != 1 {
		t.Errorf("asked for %v, %d in b", f.healed, n)
	}
	f.receive(w.tally.Heartbeat()...)
	if f.healed["digest"] != 0 || !f.es.synced() || f.es.known["e1"].failures != 0 {
		t.Errorf("asked for %v", f.healed)
	}
}

// TestDigestOfAnotherVersion: what a digest of another release says is passed over, and the number
// of sessions is not.
func TestDigestOfAnotherVersion(t *testing.T) {
	t.Parallel()
	f := newFixture()
	settledEdge(t, f)
	e := f.es.known["e1"]
	h := presence.Heartbeat{Beat: e.beat + 1, Number: e.applied, Count: 1, DigestVersion: presence.DigestVersion + 1, Digest: e.sessions.Digest() + 1}
	f.es.heartbeat(f.now, e, &h)
	if f.refused[refusedDigest] != 1 || e.wanted || f.sessions() != 1 {
		t.Errorf("refused %v, asked for %v, %d sessions", f.refused, f.healed, f.sessions())
	}
	h.Beat, h.Count = h.Beat+1, 2
	f.es.heartbeat(f.now, e, &h)
	if f.refused[refusedDigest] != 2 || !e.wanted {
		t.Errorf("refused %v, asked for %v", f.refused, f.healed)
	}
}
