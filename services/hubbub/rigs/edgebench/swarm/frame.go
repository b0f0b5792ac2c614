package swarm

import "encoding/binary"

const (
	opText   = 0x1
	opBinary = 0x2
	opPing   = 0x9
	opPong   = 0xa
)

// mask is the key of every frame: what a client sends has to be masked, and here nobody is to be
// fooled.
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// appendFrame appends a client's frame (RFC 6455 section 5.2).
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

// nextFrame cuts a server's frame off b. False: it has not come whole.
func nextFrame(b []byte) (op byte, payload, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	n, at := int(b[1]&0x7f), 2
	switch n {
	case 126:
		if len(b) < 4 {
			return 0, nil, nil, false
		}
		n, at = int(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		if len(b) < 10 {
			return 0, nil, nil, false
		}
		n, at = int(min(binary.BigEndian.Uint64(b[2:]), 1<<31)), 10
	}
	if len(b)-at < n {
		return 0, nil, nil, false
	}
	return b[0] & 15, b[at : at+n], b[at+n:], true
}
