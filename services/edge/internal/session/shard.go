package session

import (
	"time"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/slab"
)

// none is no slot.
const none = ^uint32(0)

// A Shard has the sessions of one loop's connections. Only that loop's goroutine touches it.
type Shard struct {
	hub      *Hub
	conn     *conn.Shard
	sessions slab.Slab[session]
	index    index
	enc      []byte // where a frame's JSON is put together

	lapsed   []conn.Ref // sessions whose tokens have run out: see lapse
	checking bool       // the directory is being asked about some
}

// session is who is at a connection. It is small: a million of them are to be held on one machine.
type session struct {
	who    *person
	number uint64 // names the session to the presence service
	peer   uint32 // another session of the same user: see index
	joins  uint16 // that cost nothing
}

func newShard(h *Hub, c *conn.Shard) *Shard {
	return &Shard{hub: h, conn: c, index: newIndex()}
}

// Opened makes a slot usable, and empty.
func (s *Shard) Opened(slot uint32) {
	s.sessions.Reach(slot)
	*s.sessions.At(slot) = session{peer: none}
}

// Enter lets the user of a token in. It returns false when the user has as many connections as one
// may.
func (s *Shard) Enter(slot uint32, claims *auth.Claims, device string, now time.Time) bool {
	h := s.hub
	if most := h.Options.SocketsPerUser; most > 0 && !h.ofUser.reserve(claims.User, most) {
		h.Metrics.Refused.WithLabelValues("user").Inc()
		return false
	}
	ses := s.sessions.At(slot)
	ses.who = newPerson(claims, device, now)
	ses.who.active = s.conn.Now()
	ses.number = h.numbers.Add(1)
	s.conn.SetState(slot, conn.Ready)
	s.index.add(s, slot)
	return true
}

// Left forgets who is at a connection. The caller has told presence.
func (s *Shard) Left(slot uint32) {
	ses := s.sessions.At(slot)
	if s.Present(slot) {
		s.index.remove(s, slot)
		if s.hub.Options.SocketsPerUser > 0 {
			s.hub.ofUser.release(ses.who.user())
		}
	}
	*ses = session{peer: none}
}

// Timeout looks at a session's token, and at how long its user has done nothing.
func (s *Shard) Timeout(slot uint32) {
	s.markIdle(slot)
	s.lapse(slot)
}

// Tick asks the directory about sessions whose tokens have run out.
func (s *Shard) Tick() { s.checkLapsed() }

// Present reports whether a user was let in at a connection that goes on.
func (s *Shard) Present(slot uint32) bool {
	return s.sessions.At(slot).who != nil
}

// User returns the id of the user at a connection, who was let in.
func (s *Shard) User(slot uint32) string { return s.sessions.At(slot).who.user() }

// Name returns the name of the user at a connection.
func (s *Shard) Name(slot uint32) string { return s.sessions.At(slot).who.name() }

// Sender is who sends something, over a connection or not.
type Sender struct {
	User, Name string
	Guest      bool
}

// Sender returns the user at a connection.
func (s *Shard) Sender(slot uint32) Sender {
	who := s.sessions.At(slot).who
	return Sender{User: who.user(), Name: who.name(), Guest: who.guest()}
}

// Is reports whether a connection's log-in is the one that the directory calls so.
func (s *Shard) Is(slot uint32, login string) bool { return s.sessions.At(slot).who.of(login) }

// IssuedBefore reports whether a connection's token was issued before a time in UTC ms.
func (s *Shard) IssuedBefore(slot uint32, at int64) bool { return s.sessions.At(slot).who.before(at) }

// Presence returns a session as the presence service is told of it, in no room.
func (s *Shard) Presence(slot uint32) presence.Session {
	ses := s.sessions.At(slot)
	return presence.Session{
		ID: ses.number, User: ses.who.user(), Name: ses.who.name(), Device: ses.who.device(),
		Status: presence.StatusOf(ses.who.shown()), Since: ses.who.since(),
	}
}

// ReportJoin tells the presence service that a session is in a room.
func (s *Shard) ReportJoin(slot uint32, room string) {
	ses := s.sessions.At(slot)
	s.hub.Reporter.Join(ses.number, ses.who.user(), room)
}

// ReportLeave tells the presence service that a session is not in a room any more.
func (s *Shard) ReportLeave(slot uint32, room string) {
	ses := s.sessions.At(slot)
	s.hub.Reporter.Leave(ses.number, ses.who.user(), room)
}
