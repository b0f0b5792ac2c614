package protocol

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/ownroom"
	"hubbub.internal/services/edge/internal/sends"
)

// send takes a message in for the log of its room.
func (s *Shard) send(slot uint32, c *wire.Command) {
	if ownroom.Is(c.Room, s.sess.User(slot)) {
		s.sess.ReplyError(slot, c, sends.ErrMayNot)
		return
	}
	id, err := s.sends.Check(slot, c)
	switch {
	case err != nil:
		s.sess.ReplyError(slot, c, err)
	case c.TextIs(listUsersText):
		s.listUsers(slot, c)
	default:
		s.sends.Send(slot, id, c)
	}
}
