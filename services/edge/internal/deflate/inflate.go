package deflate

import (
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
)

// Errors of Inflate.
var (
	ErrTooBig  = errors.New("the message is too big when inflated")
	ErrCorrupt = errors.New("the message is not DEFLATE data")
)

const (
	// minOut and keepOut are the smallest memory that messages are inflated into, and the largest
	// that is kept.
	minOut  = 4 << 10
	keepOut = 64 << 10
	// window is how far back DEFLATE may refer (RFC 1951 section 2).
	window = 32 << 10
)

// ending follows what a client has sent: the tail that it has left out, and an empty last block,
// without which the decoder would ask for more.
const ending = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// Inflater decompresses messages, one at a time. Its zero value has no memory yet; with it, it
// takes some 50 KiB. It is not safe for concurrent use.
type Inflater struct {
	src source
	r   io.ReadCloser
	out []byte
	// Restarts is how often the last message went on after a block that said it was the last one.
	// Each costs the decoder a new window.
	Restarts int
}

// source is a message and then the ending. The decoder takes single bytes from it, and none that it
// does not need.
type source struct {
	msg []byte
	end string
}

// ReadByte implements io.ByteReader.
func (s *source) ReadByte() (c byte, err error) {
	switch {
	case len(s.msg) > 0:
		c, s.msg = s.msg[0], s.msg[1:]
	case len(s.end) > 0:
		c, s.end = s.end[0], s.end[1:]
	default:
		return 0, io.EOF
	}
	return c, nil
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (n int, err error) {
	for ; n < len(p); n++ {
		if p[n], err = s.ReadByte(); err != nil {
			break
		}
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// Inflate returns the message of which b is the compressed form, or ErrTooBig as soon as it has
// more than limit bytes, or ErrCorrupt. What it returns is valid until the next call.
func (i *Inflater) Inflate(b []byte, limit int) ([]byte, error) {
	if cap(i.out) > keepOut {
		i.out = nil
	}
	i.src = source{msg: b, end: ending}
	out := i.out[:0]
	i.Restarts = 0
	err := i.reset(nil)
	for err == nil {
		if len(out) == cap(out) {
			out = append(make([]byte, 0, min(max(2*cap(out), minOut), max(limit+1, minOut))), out...)
		}
		var n int
		n, err = i.r.Read(out[len(out):min(cap(out), limit+1)])
		if out = out[:len(out)+n]; len(out) > limit {
			err = ErrTooBig
		}
		// A client may end blocks as if they were the last ones (RFC 7692 section 7.2.3.4), and go
		// on.
		if errors.Is(err, io.EOF) && len(i.src.msg) > 0 {
			i.Restarts++
			err = i.reset(out[max(0, len(out)-window):])
		}
	}
	i.src.msg = nil
	i.out = out
	switch {
	case errors.Is(err, io.EOF):
		return out, nil
	case errors.Is(err, ErrTooBig):
		return nil, err
	}
	return nil, ErrCorrupt
}

// reset starts the decoder at the rest of the message; the dictionary is what came before it.
func (i *Inflater) reset(before []byte) error {
	if i.r == nil {
		i.r = flate.NewReaderDict(&i.src, before)
		return nil
	}
	return i.r.(flate.Resetter).Reset(&i.src, before)
}
