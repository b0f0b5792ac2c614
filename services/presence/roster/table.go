package roster

import "hubbub.internal/libs/api/presence"

// table gives each id an index of 32 bits and a value. An index is used again after its id was
// removed.
type table[T any] struct {
	index set[uint32] // index + 1
	names []string
	items []T
	free  []uint32
}

// find returns the index of an id.
func (t *table[T]) find(id string) (uint32, bool) {
	at := t.index.find(presence.Hash(id), func(e uint32) bool { return t.names[e-1] == id })
	if at < 0 {
		return 0, false
	}
	return t.index.slots[at] - 1, true
}

// get returns the index of an id, which has a zero value if it is new. It keeps a copy of the id.
func (t *table[T]) get(id []byte) uint32 {
	if i, ok := t.find(string(id)); ok {
		return i
	}
	var i uint32
	if n := len(t.free); n > 0 {
		i = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		var zero T
		i = uint32(len(t.items))
		t.names, t.items = append(t.names, ""), append(t.items, zero)
	}
	t.names[i] = string(id)
	t.index.add(i+1, t.hash)
	return i
}

func (t *table[T]) name(i uint32) string { return t.names[i] }

func (t *table[T]) remove(i uint32) {
	var zero T
	t.index.remove(t.index.find(t.hash(i+1), func(e uint32) bool { return e == i+1 }), t.hash)
	t.names[i], t.items[i] = "", zero
	t.free = append(t.free, i)
}

func (t *table[T]) hash(e uint32) uint64 { return presence.Hash(t.names[e-1]) }

func (t *table[T]) len() int { return t.index.n }
