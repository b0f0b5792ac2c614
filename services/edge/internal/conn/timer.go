package conn

import (
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/upgrade"
)

// CloseLinger is how long a client may take to answer a close frame, or to read it.
const CloseLinger = 2 * time.Second

func ms(d time.Duration) uint32 { return uint32(d / time.Millisecond) }

// keepAlive sets the timer for the next thing that may have to be done about a session. Hearing
// something does not touch the timer: it fires, finds out, and is set again.
func (s *Shard) keepAlive(slot uint32) {
	o := &s.hub.Options
	ses := s.sessions.At(slot)
	switch {
	case ses.state == Closing: // its time runs already
	case ses.state == Open || ses.state == Greeting:
		s.fireAt(slot, ses.since+ms(o.HelloTimeout))
	case ses.flags&flBlocked != 0:
		s.fireAt(slot, ses.since+ms(o.WriteTimeout))
	case ses.flags&flPinged != 0:
		s.fireAt(slot, ses.heard+ms(o.IdleTimeout))
	default:
		s.fireAt(slot, ses.heard+ms(o.PingAfter))
	}
}

// timeout does what a session's timer was set for, if it still has to be done.
func (s *Shard) timeout(slot uint32) {
	s.handler.Timeout(slot)
	o := &s.hub.Options
	ses := s.sessions.At(slot)
	silent := s.now - ses.heard
	switch {
	case ses.state == Free:
	case ses.state == Closing:
		s.drop(slot)
	case ses.state == Handshake:
		s.hub.Metrics.Refused.WithLabelValues("slow").Inc()
		s.refuse(slot, upgrade.Reject(408, "the request did not come in time").Reply)
	case s.writeStuck(ses):
		s.Close(slot, wire.CloseResume, "nothing could be written for too long: resume")
	case ses.state != Ready && s.now-ses.since >= ms(o.HelloTimeout):
		s.Close(slot, wire.CloseHelloTimeout, "no hello came in time")
	case silent >= ms(o.IdleTimeout):
		s.Close(slot, wire.CloseIdle, "nothing was heard for too long")
	case silent >= ms(o.PingAfter) && ses.flags&(flPinged|flBlocked) == 0:
		ses.flags |= flPinged
		s.putFrame(slot, ws.OpPing, nil)
		s.keepAlive(slot)
		if ses.flags&flQueued == 0 {
			// and not with all others that are pinged now, each of whom would need a buffer until
			// then
			s.flush(slot)
		}
	default:
		s.keepAlive(slot)
	}
}

// writeStuck reports whether a blocked session has waited for too long.
func (s *Shard) writeStuck(ses *session) bool {
	return ses.flags&flBlocked != 0 && s.now-ses.since >= ms(s.hub.Options.WriteTimeout)
}

// after sets a session's timer to a time from now.
func (s *Shard) after(slot uint32, d time.Duration) {
	s.fireAt(slot, s.now+ms(d))
}

// fireAt sets a session's timer to a time in ms, which may have passed.
func (s *Shard) fireAt(slot, at uint32) {
	s.wheel.Jump(s.ticks(0))
	ahead := time.Duration(int32(at-s.now)) * time.Millisecond
	s.wheel.Set(slot, s.ticks(ahead+TickEvery-1))
}
