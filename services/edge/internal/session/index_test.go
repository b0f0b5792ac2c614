package session

import (
	"slices"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// TestIndex: sessions of a user are found, also when another user has the same hash, and nothing is
// left of them.
func TestIndex(t *testing.T) {
	r := newRig(t, Options{})
	c, s := r.conn, r.s
	enter := r.enter
	for i, user := range []string{"ann", "bob", "ann", "cy", "ann", "bob"} {
		enter(uint32(i), user)
	}
	// dan has a session in ann's list, as if the hashes were the same.
	enter(6, "dan")
	s.index.first[userHash("ann")], s.sessions.At(6).peer = 6, s.index.first[userHash("ann")]
	delete(s.index.first, userHash("dan"))

	check := func(user string, want ...uint32) {
		t.Helper()
		var got []uint32
		s.EachOf(user, func(slot uint32) { got = append(got, slot) })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has the sessions %v, want %v", user, got, want)
		}
	}
	check("ann", 0, 2, 4)
	check("bob", 1, 5)
	check("nobody")
	for _, gone := range []uint32{2, 5, 4} {
		c.Probe().Forget(gone)
	}
	check("ann", 0)
	check("bob", 1)
	check("cy", 3)
	if !s.index.has(userHash("cy")) || s.index.has(userHash("nobody")) {
		t.Error("the loop does not know whom it has")
	}
	for _, gone := range []uint32{0, 1, 3} {
		c.Probe().Forget(gone)
	}
	if n := len(s.index.first); n != 1 { // dan's, who is in a list that is not his
		t.Errorf("%d lists are left", n)
	}
}

// TestEachOfWhoEndsOthers: a session that has ended meanwhile, since what is done for one ends
// others, is left out.
func TestEachOfWhoEndsOthers(t *testing.T) {
	r := newRig(t, Options{})
	for slot := range uint32(3) {
		r.enter(slot, "ann")
	}
	done := 0
	r.s.EachOf("ann", func(slot uint32) {
		done++
		for other := range uint32(3) {
			if other != slot && r.s.Present(other) {
				r.conn.Probe().Forget(other)
			}
		}
	})
	if done != 1 {
		t.Errorf("done %d times, with one session left", done)
	}
}

// TestPushKeepsItsEvent: who pushes an event may go on with its memory.
func TestPushKeepsItsEvent(t *testing.T) {
	r := newRig(t, Options{})
	r.enter(0, "ann")
	user, event := []byte("ann"), []byte(`{"type":"x"}`)
	r.hub.PushTo(user, event)
	copy(user, "bob")
	copy(event, `{"type":"y"}`)
	r.conn.Probe().RunPosts()
	if got := string(r.conn.Probe().Out(0)); got != "\x81\x0c"+`{"type":"x"}` {
		t.Errorf("written: %q", got)
	}
}

// TestErrorsAreCounted: each error that a client is told counts, and limits by their name.
func TestErrorsAreCounted(t *testing.T) {
	r := newRig(t, Options{})
	r.enter(0, "ann")
	r.s.ReplyError(0, &wire.Command{}, ErrRooms)
	r.s.ReplyErrorTo(0, "1", ErrPending)
	for _, c := range []struct {
		name, label string
		want        float64
	}{{"errors_total", chat.CodeTooMany, 2}, {"limited_total", "rooms", 1}, {"limited_total", "pending", 1}} {
		if got := r.counted(t, c.name, c.label); got != c.want {
			t.Errorf("%s of %s: %v, want %v", c.name, c.label, got, c.want)
		}
	}
}
