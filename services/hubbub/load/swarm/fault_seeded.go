//go:build linux && (loadfault_drop || loadfault_double)

package swarm

import "bytes"

// faultyMessage is which of the messages that come is dropped or doubled.
const faultyMessage = 20

// fault is planted to see whether it is found: a server is as good as its proof.
type fault struct{ messages int }

// seeded takes in the payload of a text frame, but one of them not, or twice.
func (s *Swarm) seeded(i int, payload []byte) error {
	if bytes.Contains(payload, []byte(`"type":"msg"`)) {
		if s.seed.messages++; s.seed.messages == faultyMessage {
			if drops {
				return nil
			}
			if err := s.text(i, payload); err != nil {
				return err
			}
		}
	}
	return s.text(i, payload)
}
