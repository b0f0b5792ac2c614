package swarm

import (
	"bytes"
	"testing"
)

// TestFrames reads frames of every form of length, in parts.
func TestFrames(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 1<<16 - 1, 1 << 16} {
		payload := bytes.Repeat([]byte("x"), n)
		masked := appendFrame(nil, opText, payload)
		// As a server writes it: the same without mask.
		header := len(masked) - n - len(mask)
		frame := append(bytes.Clone(masked[:header]), payload...)
		frame[1] &^= 0x80
		for _, cut := range []int{0, 1, header - 1, header, len(frame) - 1} {
			if cut >= len(frame) {
				continue
			}
			if _, _, _, ok := nextFrame(frame[:cut]); ok {
				t.Errorf("a frame of %d bytes is whole after %d of %d", n, cut, len(frame))
			}
		}
		op, got, rest, ok := nextFrame(append(frame, "next"...))
		if !ok || op != opText || !bytes.Equal(got, payload) || string(rest) != "next" {
			t.Errorf("a frame of %d bytes is read as %d of %#x, %t, and %q after it", n, len(got), op, ok, rest)
		}
	}
}
