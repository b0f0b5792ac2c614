package swarm

import (
	"encoding/binary"
	"errors"
)

// The opcodes of RFC 6455 section 5.2 that are met here.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xa
)

// mask is the key of every frame: what a client sends has to be masked, and here no cache in
// between is to be kept from being fooled.
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// appendFrame appends a client's frame.
func appendFrame(b []byte, op byte, payload []byte) []byte {
	b = append(b, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i&3])
	}
	return b
}

// maxFrame is the longest frame that is taken from a server: what Hubbub sends unasked is far below
// it.
const maxFrame = 1 << 20

var errFrame = errors.New("a frame that no Hubbub sends: in parts, masked, of an unknown kind, or too long")

// nextFrame cuts a server's frame off b. op is 0 when it has not come whole.
func nextFrame(b []byte) (op byte, payload, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, b, nil
	}
	op = b[0] & 15
	if b[0]&0xf0 != 0x80 || b[1]&0x80 != 0 || op != opText && (op < opClose || op > opPong) {
		return 0, nil, b, errFrame
	}
	n, at := uint64(b[1]), 2
	switch {
	case n == 126 && len(b) >= 4:
		n, at = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case n == 127 && len(b) >= 10:
		n, at = binary.BigEndian.Uint64(b[2:]), 10
	case n >= 126:
		return 0, nil, b, nil
	}
	if n > maxFrame {
		return 0, nil, b, errFrame
	}
	if uint64(len(b)-at) < n {
		return 0, nil, b, nil
	}
	end := at + int(n)
	return op, b[at:end], b[end:], nil
}
