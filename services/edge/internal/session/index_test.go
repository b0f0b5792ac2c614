package session

import (
	"slices"
	"testing"
	"time"

	"hubbub.internal/libs/auth"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/transport"
)

// loop is a transport that nobody drives.
type loop struct{ transport.Loop }

// opening is the handler of a shard of sessions alone.
type opening struct {
	conn.Handler
	s *Shard
}

func (o opening) Opened(slot uint32) { o.s.Opened(slot) }
func (o opening) Left(slot uint32)   { o.s.Left(slot) }

// TestIndex: sessions of a user are found, also when another user has the same hash, and nothing is
// left of them.
func TestIndex(t *testing.T) {
	m := metrics.New(nil)
	c := conn.NewHub(conn.Options{HandshakeTimeout: time.Second, PingAfter: time.Second}, m, nil).Shard(loop{})
	s := NewHub(Options{}, Deps{Metrics: m}, 0).Shard(c)
	c.Serve(opening{s: s}, nil)
	enter := func(slot uint32, user string) {
		c.Opened(slot)
		c.Accept(slot, false)
		s.Enter(slot, &auth.Claims{User: user}, "", time.Now())
	}
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
