package hub

import (
	"slices"
	"testing"
	"time"

	"hubbub.internal/libs/auth"
)

// TestOwnIndex: sessions of a user are found, also when another user has the same hash, and nothing
// is left of them.
func TestOwnIndex(t *testing.T) {
	s, _ := plainShard()
	users := []string{"ann", "bob", "ann", "cy", "ann", "bob"}
	for i, user := range users {
		slot := uint32(i)
		s.admit(slot)
		s.sessions.At(slot).who = newPerson(&auth.Claims{User: user}, "", time.Now())
		s.enterOwn(slot, 0)
	}
	// The other has a session in ann's list, as if the hashes were the same.
	s.sessions.At(6).peer, s.own.first[userHash("ann")] = s.own.first[userHash("ann")], 6
	s.admit(6)
	s.sessions.At(6).who = newPerson(&auth.Claims{User: "dan"}, "", time.Now())
	s.sessions.At(6).peer = 4

	of := func(user string) (slots []uint32) {
		s.eachOf(user, func(slot uint32) { slots = append(slots, slot) })
		slices.Sort(slots)
		return slots
	}
	check := func(user string, want ...uint32) {
		t.Helper()
		if got := of(user); !slices.Equal(got, want) {
			t.Errorf("%s has the sessions %v, want %v", user, got, want)
		}
	}
	check("ann", 0, 2, 4)
	check("bob", 1, 5)
	check("nobody")
	for _, gone := range []uint32{2, 5, 4} {
		s.conn.Probe().Forget(gone)
	}
	check("ann", 0)
	check("bob", 1)
	check("cy", 3)
	if !s.own.has(userHash("cy")) || s.own.has(userHash("nobody")) {
		t.Error("the loop does not know whom it has")
	}
	for _, gone := range []uint32{0, 1, 3} {
		s.conn.Probe().Forget(gone)
	}
	if n := len(s.own.first); n != 1 { // dan's, who is in a list that is not his
		t.Errorf("%d lists are left", n)
	}
}

func TestUserOf(t *testing.T) {
	if userOf("u-ann") != "ann" || string(userOf([]byte("u-ann"))) != "ann" {
		t.Error("a personal room is not its user's")
	}
}
