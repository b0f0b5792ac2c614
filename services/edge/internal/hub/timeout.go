package hub

import (
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/upgrade"
)

// closeLinger is how long a client may take to answer a close frame, or to read it.
const closeLinger = 2 * time.Second

func ms(d time.Duration) uint32 { return uint32(d / time.Millisecond) }

// keepAlive sets the timer for the next thing that may have to be done about a session. Hearing
// something does not touch the timer: it fires, finds out, and is set again.
func (s *Shard) keepAlive(slot uint32) {
	o := &s.hub.opts
	ses := s.sessions.at(slot)
	switch {
	case ses.state == stClosing: // its time runs already
	case ses.state == stOpen || ses.state == stGreeting:
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
	s.rest(slot)
	s.lapse(slot)
	o := &s.hub.opts
	ses := s.sessions.at(slot)
	silent := s.now - ses.heard
	switch {
	case ses.state == stFree:
	case ses.state == stClosing:
		s.drop(slot)
	case ses.state == stHandshake:
		s.hub.metrics.refused.WithLabelValues("slow").Inc()
		s.refuse(slot, upgrade.Reject(408, "the request did not come in time").Reply)
	case s.writeStuck(ses):
		s.close(slot, wire.CloseResume, "nothing could be written for too long: resume")
	case ses.state != stReady && s.now-ses.since >= ms(o.HelloTimeout):
		s.close(slot, wire.CloseHelloTimeout, "no hello came in time")
	case silent >= ms(o.IdleTimeout):
		s.close(slot, wire.CloseIdle, "nothing was heard for too long")
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

// tick does what is done ten times a second.
func (s *Shard) tick() {
	m, n := s.hub.metrics, &s.stats
	if n.writes != 0 || n.received != 0 {
		m.deliveries.Add(float64(n.deliveries))
		m.writes.Add(float64(n.writes))
		m.sent.Add(float64(n.sent))
		m.received.Add(float64(n.received))
		for k, count := range n.commands {
			if count > 0 {
				m.byKind[k].Add(float64(count))
			}
		}
		*n = stats{}
	}
	s.sweepPaces()
	s.reviewAgain()
	s.compareSweep()
	s.checkLapsed()
	s.drainSome()
}
