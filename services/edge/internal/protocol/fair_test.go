package protocol

import (
	"bytes"
	"testing"
)

// TestFairness has news in a room of 30,000 and then, turn after turn, in a room of two: those two
// have theirs in the turn in which it comes, and no turn serves more of the large room than its
// bound.
func TestFairness(t *testing.T) {
	s, l := plainShard()
	const large, visits = 30_000, 1024
	big, small := s.hub.rooms.Open("large"), s.hub.rooms.Open("small")
	for slot := range uint32(large) {
		admit(s, slot)
		seat(s, slot, "large")
	}
	for slot := uint32(large); slot < large+2; slot++ {
		admit(s, slot)
		seat(s, slot, "small")
	}
	s.conn.Turn()
	const first = 10 // entries of the large room
	for i := range uint64(first) {
		big.Log().Entry(entry("large", i+1, i, 100))
	}
	count := func(slot uint32) int { return bytes.Count(l.got[slot], []byte(`"type":"msg"`)) }
	turns := uint64(0)
	for served := 0; served < large; turns++ {
		small.Log().Entry(entry("small", turns+1, turns, 100))
		wait := s.conn.Turn()
		for slot := uint32(large); slot < large+2; slot++ {
			if got := count(slot); got != int(turns)+1 {
				t.Fatalf("after turn %d a socket of the small room has %d of its entries", turns+1, got)
			}
		}
		now := len(l.got) - 2 - served // sockets that were written to for the first time
		if now > visits {
			t.Fatalf("turn %d wrote to %d sockets of the large room", turns+1, now)
		}
		if served += now; wait != 0 && served < large {
			t.Fatalf("the loop would wait while %d sockets have not had theirs", large-served)
		}
	}
	if turns < large/visits || turns > large/visits+2 {
		t.Errorf("took %d turns", turns)
	}
	for slot := range uint32(large) {
		if got := count(slot); got != first {
			t.Fatalf("socket %d has %d of %d entries", slot, got, first)
		}
	}
}
