package conn

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/frame"
)

// Received implements transport.Handler.
func (s *Shard) Received(slot uint32, b []byte) {
	s.clock()
	ses := s.sessions.At(slot)
	s.stats.received += len(b)
	ses.heard = s.now
	if ses.flags&flPinged != 0 {
		ses.flags &^= flPinged
		s.keepAlive(slot)
	}
	if ses.in == nil {
		if used := s.consume(slot, b); used < len(b) && ses.state != Free {
			s.keep(slot, b[used:])
		}
		return
	}
	s.buffers.Append(&ses.in, b)
	used := s.consume(slot, ses.in.Bytes())
	switch {
	case ses.in == nil: // the session has ended
	case used == ses.in.Len():
		s.buffers.Free(&ses.in)
	default:
		ses.in.Skip(used)
	}
}

// keep holds on to the beginning of a frame.
func (s *Shard) keep(slot uint32, rest []byte) {
	if s.buffers.Full() {
		s.hub.Metrics.Refused.WithLabelValues("buffers").Inc()
		s.Close(slot, wire.CloseOverloaded, "the edge is short of memory")
		return
	}
	s.buffers.Append(&s.sessions.At(slot).in, rest)
}

// consume takes what is complete from b, and returns how much that was. The memory of b may be a
// buffer of the session, which is not freed before consume has returned.
func (s *Shard) consume(slot uint32, b []byte) (used int) {
	ses := s.sessions.At(slot)
	if ses.state == Handshake {
		if used = s.handshake(slot, b); used == 0 {
			return 0
		}
	}
	gen := ses.gen
	for ses.gen == gen {
		switch ses.state {
		case Free, Handshake:
			return len(b)
		}
		if ses.flags&flDeaf != 0 {
			return len(b)
		}
		f, n, code := frame.Read(b[used:], s.frameLimit(ses), ses.flags&flPacks != 0)
		if code != 0 {
			// The rest of a frame that is too long is still read, and dropped: a client that is
			// reset while it writes does not get to see the close frame.
			if code == wire.CloseTooBig {
				ses.flags |= flDeaf
			}
			s.Fail(slot, code)
			return len(b)
		}
		if n == 0 {
			return used
		}
		used += n
		s.frame(slot, f)
	}
	return len(b)
}

// frameLimit returns how long the next frame's payload may be.
func (s *Shard) frameLimit(ses *session) int {
	if ses.flags&flPacked != 0 { // it goes on with a compressed message
		return frame.PackedLimit(s.hub.Options.Frame)
	}
	return s.hub.Options.Frame
}
