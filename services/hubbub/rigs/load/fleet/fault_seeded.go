//go:build linux && (loadfault_drop || loadfault_double)

package fleet

import "bytes"

// faultyMessage is which of the messages that come is dropped or doubled.
const faultyMessage = 20

// fault is planted to see whether it is found: a verdict that nothing can spoil proves nothing.
type fault struct{ messages int }

// times returns how often the payload of a text frame is taken in: once, but one of them not, or
// twice.
func (f *fault) times(payload []byte) int {
	if !bytes.Contains(payload, []byte(`"type":"msg"`)) {
		return 1
	}
	if f.messages++; f.messages == faultyMessage {
		return faulty
	}
	return 1
}
