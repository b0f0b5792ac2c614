package session

import (
	"time"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/services/edge/internal/conn"
)

// The edge shows a user without a command for a while as idle, until the next command. Answers to
// pings say nothing of the person, and a status that the client has set stays as it is.

// chosen is the code of the status that the client has set.
func (p *person) chosen() uint8 { return p.status &^ awayBit }

func (p *person) away() bool { return p.status&awayBit != 0 }

// shown is the code of the status that the presence service is told.
func (p *person) shown() uint8 {
	if p.away() {
		return presence.Idle.Code()
	}
	return p.status
}

// show sets a status, and reports it to the presence service if it shows something else.
func (s *Shard) show(slot uint32, status uint8, away bool) {
	ses := s.sessions.At(slot)
	old := ses.who.shown()
	if ses.who.status = status; away {
		ses.who.status |= awayBit
	}
	if now := ses.who.shown(); now != old {
		s.hub.Reporter.SetStatus(ses.number, presence.StatusOf(old), presence.StatusOf(now))
	}
}

// MarkActive notes that a session's user has done something.
func (s *Shard) MarkActive(slot uint32) {
	who := s.sessions.At(slot).who
	who.active = s.conn.Now()
	if who.away() {
		s.show(slot, who.chosen(), false)
	}
}

// markIdle shows a user as idle who has sent no command for too long. Timeout calls it.
func (s *Shard) markIdle(slot uint32) {
	ses := s.sessions.At(slot)
	after := uint32(s.hub.Options.AwayAfter / time.Millisecond)
	if after == 0 || s.conn.State(slot) != conn.Ready || ses.who.away() || ses.who.chosen() != presence.Online.Code() || s.conn.Now()-ses.who.active < after {
		return
	}
	s.show(slot, ses.who.chosen(), true)
}

// SetStatus sets what a session shows of its user.
func (s *Shard) SetStatus(slot uint32, status presence.Status) {
	who := s.sessions.At(slot).who
	code := status.Code()
	if code == presence.Invisible.Code() && who.chosen() != code {
		s.hub.Reporter.Saw(who.user()) // from now on the user looks like one who has left
	}
	s.show(slot, code, false)
}
