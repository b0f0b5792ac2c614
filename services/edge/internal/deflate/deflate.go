// Package deflate owns the compression of messages (RFC 7692, permessage-deflate) without context
// takeover: each message stands for itself, so that one compressed form serves all sockets and no
// socket holds a window.
//
// It knows no frame and no socket, and decides neither what is compressed nor for whom.
package deflate

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/flate"
)

// tail is the end of every flushed message. It is not sent (RFC 7692 section 7.2.1).
var tail = []byte{0x00, 0x00, 0xff, 0xff}

// sink appends what is written to it.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

var sinks = sync.Pool{New: func() any { return new(sink) }}

// Append appends the compressed form of a message that is not empty. Safe for concurrent use.
func Append(dst, msg []byte) []byte {
	s := sinks.Get().(*sink)
	s.b = dst
	_ = flate.StatelessDeflate(s, msg, false, nil) // fails only when the writer does
	dst, s.b = s.b, nil
	sinks.Put(s)
	return bytes.TrimSuffix(dst, tail)
}
