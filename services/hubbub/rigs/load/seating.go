package load

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size says how many sockets are in each room: the same in all, or by Zipf's law, the first with
// the most, the second with half as many, the third with a third. As text it is 50 or zipf:1000.
type Size struct {
	Most int
	Zipf bool
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(b []byte) error {
	text, zipf := strings.CutPrefix(string(b), "zipf:")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return fmt.Errorf("it is %.40q; it has to be a number of sockets above 0, or zipf: and that of the largest room", b)
	}
	s.Most, s.Zipf = n, zipf
	return nil
}

// MarshalText writes a size.
func (s Size) MarshalText() ([]byte, error) {
	if s.Zipf {
		return fmt.Appendf(nil, "zipf:%d", s.Most), nil
	}
	return strconv.AppendInt(nil, int64(s.Most), 10), nil
}

// of returns the size of room i in a crowd of that many sockets.
func (s Size) of(i, sockets int) int {
	n := s.Most
	if s.Zipf {
		n = max(1, s.Most/(i+1))
	}
	return min(n, sockets)
}

// seating computes which sockets of a crowd are in which rooms, wherever that is needed: a table
// would be too large. Neighbouring sockets share rooms and users, so that few users are members of
// a room.
type seating struct {
	plan  *Plan
	begin []int // of each room: its first socket
	taken int   // sockets that are in a room: 0 to taken-1
}

func newSeating(p *Plan) *seating {
	s := &seating{plan: p}
	at := 0
	for i := range p.Rooms {
		s.begin = append(s.begin, at%p.Sockets)
		at += p.size(i)
	}
	s.taken = min(at, p.Sockets)
	return s
}

// each calls f for every seat of a room.
func (s *seating) each(room int, f func(socket int)) {
	for k := range s.plan.size(room) {
		f((s.begin[room] + k) % s.plan.Sockets)
	}
}

// user returns the number of a socket's user.
func (s *seating) user(socket int) int { return socket * s.plan.Users / s.plan.Sockets }

// speakers returns how many sockets speak.
func (s *seating) speakers() int {
	if n := s.plan.Speakers; n > 0 {
		return min(n, s.taken)
	}
	return s.taken
}

// speaker returns the socket that sends message k. All take turns, but neighbours do not follow
// each other.
func (s *seating) speaker(k int) int {
	n := s.speakers()
	step := max(1, int(float64(n)*0.618))
	for gcd(step, n) != 1 {
		step++
	}
	return int(uint64(k%n) * uint64(step) % uint64(n))
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// perSecond returns how many messages the crowd sends per second.
func (s *seating) perSecond() float64 {
	if s.plan.Think > 0 {
		return float64(s.speakers()) / s.plan.Think.Seconds()
	}
	return s.plan.Rate
}

// gap returns the time between two messages in seconds: constant or, with Think, exponentially
// distributed. chance is uniform in [0, 1).
func (s *seating) gap(chance float64) float64 {
	mean := 1 / s.perSecond()
	if s.plan.Think > 0 {
		return mean * -math.Log(1-chance)
	}
	return mean
}
