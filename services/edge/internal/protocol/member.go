package protocol

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/ownroom"
	"hubbub.internal/services/edge/internal/sends"
)

// member returns the session's subscription to the room that a command names, in which its user
// wants to write, or answers why not.
func (s *Shard) member(slot uint32, c *wire.Command) (id uint32, ok bool) {
	if ownroom.Is(c.Room, s.sess.User(slot)) {
		s.sess.ReplyError(slot, c, sends.ErrMayNot)
		return 0, false
	}
	if id, ok = s.rooms.Member(slot, c.Room); !ok {
		s.sess.ReplyError(slot, c, sends.ErrNotJoined)
	}
	return id, ok
}
