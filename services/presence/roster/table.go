package roster

// table gives each id an index of 32 bits and a value. An index is used again after its id was removed.
type table[T any] struct {
	index map[string]uint32
	names []string
	items []T
	free  []uint32
}

func newTable[T any]() table[T] { return table[T]{index: make(map[string]uint32)} }

// get returns the index of an id, which has a zero value if it is new. It keeps a copy of the id.
func (t *table[T]) get(id []byte) uint32 {
	if i, ok := t.index[string(id)]; ok {
		return i
	}
	name := string(id)
	var i uint32
	if n := len(t.free); n > 0 {
		i = t.free[n-1]
		t.free = t.free[:n-1]
		t.names[i] = name
	} else {
		var zero T
		i = uint32(len(t.items))
		t.names, t.items = append(t.names, name), append(t.items, zero)
	}
	t.index[name] = i
	return i
}

func (t *table[T]) name(i uint32) string { return t.names[i] }

func (t *table[T]) remove(i uint32) {
	var zero T
	delete(t.index, t.names[i])
	t.names[i], t.items[i] = "", zero
	t.free = append(t.free, i)
}

func (t *table[T]) len() int { return len(t.index) }
