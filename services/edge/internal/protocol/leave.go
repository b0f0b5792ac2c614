package protocol

import "hubbub.internal/libs/wire"

// leave takes a session out of a room.
func (s *Shard) leave(slot uint32, c *wire.Command) { s.rooms.Leave(slot, string(c.Room), c.ID) }
