package directory

import "testing"

func TestPack(t *testing.T) {
	for _, role := range roles {
		for bits := range 128 {
			a := Access{
				Role: role, Read: bits&1 != 0, Send: bits&2 != 0, Direct: bits&4 != 0, Small: bits&8 != 0, React: bits&16 != 0, Slow: bits / 64 * maxSlow, Archived: bits&32 != 0,
			}
			p, ok := pack(a, 77)
			if !ok || p.access() != a || !p.current(77) || p.current(78) {
				t.Errorf("%+v is packed as %b, %v, which is %+v", a, p, ok, p.access())
			}
		}
	}
}

// TestUnknownRole shows that a role of a newer directory is good for the call, and is not kept as
// another.
func TestUnknownRole(t *testing.T) {
	var s answers
	s.init()
	k := key{"ann", "lobby"}
	if !s.holds(k, s.now(k), Access{Role: "emperor", Read: true}, true) {
		t.Error("the answer does not hold")
	}
	if a, ok := s.get(k.user, k.room); ok {
		t.Errorf("kept as %+v", a)
	}
}
