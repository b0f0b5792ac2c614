package protocol

import (
	"time"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/sends"
	"hubbub.internal/services/edge/internal/session"
)

func (s *Shard) typing(slot uint32, c *wire.Command) {
	id, ok := s.member(slot, c)
	if !ok {
		return
	}
	room := s.rooms.Topic(id).Room
	if a, known := s.hub.sess.Access.Cached(s.sess.User(slot), room); known {
		if err := sends.MayWrite(wire.Typing, a, time.Now()); err != nil {
			s.sess.ReplyError(slot, c, session.CodedError(err))
			return
		}
	}
	if p := s.paces.of(id, slot, room); !p.typing || s.conn.Now()-p.typed >= typingEvery {
		p.typing, p.typed = true, s.conn.Now()
		s.name = wire.AppendQuoted(s.name[:0], s.sess.Name(slot))
		s.enc = wire.AppendTyping(rooms.AppendLive(s.enc[:0], room), room, s.sess.User(slot), s.name)
		s.hub.rooms.Publish(room, s.enc)
	}
	s.sess.Ack(slot, c.ID)
}
