package swarm

import (
	"bytes"
	"testing"
)

// served returns a frame as a server writes it: unmasked.
func served(op byte, payload []byte) []byte {
	masked := AppendFrame(nil, op, payload)
	header := len(masked) - len(payload) - len(Mask)
	frame := append(bytes.Clone(masked[:header]), payload...)
	frame[1] &^= 0x80
	return frame
}

// TestFrames reads frames with each encoding of the length, from incomplete input.
func TestFrames(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 1<<16 - 1, 1 << 16} {
		payload := bytes.Repeat([]byte("x"), n)
		frame := served(OpText, payload)
		for _, cut := range []int{0, 1, 2, 3, len(frame) - 1} {
			if cut >= len(frame) {
				continue
			}
			if op, _, rest, err := NextFrame(frame[:cut], 1<<20); op != 0 || err != nil || len(rest) != cut {
				t.Errorf("a frame of %d bytes after %d of %d: %#x, %v", n, cut, len(frame), op, err)
			}
		}
		op, got, rest, err := NextFrame(append(frame, "next"...), 1<<20)
		if err != nil || op != OpText || !bytes.Equal(got, payload) || string(rest) != "next" {
			t.Errorf("a frame of %d bytes is read as %d of %#x, %v, and %q after it", n, len(got), op, err, rest)
		}
	}
	for name, b := range map[string][]byte{
		"masked": AppendFrame(nil, OpText, nil), "fragmented": {0x01, 0}, "compressed": {0xc1, 0}, "of an unknown opcode": {0x8b, 0},
		"too long": {0x81, 127, 0, 0, 0, 0, 1, 0, 0, 0},
	} {
		if _, _, _, err := NextFrame(b, 1<<20); err == nil {
			t.Errorf("a frame that is %s is accepted", name)
		}
	}
}
