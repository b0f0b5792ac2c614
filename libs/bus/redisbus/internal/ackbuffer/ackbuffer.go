// Package ackbuffer holds the entries that the log acknowledged lately, in bounded memory, so that
// they can be appended again if the log turns out to have lost them.
//
// It knows no server and no clock: the caller passes the seconds. It is not safe for concurrent
// use.
package ackbuffer

import "encoding/binary"

// chunkSize is how much memory is allocated at a time.
const chunkSize = 64 << 10

// Buffer holds entries, oldest first.
type Buffer struct {
	limit  int // bytes of all chunks
	size   int
	chunks []chunk
	free   []byte // a chunk's memory, for reuse
}

// chunk holds entries back to back.
type chunk struct {
	b    []byte
	last uint32 // when the last of it was added
}

// Entry is an entry of the buffer. Its slices are valid until the next Add or Trim.
type Entry struct {
	At     uint32 // when it was added, in seconds
	Seq    uint64
	Room   []byte
	Record []byte // sender, id and content, as the driver encodes them
}

// headSize is the size of an entry's head: the time, the Seq, the length of the record, and that of
// the room's name.
const headSize = 4 + 8 + 4 + 1

// New returns a Buffer of at most limit bytes.
func New(limit int) *Buffer { return &Buffer{limit: limit} }

// Size returns how many bytes of memory the entries take.
func (k *Buffer) Size() int { return k.size }

// Add adds an entry, and evicts the oldest ones where there is no room. The room's name has at most
// 255 bytes. Add drops an entry that is larger than the limit by itself.
func (k *Buffer) Add(at uint32, seq uint64, room string, record []byte) {
	need := headSize + len(room) + len(record)
	if need > k.limit {
		return
	}
	if n := len(k.chunks); n == 0 || cap(k.chunks[n-1].b)-len(k.chunks[n-1].b) < need {
		k.grow(max(need, min(chunkSize, k.limit)))
	}
	c := &k.chunks[len(k.chunks)-1]
	c.last = at
	b := binary.LittleEndian.AppendUint32(c.b, at)
	b = binary.LittleEndian.AppendUint64(b, seq)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(record)))
	b = append(b, byte(len(room)))
	b = append(b, room...)
	c.b = append(b, record...)
}

// grow begins a chunk of n bytes.
func (k *Buffer) grow(n int) {
	drop := 0
	for size := k.size; size+n > k.limit; drop++ {
		size -= cap(k.chunks[drop].b)
	}
	k.drop(drop)
	b := k.free
	k.free = nil
	if cap(b) != n {
		b = make([]byte, 0, n)
	}
	k.size += n
	k.chunks = append(k.chunks, chunk{b: b})
}

// drop evicts the first n chunks.
func (k *Buffer) drop(n int) {
	for i := range k.chunks[:n] {
		k.size -= cap(k.chunks[i].b)
		k.free = k.chunks[i].b[:0]
	}
	rest := copy(k.chunks, k.chunks[n:])
	clear(k.chunks[rest:])
	k.chunks = k.chunks[:rest]
}

// Trim evicts what was added before a time, a chunk at a time. With the last chunk it frees all
// memory.
func (k *Buffer) Trim(before uint32) {
	n := 0
	for n < len(k.chunks) && k.chunks[n].last < before {
		n++
	}
	if k.drop(n); len(k.chunks) == 0 {
		k.chunks, k.free = nil, nil
	}
}

// Each calls do for the entries that were added at a time or later, in the order of their addition.
func (k *Buffer) Each(since uint32, do func(Entry)) {
	for _, c := range k.chunks {
		for b := c.b; len(b) > 0; {
			e := Entry{At: binary.LittleEndian.Uint32(b), Seq: binary.LittleEndian.Uint64(b[4:])}
			room := headSize + int(b[headSize-1])
			end := room + int(binary.LittleEndian.Uint32(b[12:]))
			e.Room, e.Record = b[headSize:room:room], b[room:end:end]
			if b = b[end:]; e.At >= since {
				do(e)
			}
		}
	}
}
