package conn

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/frame"
)

// Close ends a session with a close frame. The shard still sends what was queued before, if the
// client takes it, and drops what comes in but for the client's answer.
func (s *Shard) Close(slot uint32, code wire.CloseCode, reason string) {
	ses := s.sessions.At(slot)
	if ses.state == Free || ses.state == Closing {
		return
	}
	s.hub.Metrics.ClosedWith(code)
	s.leave(slot)
	s.buffers.Grow(&ses.out, 2+125)
	s.buffers.Set(ses.out, frame.AppendClose(ses.out.Tail(), code, reason))
	ses.state = Closing
	s.after(slot, CloseLinger)
	s.Enqueue(slot)
}

// closed answers a client's close frame; the stream ends behind the answer.
func (s *Shard) closed(slot uint32, payload []byte) {
	ses := s.sessions.At(slot)
	if ses.state == Closing { // its answer to ours, or a second one
		if ses.out.Len() > 0 {
			s.finish(slot) // ours is still to be written (RFC 6455 section 5.5.1)
			return
		}
		s.drop(slot)
		return
	}
	s.Close(slot, frame.Closed(payload), "")
	s.finish(slot)
}

// finish ends the stream once everything queued is written, and then waits for the client to end
// its own.
func (s *Shard) finish(slot uint32) {
	ses := s.sessions.At(slot)
	ses.flags |= flFinish
	s.Enqueue(slot)
}
