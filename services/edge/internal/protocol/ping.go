package protocol

import "hubbub.internal/libs/wire"

// ping answers a client that wants to know whether the edge is there.
func (s *Shard) ping(slot uint32, c *wire.Command) { s.sess.Ack(slot, c.ID) }
