package conn

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/deflate"
	"hubbub.internal/services/edge/internal/frame"
	"hubbub.internal/services/edge/internal/upgrade"
)

// reader reads what clients send.
type reader struct {
	*Shard
	parser   *upgrade.Parser
	inflater deflate.Inflater
}

// Received implements transport.Handler.
func (s *Shard) Received(slot uint32, b []byte) {
	s.clock.read()
	ses := s.sessions.At(slot)
	s.stats.received += len(b)
	ses.heard = s.now
	if ses.flags&flPinged != 0 {
		ses.flags &^= flPinged
		s.keepAlive(slot)
	}
	if ses.in == nil {
		if used := s.in.consume(slot, b); used < len(b) && ses.state != Free {
			s.in.keep(slot, b[used:])
		}
		return
	}
	s.buffers.Append(&ses.in, b)
	used := s.in.consume(slot, ses.in.Bytes())
	switch {
	case ses.in == nil: // the session has ended
	case used == ses.in.Len():
		s.buffers.Free(&ses.in)
	default:
		ses.in.Skip(used)
	}
}

// keep holds on to the beginning of a frame.
func (r *reader) keep(slot uint32, rest []byte) {
	if r.buffers.Full() {
		r.hub.Metrics.Refused.WithLabelValues("buffers").Inc()
		r.Close(slot, wire.CloseOverloaded, "the edge is short of memory")
		return
	}
	r.buffers.Append(&r.sessions.At(slot).in, rest)
}

// consume takes what is complete from b, and returns how much that was. The memory of b may be a
// buffer of the session, which is not freed before consume has returned.
func (r *reader) consume(slot uint32, b []byte) (used int) {
	ses := r.sessions.At(slot)
	if ses.state == Handshake {
		if used = r.handshake(slot, b); used == 0 {
			return 0
		}
	}
	gen := ses.gen
	for ses.gen == gen {
		switch ses.state {
		case Free, Handshake:
			return len(b)
		}
		if ses.flags&flDiscard != 0 {
			return len(b)
		}
		f, n, code := frame.Read(b[used:], r.frameLimit(ses), ses.flags&flPacks != 0)
		if code != 0 {
			// The rest of a frame that is too long is still read, and dropped: a client that is
			// reset while it writes does not get to see the close frame.
			if code == wire.CloseTooBig {
				ses.flags |= flDiscard
			}
			r.Fail(slot, code)
			return len(b)
		}
		if n == 0 {
			return used
		}
		used += n
		r.frame(slot, f)
	}
	return len(b)
}

// frameLimit returns how long the next frame's payload may be.
func (r *reader) frameLimit(ses *session) int {
	if ses.flags&flPacked != 0 { // it goes on with a compressed message
		return frame.PackedLimit(r.hub.Options.Frame)
	}
	return r.hub.Options.Frame
}
