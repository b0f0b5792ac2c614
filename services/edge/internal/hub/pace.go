package hub

import (
	"context"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

const (
	typingEvery = 1000 // ms between typing events of a socket in a room that are passed on
	readEvery   = 1000 // ms between read positions of a socket in a room that are passed on
)

// pace is what a session has told lately of typing and reading in a room, so that others are not
// told too often.
type pace struct {
	slot    uint32 // of the session
	room    string
	typed   uint32 // ms; when typing was last passed on
	read    uint32 // ms; when a read position was last passed on
	seq     uint64 // the greatest read position
	told    uint64 // the greatest that was passed on
	reading bool   // read and told are set
	typing  bool   // typed is set
}

// ownPace makes, of a session's slot, the key of its pace in its user's own room.
func ownPace(slot uint32) uint32 { return slot | 1<<31 }

// pace returns the pace of a sub, or of an own room, which it makes.
func (s *Shard) pace(key, slot uint32, room string) *pace {
	p := s.paces[key]
	if p == nil {
		p = &pace{slot: slot, room: room}
		s.paces[key] = p
	}
	return p
}

// member returns the session's sub to the room that a command names, in which its user wants to
// write, or answers why not.
func (s *Shard) member(slot uint32, c *wire.Command) (id uint32, ok bool) {
	ses := s.sessions.At(slot)
	if ses.isOwn(c.Room) {
		s.replyError(slot, c, errMayNotSend)
		return none, false
	}
	id = s.find(slot, c.Room)
	if id == none || !s.fan.Confirmed(id) {
		s.replyError(slot, c, errNotJoined)
		return none, false
	}
	return id, true
}

func (s *Shard) typing(slot uint32, c *wire.Command) {
	id, ok := s.member(slot, c)
	if !ok {
		return
	}
	ses, room := s.sessions.At(slot), s.feed(id).room
	if a, known := s.hub.access.Cached(ses.who.user(), room); known {
		if err := mayWrite(wire.Typing, a, time.Now()); err != nil {
			s.replyError(slot, c, codedError(err))
			return
		}
	}
	if p := s.pace(id, slot, room); !p.typing || s.conn.Now()-p.typed >= typingEvery {
		p.typing, p.typed = true, s.conn.Now()
		s.enc = wire.AppendTyping(appendLive(s.enc[:0], room), room, ses.who.user(), s.literal(ses))
		s.hub.publish(room, s.enc)
	}
	s.ack(slot, c.ID)
}

func (s *Shard) read(slot uint32, c *wire.Command) {
	ses := s.sessions.At(slot)
	var p *pace
	if ses.isOwn(c.Room) {
		p = s.pace(ownPace(slot), slot, chat.UserRoom(ses.who.user()))
	} else {
		id, ok := s.member(slot, c)
		if !ok {
			return
		}
		p = s.pace(id, slot, s.feed(id).room)
	}
	p.seq = max(p.seq, c.Seq)
	if !p.reading || s.conn.Now()-p.read >= readEvery {
		s.tellRead(p)
	}
	s.ack(slot, c.ID)
}

// tellRead passes a read position on to the record, to the user's other sockets, and to a room of
// few members.
func (s *Shard) tellRead(p *pace) {
	p.reading, p.read = true, s.conn.Now()
	if p.seq <= p.told {
		return
	}
	p.told = p.seq
	user, room, seq := s.sessions.At(p.slot).who.user(), p.room, p.seq
	own := chat.UserRoom(user)
	s.enc = wire.AppendRead(appendLive(s.enc[:0], own), room, user, seq)
	s.hub.publish(own, s.enc)
	if !s.hub.jobs.Do(func(ctx context.Context) {
		s.hub.keepRead(ctx, room, user, seq)
		s.hub.tellReaders(ctx, room, user, seq)
	}) {
		s.hub.metrics.ReadsLost.Inc()
	}
}

// keepRead has history keep a read position.
func (h *Hub) keepRead(ctx context.Context, room, user string, seq uint64) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if _, err := history.NewClient(h.bus).Read(ctx, history.ReadRequest{Room: room, User: user, Seq: seq}); err != nil {
		h.metrics.ReadsLost.Inc()
		h.log.Debug("a read position was not kept", zap.Error(err))
	}
}

// tellReaders tells a room of few members how far one of them has read.
func (h *Hub) tellReaders(ctx context.Context, room, user string, seq uint64) {
	if chat.IsUserRoom(room) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if a, err := h.access.Access(ctx, user, room); err == nil && a.Small {
		h.publish(room, wire.AppendRead(appendLive(nil, room), room, user, seq))
	}
}

// sweepPaces passes on the read positions whose time has come, and forgets the paces that are over.
func (s *Shard) sweepPaces() {
	for key, p := range s.paces {
		if p.reading && p.seq > p.told && s.conn.Now()-p.read >= readEvery {
			s.tellRead(p)
		}
		if (!p.typing || s.conn.Now()-p.typed >= typingEvery) && (!p.reading || p.seq <= p.told && s.conn.Now()-p.read >= readEvery) {
			delete(s.paces, key)
		}
	}
}
