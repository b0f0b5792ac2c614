package swarm

import (
	"encoding/binary"
	"fmt"
)

// The opcodes of RFC 6455 section 5.2.
const (
	OpText   = 0x1
	OpBinary = 0x2
	OpClose  = 0x8
	OpPing   = 0x9
	OpPong   = 0xa
)

// Mask is the key of every frame that a client sends. RFC 6455 wants a random one for each, to
// protect proxies from what a page makes its browser send; these clients are no browsers.
var Mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// AppendFrame appends a client's frame.
func AppendFrame(b []byte, op byte, payload []byte) []byte {
	b = append(b, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, Mask[:]...)
	for i, c := range payload {
		b = append(b, c^Mask[i&3])
	}
	return b
}

// NextFrame returns the first frame of a server in b, whose payload may have maxBytes, and what
// follows it. op is 0 while the frame is incomplete. The error says why no server that these
// clients know sends such a frame.
func NextFrame(b []byte, maxBytes int) (op byte, payload, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, b, nil
	}
	op = b[0] & 15
	switch {
	case b[1]&0x80 != 0:
		return 0, nil, b, fmt.Errorf("the server sent a masked frame: %#x", b[:2])
	case b[0]&0xf0 != 0x80 || op != OpText && op != OpBinary && (op < OpClose || op > OpPong):
		return 0, nil, b, fmt.Errorf("the server sent a fragmented frame, or one with an unknown opcode: %#x", b[:2])
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
	if n > uint64(maxBytes) {
		return 0, nil, b, fmt.Errorf("the server sent a frame of %d bytes, and the limit is %d", n, maxBytes)
	}
	if uint64(len(b)-at) < n {
		return 0, nil, b, nil
	}
	end := at + int(n)
	return op, b[at:end], b[end:], nil
}
