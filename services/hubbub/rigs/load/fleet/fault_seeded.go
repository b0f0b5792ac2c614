//go:build linux && (loadfault_drop || loadfault_double)

package fleet

import "bytes"

// faultyMessage is the number of the incoming message that is dropped or doubled.
const faultyMessage = 20

// fault drops or doubles a message on purpose, to show that the verdict notices.
type fault struct{ messages int }

// times returns how often a client handles the payload of a text frame: once, but not for the
// faulty message.
func (f *fault) times(payload []byte) int {
	if !bytes.Contains(payload, []byte(`"type":"msg"`)) {
		return 1
	}
	if f.messages++; f.messages == faultyMessage {
		return faulty
	}
	return 1
}
