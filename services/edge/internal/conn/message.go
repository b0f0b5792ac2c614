package conn

import (
	"errors"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/deflate"
	"hubbub.internal/services/edge/internal/frame"
)

// Fail closes a session whose client breaks RFC 6455.
func (s *Shard) Fail(slot uint32, code wire.CloseCode) {
	ses := s.sessions.At(slot)
	if ses.state != Closing { // else it has had its close frame
		s.Close(slot, code, reasons[code])
		// the client's answer could not be told from the rest, so nobody waits for it
		s.finish(slot)
	}
}

var reasons = map[wire.CloseCode]string{
	wire.CloseFrame:   "a frame breaks RFC 6455",
	wire.CloseBinary:  "the protocol is text",
	wire.CloseNotUTF8: "a text is not UTF-8",
	wire.CloseTooBig:  "a message is longer than limits.frame",
}

// frame handles one frame.
func (s *Shard) frame(slot uint32, f frame.Frame) {
	ses := s.sessions.At(slot)
	if f.Op == ws.OpClose {
		s.closed(slot, f.Payload)
		return
	}
	if ses.state == Closing {
		return
	}
	switch {
	case f.Op == ws.OpPing:
		if ok, _ := s.Charge(slot); ok {
			s.pushFrame(slot, ws.OpPong, f.Payload)
		}
	case f.Op == ws.OpPong:
	case f.Op == ws.OpBinary && ses.flags&flFragment == 0:
		s.Fail(slot, wire.CloseBinary)
	case (f.Op == ws.OpContinuation) != (ses.flags&flFragment != 0):
		s.Fail(slot, wire.CloseFrame)
	case f.Fin && f.Op == ws.OpText:
		s.message(slot, f.Payload, f.Packed)
	default:
		s.fragment(slot, f)
	}
}

// fragment adds a part to a message (RFC 6455 section 5.4), and hands the message over at the last.
func (s *Shard) fragment(slot uint32, f frame.Frame) {
	ses := s.sessions.At(slot)
	if ses.flags |= flFragment; f.Packed {
		ses.flags |= flPacked
	}
	more := ses.extra()
	switch {
	case more.part.Len()+len(f.Payload) > s.frameLimit(ses):
		s.Fail(slot, wire.CloseTooBig)
		return
	case !f.Fin && s.buffers.Full():
		s.Close(slot, wire.CloseOverloaded, "the edge is short of memory")
		return
	}
	s.buffers.Append(&more.part, f.Payload)
	if !f.Fin {
		if len(f.Payload) == 0 {
			s.Charge(slot) // empty fragments cost the client nothing, so they count as commands
		}
		return
	}
	packed := ses.flags&flPacked != 0
	ses.flags &^= flFragment | flPacked
	whole := more.part
	more.part = nil
	ses.slim()
	s.message(slot, whole.Bytes(), packed)
	s.buffers.Free(&whole)
}

// message hands over a text message, which may be compressed.
func (s *Shard) message(slot uint32, b []byte, packed bool) {
	if packed {
		var ok bool
		if b, ok = s.inflate(slot, b); !ok {
			return
		}
	}
	s.handler.Message(slot, b)
}

// InflateUnit is how many bytes that a message has grown by when inflated count as one command
// more. What is short on the wire and long to read would otherwise be the cheapest way to keep a
// loop busy. Bytes that a message has shrunk by count likewise: they are blocks of nothing.
const InflateUnit = 4 << 10

// inflate decompresses a message, within the limit that holds for others. It returns false when
// that has ended the session.
func (s *Shard) inflate(slot uint32, b []byte) ([]byte, bool) {
	out, err := s.inflater.Inflate(b, s.hub.Options.Frame)
	switch {
	case errors.Is(err, deflate.ErrTooBig):
		s.Fail(slot, wire.CloseTooBig)
		return nil, false
	case err != nil:
		s.Close(slot, wire.CloseNotUTF8, "a compressed message is not DEFLATE data")
		s.finish(slot)
		return nil, false
	}
	grown := len(out) - len(b)
	for cost := max(grown, -grown)/InflateUnit + s.inflater.Restarts; cost > 0 && s.sessions.At(slot).state != Closing; cost-- {
		s.Charge(slot)
	}
	return out, s.sessions.At(slot).state != Closing
}
