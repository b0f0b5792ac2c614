package rooms

import (
	"context"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/session"
)

// Watch turns the presence events of a room on or off. It answers the command.
func (s *Shard) Watch(slot uint32, room, cmd string, on bool) {
	id := s.findTopic(slot, Presence, room)
	switch {
	case !on:
		for _, w := range s.withdraw(slot, Presence, room) { // turned on and off again
			s.sess.Ack(slot, []byte(w.id))
		}
		if id != fanout.None {
			s.unwatch(slot, id)
		}
		s.sess.Ack(slot, []byte(cmd))
		return
	case id != fanout.None && s.fan.Listening(id):
		s.sess.Ack(slot, []byte(cmd))
		return
	}
	w := &wanted{kind: Presence, id: cmd, room: room}
	s.wanted[slot] = append(s.wanted[slot], w)
	s.whenAdmitted(slot, w, func(slot uint32, _ directory.Access) {
		id := s.findTopic(slot, Presence, room)
		if id == fanout.None { // else a second watch has come meanwhile
			if int(s.counts.At(slot).watches) >= s.hub.Options.Rooms {
				s.refuseWanted(slot, w, session.ErrRooms)
				return
			}
			id = s.addSub(slot, Presence, room)
			s.counts.At(slot).watches++
		}
		r := s.conn.Ref(slot)
		s.Topic(id).whenLive(func(err error) { s.conn.Post(func() { s.watching(r, w, err) }) })
	})
}

// watching goes on with watch when the room's presence is followed.
func (s *Shard) watching(r conn.Ref, w *wanted, err error) {
	if !s.conn.Alive(r) || !s.unwant(r.Slot, w) {
		return
	}
	id := s.findTopic(r.Slot, Presence, w.room)
	switch {
	// an earlier try to follow it failed meanwhile, which ended the subscription
	case err == nil && id == fanout.None:
		err = session.ErrBusy
		fallthrough
	case err != nil:
		if id != fanout.None && !s.fan.Listening(id) {
			s.unwatch(r.Slot, id)
		}
		s.sess.ReplyErrorTo(r.Slot, w.id, err)
		return
	case !s.fan.Listening(id):
		_, pos := s.fan.View(id).Head()
		s.fan.Seek(id, pos)
		s.fan.Listen(id)
	}
	s.sess.Ack(r.Slot, []byte(w.id))
}

func (s *Shard) unwatch(slot, id uint32) {
	s.counts.At(slot).watches--
	s.dropSub(id)
}

// followPresence subscribes to what the presence service says of the topic's room.
func (f *RoomTopic) followPresence(ctx context.Context) (bus.Subscription, error) {
	return f.hub.Bus.Subscribe(ctx, presence.ChannelOf(f.Room), func(data []byte) {
		mem := f.hub.fan.Scratch().Get()
		defer f.hub.fan.Scratch().Put(mem)
		event, err := wire.AppendPresence((*mem)[:0], f.Room, data)
		*mem = event[:0]
		if err == nil {
			f.Live(event)
		}
	})
}
