package roster

// set is a hash set with open addressing and linear probing of values that say by themselves what
// they are: their zero is an empty slot. It takes what its slots take, a third to a half of what a
// map does; for millions of entries that is what decides how many fit. Its users give the hash of a
// value each time.
type set[E comparable] struct {
	slots []E // a power of two of them, or none
	n     int
}

const minSlots = 4

// find returns the place of the value with a hash that is the one looked for, or -1.
func (s *set[E]) find(hash uint64, is func(E) bool) int {
	var empty E
	if s.n == 0 {
		return -1
	}
	mask := uint64(len(s.slots) - 1)
	for i := hash & mask; s.slots[i] != empty; i = (i + 1) & mask {
		if is(s.slots[i]) {
			return int(i)
		}
	}
	return -1
}

// add adds a value that is not in it and returns its place, which is good until the next call that
// changes the set.
func (s *set[E]) add(e E, hash func(E) uint64) int {
	if 8*(s.n+1) > 7*len(s.slots) {
		s.resize(max(minSlots, 2*len(s.slots)), hash)
	}
	s.n++
	return s.place(e, hash(e))
}

func (s *set[E]) place(e E, hash uint64) int {
	var empty E
	mask := uint64(len(s.slots) - 1)
	i := hash & mask
	for s.slots[i] != empty {
		i = (i + 1) & mask
	}
	s.slots[i] = e
	return int(i)
}

// remove removes the value at a place.
func (s *set[E]) remove(at int, hash func(E) uint64) {
	var empty E
	mask := uint64(len(s.slots) - 1)
	hole := uint64(at)
	s.slots[hole] = empty
	s.n--
	// Whatever was put further on because of the value that has gone moves up, so that it is found
	// again.
	for i := (hole + 1) & mask; s.slots[i] != empty; i = (i + 1) & mask {
		home := hash(s.slots[i]) & mask
		if (i-home)&mask >= (i-hole)&mask {
			s.slots[hole], s.slots[i] = s.slots[i], empty
			hole = i
		}
	}
	if len(s.slots) > minSlots && 4*s.n < len(s.slots) {
		s.resize(len(s.slots)/2, hash)
	}
}

func (s *set[E]) resize(slots int, hash func(E) uint64) {
	var empty E
	old := s.slots
	s.slots = make([]E, slots)
	for _, e := range old {
		if e != empty {
			s.place(e, hash(e))
		}
	}
}

// mixBits is the finalizer of MurmurHash3: it makes a hash of a number that may be one of a
// sequence.
func mixBits(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
