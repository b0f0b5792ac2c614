package hub

import (
	"errors"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/deflate"
)

// inflateUnit is how many bytes that a message has grown by when inflated count as one command
// more. What is short on the wire and long to read would otherwise be the cheapest way to keep a
// loop busy. Bytes that a message has shrunk by count likewise: they are blocks of nothing.
const inflateUnit = 4 << 10

// inflate decompresses a message, within the limit that holds for others. It returns false when
// that has ended the session.
func (s *Shard) inflate(slot uint32, b []byte) ([]byte, bool) {
	out, err := s.inflater.Inflate(b, s.hub.opts.Frame)
	switch {
	case errors.Is(err, deflate.ErrTooBig):
		s.fail(slot, wire.CloseTooBig)
		return nil, false
	case err != nil:
		s.close(slot, wire.CloseNotUTF8, "a compressed message is not DEFLATE data")
		s.finish(slot)
		return nil, false
	}
	grown := len(out) - len(b)
	for cost := max(grown, -grown)/inflateUnit + s.inflater.Restarts; cost > 0 && s.sessions.at(slot).state != stClosing; cost-- {
		s.mayAnswer(slot)
	}
	return out, s.sessions.at(slot).state != stClosing
}
