// Package buffer owns the temporary memory of one loop's connections: an incomplete frame, a
// message in fragments, output that the kernel did not accept. An idle connection has none.
//
// A Pool keeps freed buffers for the next and bounds what all together may hold. It is not safe for
// concurrent use.
package buffer

import "math/bits"

const (
	minBits = 9  // 512 B, the smallest class
	classes = 12 // up to 1 MiB; larger ones are not kept
	keep    = 64 // buffers kept of each class, and at most keepBytes of memory
)

// keepBytes is how much memory a class keeps.
const keepBytes = 1 << 20

// Buffer is memory with a beginning that was consumed already. Bytes are what it holds.
type Buffer struct {
	b     []byte
	start int
}

// Bytes returns what the buffer holds; valid until the buffer is changed.
func (b *Buffer) Bytes() []byte { return b.b[b.start:] }

// Len returns how many bytes the buffer holds; 0 for a nil Buffer.
func (b *Buffer) Len() int {
	if b == nil {
		return 0
	}
	return len(b.b) - b.start
}

// Skip forgets the first n bytes.
func (b *Buffer) Skip(n int) { b.start += n }

// Pool makes buffers and takes them back.
type Pool struct {
	limit int // bytes
	held  int // bytes of buffers that are in use
	free  [classes][]*Buffer
}

// NewPool returns a pool whose buffers may hold limit bytes together.
func NewPool(limit int) *Pool { return &Pool{limit: limit} }

// Held returns how many bytes the buffers in use take.
func (p *Pool) Held() int { return p.held }

// Full reports whether the limit is reached. Callers that can refuse new demand do so then.
func (p *Pool) Full() bool { return p.held >= p.limit }

// Append appends data to *b, which may be nil.
func (p *Pool) Append(b **Buffer, data []byte) {
	p.Grow(b, len(data))
	(*b).b = append((*b).b, data...)
}

// Grow makes room for n more bytes in *b, which may be nil.
func (p *Pool) Grow(b **Buffer, n int) {
	old := *b
	if old == nil {
		*b = p.get(n)
		return
	}
	if len(old.b)+n <= cap(old.b) {
		return
	}
	if old.start > 0 && old.Len()+n <= cap(old.b) && old.start >= cap(old.b)/2 {
		old.b = old.b[:copy(old.b[:cap(old.b)], old.b[old.start:])]
		old.start = 0
		return
	}
	grown := p.get(old.Len() + n)
	grown.b = append(grown.b, old.Bytes()...)
	p.Free(b)
	*b = grown
}

// Tail returns the buffer's memory for appending to; give the result to Set.
func (b *Buffer) Tail() []byte { return b.b }

// Set gives the buffer the slice that appending to Tail has made.
func (p *Pool) Set(b *Buffer, s []byte) {
	p.held += cap(s) - cap(b.b)
	b.b = s
}

// Free takes *b back and clears it. It does nothing for nil.
func (p *Pool) Free(b **Buffer) {
	old := *b
	if old == nil {
		return
	}
	*b = nil
	p.held -= cap(old.b)
	c := bits.Len(uint(cap(old.b))) - 1 - minBits // the class that it is at least as large as
	if c < 0 || c >= classes || len(p.free[c]) >= max(1, min(keep, keepBytes>>(c+minBits))) {
		return
	}
	old.b, old.start = old.b[:0], 0
	p.free[c] = append(p.free[c], old)
}

func (p *Pool) get(n int) *Buffer {
	c := max(0, bits.Len(uint(max(n, 1)-1))-minBits)
	if c < classes {
		if l := len(p.free[c]); l > 0 {
			b := p.free[c][l-1]
			p.free[c] = p.free[c][:l-1]
			p.held += cap(b.b)
			return b
		}
		n = 1 << (c + minBits)
	}
	p.held += n
	return &Buffer{b: make([]byte, 0, n)}
}
