package hub

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/frame"
)

// close ends a session with a close frame. What was queued for it before is still sent, if it takes
// it; what comes in is dropped, but for the client's answer.
func (s *Shard) close(slot uint32, code wire.CloseCode, reason string) {
	ses := s.sessions.at(slot)
	if ses.state == stFree || ses.state == stClosing {
		return
	}
	s.hub.metrics.closedWith(code)
	s.leaveAll(slot)
	s.buffers.Grow(&ses.out, 2+125)
	s.buffers.Set(ses.out, frame.AppendClose(ses.out.Tail(), code, reason))
	ses.state = stClosing
	s.after(slot, closeLinger)
	s.enqueue(slot)
}

// closed answers a client's close frame; the stream ends behind the answer.
func (s *Shard) closed(slot uint32, payload []byte) {
	ses := s.sessions.at(slot)
	if ses.state == stClosing { // its answer to ours, or a second one
		if ses.out.Len() > 0 {
			s.finish(slot) // ours is still to be written (RFC 6455 section 5.5.1)
			return
		}
		s.drop(slot)
		return
	}
	s.close(slot, frame.Closed(payload), "")
	s.finish(slot)
}

// finish ends the stream once everything queued is written, and then waits for the client to end
// its own.
func (s *Shard) finish(slot uint32) {
	ses := s.sessions.at(slot)
	ses.flags |= flFinish
	s.enqueue(slot)
}

// refuse answers a connection that is no WebSocket yet, and ends it.
func (s *Shard) refuse(slot uint32, reply []byte) {
	ses := s.sessions.at(slot)
	s.buffers.Free(&ses.in)
	s.buffers.Append(&ses.out, reply)
	ses.state = stClosing
	s.hub.sockets.Add(1) // forget takes it away again
	s.finish(slot)
	s.after(slot, closeLinger)
}

// leaveAll takes a session out of all rooms, and tells presence that it has ended.
func (s *Shard) leaveAll(slot uint32) {
	ses := s.sessions.at(slot)
	if ses.who != nil && ses.state == stReady {
		gone := s.presenceOf(ses)
		s.hub.reporter.Exit(gone)
		s.exitOwn(slot)
		if s.hub.opts.SocketsPerUser > 0 {
			s.hub.ofUser.release(ses.who.user())
		}
	}
	delete(s.wanted, slot)
	for ses.subs != none {
		s.dropSub(ses.subs)
	}
	if ses.more != nil {
		s.buffers.Free(&ses.more.part)
	}
	ses.who, ses.more = nil, nil
	ses.rooms, ses.watches = 0, 0
}
