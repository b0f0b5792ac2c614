package load

import (
	"math"
	"testing"
	"time"
)

// TestSeating: every room has its size, all sockets speak in turn, and few users are members of a
// room.
func TestSeating(t *testing.T) {
	p := Plan{Sockets: 100, Users: 10, Rooms: 7, Size: 30, Rate: 4}
	s := newSeating(&p)
	in := make(map[int]int) // by socket: rooms
	for r := range p.Rooms {
		n, users := 0, make(map[int]bool)
		s.each(r, func(socket int) {
			n++
			in[socket]++
			users[s.user(socket)] = true
		})
		if n != 30 || len(users) > 4 {
			t.Errorf("room %d has %d sockets of %d users", r, n, len(users))
		}
	}
	for socket := range p.Sockets {
		if n := in[socket]; n < 2 || n > 3 {
			t.Errorf("socket %d is in %d of 7 rooms", socket, n)
		}
	}
	spoken := make(map[int]int)
	for k := range 3 * s.speakers() {
		spoken[s.speaker(k)]++
	}
	for socket := range p.Sockets {
		if spoken[socket] != 3 {
			t.Errorf("socket %d speaks %d times in 3 rounds", socket, spoken[socket])
		}
	}
	if g := s.gap(0.3); g != 0.25 {
		t.Errorf("at 4 messages a second the next comes after %f s", g)
	}

	p.Speakers, p.Think = 5, 20*time.Second
	for k := range 50 {
		if got := s.speaker(k); got >= 5 {
			t.Errorf("socket %d speaks, of 5", got)
		}
	}
	mean, n := 0.0, 1000
	for k := range n {
		mean += s.gap((float64(k)+0.5)/float64(n)) / float64(n)
	}
	if s.perSecond() != 0.25 || math.Abs(mean-4) > 0.05 {
		t.Errorf("5 who think for 20 s say %f a second, one every %f s", s.perSecond(), mean)
	}
	p.Rooms, p.Size, p.Speakers = 1, 10, 0
	if got := newSeating(&p).speakers(); got != 10 {
		t.Errorf("%d speak of 10 that are in a room", got)
	}
}
