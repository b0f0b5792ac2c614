package session

import (
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/services/edge/internal/conn"
)

// TestLapsedAreAskedAboutInParts: of those whose tokens have run out as many are asked about as one
// request takes, while none is under way; the others keep their places.
func TestLapsedAreAskedAboutInParts(t *testing.T) {
	r := newRig(t, Options{})
	const more = 10
	for slot := range uint32(directory.MaxSessions + more) {
		r.enter(slot, "ann")
		r.s.lapsed = append(r.s.lapsed, r.conn.Ref(slot))
	}
	rest := r.s.lapsed[directory.MaxSessions:]
	want := rest[0]
	r.s.checkLapsed()
	if !r.s.checking || len(r.s.lapsed) != more || r.s.lapsed[0] != want {
		t.Errorf("asking: %t; %d wait", r.s.checking, len(r.s.lapsed))
	}
	if r.s.checkLapsed(); len(r.s.lapsed) != more {
		t.Error("asked again before there is an answer")
	}
	r.s.checking = false
	if r.s.checkLapsed(); r.s.lapsed != nil {
		t.Error("the list holds its memory")
	}
}

// TestLapsedWhoHasGone: a session that has ended is not asked about, and an answer that it has
// ended does not close the one that has its place.
func TestLapsedWhoHasGone(t *testing.T) {
	r := newRig(t, Options{})
	r.enter(0, "ann")
	gone := r.conn.Ref(0)
	r.s.lapsed = append(r.s.lapsed, gone)
	r.conn.Probe().Forget(0)
	if r.s.checkLapsed(); r.s.checking {
		t.Error("asked about nobody")
	}
	r.enter(0, "bob")
	r.enter(1, "cat")
	r.s.checked([]conn.Ref{gone, r.conn.Ref(1)}, []int{-1, 0, 2}, time.Now())
	for slot, user := range []string{"bob", "cat"} {
		if !r.s.Present(uint32(slot)) || r.s.User(uint32(slot)) != user {
			t.Errorf("%s was closed", user)
		}
	}
	if r.s.checked([]conn.Ref{gone, r.conn.Ref(1)}, []int{1}, time.Now()); r.s.Present(1) {
		t.Error("who has ended goes on")
	}
}

// TestLapseIsOfTheReady: only who is logged in has a token that runs out.
func TestLapseIsOfTheReady(t *testing.T) {
	r := newRig(t, Options{})
	r.open(0)
	if r.s.lapse(0); len(r.s.lapsed) != 0 {
		t.Error("a connection without a session is asked about")
	}
}
