package roster

import (
	"testing"

	"pgregory.net/rapid"
)

// TestSet compares a set with a map, under hashes that collide as they please.
func TestSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.Uint64Range(0, 1<<6-1).Draw(t, "bits")
		hash := func(e uint32) uint64 { return mixBits(uint64(e)) & bits }
		var s set[uint32]
		model := map[uint32]bool{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			e := rapid.Uint32Range(1, 60).Draw(t, "e")
			at := s.find(hash(e), func(x uint32) bool { return x == e })
			if (at >= 0) != model[e] || at >= 0 && s.slots[at] != e {
				t.Fatalf("find %d: %d, want %t", e, at, model[e])
			}
			if at < 0 {
				if at = s.add(e, hash); s.slots[at] != e {
					t.Fatalf("%d is not where it was added", e)
				}
				model[e] = true
			} else {
				s.remove(at, hash)
				delete(model, e)
			}
			if s.n != len(model) {
				t.Fatalf("%d values, want %d", s.n, len(model))
			}
			for e := range model {
				if s.find(hash(e), func(x uint32) bool { return x == e }) < 0 {
					t.Fatalf("%d is lost", e)
				}
			}
			if len(s.slots) > minSlots && len(s.slots) > 8*max(s.n, 1) {
				t.Fatalf("%d slots for %d values", len(s.slots), s.n)
			}
		}
	})
}
