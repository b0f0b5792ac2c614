package protocol

import (
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/wire"
)

// status sets what the socket shows of its user.
func (s *Shard) status(slot uint32, c *wire.Command) {
	s.sess.SetStatus(slot, presence.Status(c.Status))
	s.sess.Ack(slot, c.ID)
}
