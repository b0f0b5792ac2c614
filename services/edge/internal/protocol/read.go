package protocol

import (
	"context"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/ownroom"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/session"
)

func (s *Shard) read(slot uint32, c *wire.Command) {
	var p *pace
	if ownroom.Is(c.Room, s.sess.User(slot)) {
		p = s.paces.of(ownPace(slot), slot, chat.UserRoom(s.sess.User(slot)))
	} else {
		id, ok := s.member(slot, c)
		if !ok {
			return
		}
		p = s.paces.of(id, slot, s.rooms.Topic(id).Room)
	}
	p.seq = max(p.seq, c.Seq)
	if !p.reading || s.conn.Now()-p.read >= readEvery {
		s.publishRead(p)
	}
	s.sess.Ack(slot, c.ID)
}

// publishRead passes a read position on to the record, to the user's other sockets, and to a room
// of few members.
func (s *Shard) publishRead(p *pace) {
	p.reading, p.read = true, s.conn.Now()
	if p.seq <= p.published {
		return
	}
	p.published = p.seq
	user, room, seq := s.sess.User(p.slot), p.room, p.seq
	own := chat.UserRoom(user)
	s.enc = wire.AppendRead(rooms.AppendLive(s.enc[:0], own), room, user, seq)
	s.hub.rooms.Publish(own, s.enc)
	if !s.hub.sess.Jobs.Do(func(ctx context.Context) {
		s.hub.recordRead(ctx, room, user, seq)
		s.hub.publishReadToRoom(ctx, room, user, seq)
	}) {
		s.hub.sess.Metrics.ReadsLost.Inc()
	}
}

// recordRead sends a read position to history.
func (h *Hub) recordRead(ctx context.Context, room, user string, seq uint64) {
	ctx, cancel := context.WithTimeout(ctx, session.RequestTimeout)
	defer cancel()
	if _, err := h.rooms.History.Read(ctx, history.ReadRequest{Room: room, User: user, Seq: seq}); err != nil {
		h.sess.Metrics.ReadsLost.Inc()
		h.sess.Log.Debug("could not store a read position", zap.Error(err))
	}
}

// publishReadToRoom publishes how far a member has read to a room of few members.
func (h *Hub) publishReadToRoom(ctx context.Context, room, user string, seq uint64) {
	if chat.IsUserRoom(room) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, session.RequestTimeout)
	defer cancel()
	if a, err := h.sess.Access.Access(ctx, user, room); err == nil && a.Small {
		h.rooms.Publish(room, wire.AppendRead(rooms.AppendLive(nil, room), room, user, seq))
	}
}
