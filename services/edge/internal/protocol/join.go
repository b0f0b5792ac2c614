package protocol

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/ownroom"
	"hubbub.internal/services/edge/internal/rooms"
)

// join brings a session into a room, or up to date in its user's own room, in which it is already.
func (s *Shard) join(slot uint32, c *wire.Command) {
	if ownroom.Is(c.Room, s.sess.User(slot)) {
		s.own.Join(slot, c)
		return
	}
	r := rooms.JoinRequest{ID: string(c.ID), Room: string(c.Room), HasAfter: c.HasAfter}
	if c.HasAfter {
		r.After = rooms.Position{Seq: c.After, ID: string(c.AfterID)}
	}
	s.rooms.Join(slot, r)
}
