package protocol

import "hubbub.internal/libs/wire"

// watch turns the presence events of a room on or off.
func (s *Shard) watch(slot uint32, c *wire.Command) {
	s.rooms.Watch(slot, string(c.Room), string(c.ID), c.On)
}
