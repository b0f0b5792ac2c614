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
func (r *reader) frame(slot uint32, f frame.Frame) {
	ses := r.sessions.At(slot)
	if f.Op == ws.OpClose {
		r.closed(slot, f.Payload)
		return
	}
	if ses.state == Closing {
		return
	}
	switch {
	case f.Op == ws.OpPing:
		if ok, _ := r.Charge(slot); ok {
			r.pushFrame(slot, ws.OpPong, f.Payload)
		}
	case f.Op == ws.OpPong:
	case f.Op == ws.OpBinary && ses.flags&flFragment == 0:
		r.Fail(slot, wire.CloseBinary)
	case (f.Op == ws.OpContinuation) != (ses.flags&flFragment != 0):
		r.Fail(slot, wire.CloseFrame)
	case f.Fin && f.Op == ws.OpText:
		r.message(slot, f.Payload, f.Packed)
	default:
		r.fragment(slot, f)
	}
}

// fragment adds a part to a message (RFC 6455 section 5.4), and hands the message over at the last.
func (r *reader) fragment(slot uint32, f frame.Frame) {
	ses := r.sessions.At(slot)
	if ses.flags |= flFragment; f.Packed {
		ses.flags |= flPacked
	}
	more := ses.extra()
	switch {
	case more.part.Len()+len(f.Payload) > r.frameLimit(ses):
		r.Fail(slot, wire.CloseTooBig)
		return
	case !f.Fin && r.buffers.Full():
		r.Close(slot, wire.CloseOverloaded, "the edge is short of memory")
		return
	}
	r.buffers.Append(&more.part, f.Payload)
	if !f.Fin {
		if len(f.Payload) == 0 {
			r.Charge(slot) // empty fragments cost the client nothing, so they count as commands
		}
		return
	}
	packed := ses.flags&flPacked != 0
	ses.flags &^= flFragment | flPacked
	whole := more.part
	more.part = nil
	ses.compact()
	r.message(slot, whole.Bytes(), packed)
	r.buffers.Free(&whole)
}

// message hands over a text message, which may be compressed.
func (r *reader) message(slot uint32, b []byte, packed bool) {
	if packed {
		var ok bool
		if b, ok = r.inflate(slot, b); !ok {
			return
		}
	}
	r.handler.Message(slot, b)
}

// InflateUnit is how many bytes that a message has grown by when inflated count as one command
// more. What is short on the wire and long to read would otherwise be the cheapest way to keep a
// loop busy. Bytes that a message has shrunk by count likewise: they are blocks of nothing.
const InflateUnit = 4 << 10

// inflate decompresses a message, within the limit that holds for others. It returns false when
// that has ended the session.
func (r *reader) inflate(slot uint32, b []byte) ([]byte, bool) {
	out, err := r.inflater.Inflate(b, r.hub.Options.Frame)
	switch {
	case errors.Is(err, deflate.ErrTooBig):
		r.Fail(slot, wire.CloseTooBig)
		return nil, false
	case err != nil:
		r.Close(slot, wire.CloseNotUTF8, "a compressed message is not DEFLATE data")
		r.finish(slot)
		return nil, false
	}
	grown := len(out) - len(b)
	for cost := max(grown, -grown)/InflateUnit + r.inflater.Restarts; cost > 0 && r.sessions.At(slot).state != Closing; cost-- {
		r.Charge(slot)
	}
	return out, r.sessions.At(slot).state != Closing
}
