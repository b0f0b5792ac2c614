// Package frame owns the form of WebSocket frames (RFC 6455 section 5) as a server sees them: it
// reads a client's frames out of memory that the caller owns, and writes the headers of its own.
//
// It knows no connection and keeps no state: its callers assemble fragments.
package frame

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
)

// MaxHeader is the greatest length of a header that a server writes, in bytes; a client's has four
// more for the mask.
const MaxHeader = 10

// maxControl is the greatest payload of a control frame (section 5.5).
const maxControl = 125

// Frame is a client's frame. Payload is a view into the memory that was read, unmasked there.
type Frame struct {
	Payload []byte
	Op      ws.OpCode
	Fin     bool
	Packed  bool // the message that begins here is compressed (RFC 7692 section 6)
}

// rsv1 is the bit of a header's first byte that says so.
const rsv1 = 0x40

// PackedLimit returns how long the compressed form of a message of at most limit bytes may be: what
// does not compress grows by five bytes for each 65,535 (RFC 1951 section 3.2.4), by an eighth with
// the fixed codes (section 3.2.6), and clients add a few bytes of their own.
func PackedLimit(limit int) int { return limit + limit/8 + 64 }

// Read takes the first frame from b and unmasks its payload in place. used is its length in b; 0: b
// does not hold all of it yet. Frames whose payload is longer than limit, or than PackedLimit where
// a compressed message begins, are refused as soon as their header is there, and so are compressed
// messages unless packed says that compression was agreed on. A code other than 0 is that of the
// close that the frame is to be answered with.
func Read(b []byte, limit int, packed bool) (f Frame, used int, code wire.CloseCode) {
	if len(b) < 2 {
		return f, 0, 0
	}
	f.Fin, f.Op, f.Packed = b[0]&0x80 != 0, ws.OpCode(b[0]&0x0f), b[0]&rsv1 != 0
	size, head := uint64(b[1]&0x7f), 2
	switch {
	case b[0]&0x30 != 0, f.Packed && !packed: // reserved bits without an extension (section 5.2)
		return f, 0, wire.CloseFrame
	// only where a message begins (RFC 7692 section 6.1)
	case f.Packed && f.Op != ws.OpText && f.Op != ws.OpBinary:
		return f, 0, wire.CloseFrame
	case f.Op.IsReserved(), b[1]&0x80 == 0: // a client masks (section 5.1)
		return f, 0, wire.CloseFrame
	case f.Op.IsControl() && (!f.Fin || size > maxControl):
		return f, 0, wire.CloseFrame
	}
	switch size {
	case 126:
		if head = 4; len(b) < head {
			return f, 0, 0
		}
		// The shortest form is to be used (section 5.2).
		if size = uint64(binary.BigEndian.Uint16(b[2:])); size < 126 {
			return f, 0, wire.CloseFrame
		}
	case 127:
		if head = 10; len(b) < head {
			return f, 0, 0
		}
		if size = binary.BigEndian.Uint64(b[2:]); size < 1<<16 || size > 1<<63-1 {
			return f, 0, wire.CloseFrame
		}
	}
	if f.Packed {
		limit = PackedLimit(limit)
	}
	if size > uint64(limit) {
		return f, 0, wire.CloseTooBig
	}
	end := head + 4 + int(size)
	if len(b) < end {
		return f, 0, 0
	}
	f.Payload = b[head+4 : end : end]
	ws.Cipher(f.Payload, [4]byte(b[head:head+4]), 0)
	return f, end, 0
}

// AppendHeader appends the header of a final, unmasked frame with a payload of size bytes.
func AppendHeader(dst []byte, op ws.OpCode, size int) []byte {
	dst = append(dst, 0x80|byte(op))
	switch {
	case size < 126:
		return append(dst, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(size))
}

// AppendPackedHeader is AppendHeader for a message that is compressed.
func AppendPackedHeader(dst []byte, op ws.OpCode, size int) []byte {
	at := len(dst)
	dst = AppendHeader(dst, op, size)
	dst[at] |= rsv1
	return dst
}

// Append appends a final, unmasked frame.
func Append(dst []byte, op ws.OpCode, payload []byte) []byte {
	return append(AppendHeader(dst, op, len(payload)), payload...)
}

// AppendClose appends a close frame. The reason is cut to what fits a control frame.
func AppendClose(dst []byte, code wire.CloseCode, reason string) []byte {
	if code == wire.CloseNoStatus {
		return AppendHeader(dst, ws.OpClose, 0)
	}
	for len(reason) > maxControl-2 || !utf8.ValidString(reason) {
		reason = reason[:len(reason)-1]
	}
	dst = AppendHeader(dst, ws.OpClose, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// HeaderLen returns the length of the header of the unmasked frame at the start of b, which holds
// at least two bytes.
func HeaderLen(b []byte) int {
	switch b[1] & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// Len returns the length of the unmasked frame at the start of b, header included. b must hold at
// least its header.
func Len(b []byte) int {
	switch head := HeaderLen(b); head {
	case 4:
		return head + int(binary.BigEndian.Uint16(b[2:]))
	case 10:
		return head + int(binary.BigEndian.Uint64(b[2:]))
	default:
		return head + int(b[1]&0x7f)
	}
}

// Closed returns the code that a client's close frame is answered with: its own, or one that says
// what is wrong with it.
func Closed(payload []byte) wire.CloseCode {
	if len(payload) == 0 {
		return wire.CloseNoStatus
	}
	if len(payload) == 1 {
		return wire.CloseFrame
	}
	code := ws.StatusCode(binary.BigEndian.Uint16(payload))
	switch {
	case !utf8.Valid(payload[2:]):
		return wire.CloseNotUTF8
	// section 7.4
	case code < 1000, code == 1004, code == 1005, code == 1006, code > 1014 && code < 3000, code > 4999:
		return wire.CloseFrame
	}
	return wire.CloseCode(code)
}
