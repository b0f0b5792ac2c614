package protocol

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/ownroom"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/session"
)

// join brings a session into a room or several, or up to date in its user's own room, in which it
// is already.
func (s *Shard) join(slot uint32, c *wire.Command) {
	switch {
	case c.Rooms != nil:
		s.joinEach(slot, c)
	case ownroom.Is(c.Room, s.sess.User(slot)):
		s.own.Join(slot, c)
	default:
		s.rooms.Join(slot, joinRequest(c))
	}
}

// joinEach has each room of a join answered as if it had come in a command of its own. A room that
// is refused makes no difference to the others.
func (s *Shard) joinEach(slot uint32, c *wire.Command) {
	s.sess.Ack(slot, c.ID)
	var all []rooms.JoinRequest
	c.EachRoom(&s.one, func(err error) bool {
		one := &s.one
		switch paid := s.paid(slot, one, true); {
		case s.conn.State(slot) != conn.Ready: // it was closed for breaking limits
			return false
		case !paid: // it has been answered
		case err != nil:
			s.sess.ReplyError(slot, one, session.CodedError(err))
		case ownroom.Is(one.Room, s.sess.User(slot)):
			s.own.Join(slot, one)
		default:
			all = append(all, joinRequest(one))
		}
		return true
	})
	if s.conn.State(slot) == conn.Ready {
		s.rooms.JoinAll(slot, all)
	}
}

func joinRequest(c *wire.Command) rooms.JoinRequest {
	r := rooms.JoinRequest{ID: string(c.ID), Room: string(c.Room), HasAfter: c.HasAfter}
	if c.HasAfter {
		r.After = rooms.Position{Seq: c.After, ID: string(c.AfterID)}
	}
	return r
}
