// Package slab keeps values that are found by a small number, such as the slot of a connection.
// Each layer of the edge has a slab of its own state by slot.
package slab

const chunkBits = 10

// ChunkSize is how many values a slab grows by. With as many, chunks of structs whose size is a
// multiple of 8 are whole pages, so that the allocator adds nothing to them.
const ChunkSize = 1 << chunkBits

// Slab holds values in chunks that never move. Its zero value is empty.
type Slab[T any] struct{ chunks [][]T }

// At returns the value with index i, which Reach has made usable.
func (s *Slab[T]) At(i uint32) *T { return &s.chunks[i>>chunkBits][i%ChunkSize] }

// Reach makes index i usable.
func (s *Slab[T]) Reach(i uint32) {
	for uint32(len(s.chunks)) <= i>>chunkBits {
		s.chunks = append(s.chunks, make([]T, ChunkSize))
	}
}

// Len returns how many indices are usable.
func (s *Slab[T]) Len() uint32 { return uint32(len(s.chunks) * ChunkSize) }
