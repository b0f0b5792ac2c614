package rooms

import (
	"context"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/session"
)

// expel takes a session out of a room that its user may not read any more, and says so.
func (s *Shard) expel(slot uint32, room string) {
	if s.conn.State(slot) != conn.Ready {
		return
	}
	told := s.depart(slot, room, session.ErrForbidden)
	for _, w := range s.withdraw(slot, Presence, room) {
		s.sess.ReplyErrorTo(slot, w.id, session.ErrForbidden)
	}
	if id := s.findTopic(slot, Presence, room); id != fanout.None {
		s.unwatch(slot, id)
		told = true
	}
	if told {
		s.enc = wire.AppendNotice(s.enc[:0], "", room, "left", "you may not read this room any more", 0, nil)
		s.conn.Push(slot, s.enc)
	}
	s.unpark(slot)
}

// review asks again whether those who are in a room, or in any, may read it.
func (s *Shard) review(room string) {
	type pair struct{ user, room string }
	in := make(map[pair][]conn.Ref)
	for slot, all := range s.wanted { // an answer that is on its way may be from before the change
		for _, w := range all {
			if room == "" || w.room == room {
				p := pair{s.sess.User(slot), w.room}
				in[p] = append(in[p], s.conn.Ref(slot))
			}
		}
	}
	s.fan.Each(func(id, slot uint32) {
		if f := s.Topic(id); s.conn.State(slot) == conn.Ready && (room == "" || f.Room == room) {
			p := pair{s.sess.User(slot), f.Room}
			in[p] = append(in[p], s.conn.Ref(slot))
		}
	})
	if len(in) == 0 {
		return
	}
	ask := func(ctx context.Context) {
		for p, refs := range in {
			try, cancel := context.WithTimeout(ctx, session.RequestTimeout)
			a, err := s.hub.sess.Access.Access(try, p.user, p.room)
			cancel()
			if err == nil && a.Read {
				continue
			}
			s.conn.Post(func() {
				// who may not read a room is not to stay in it because the directory was away
				if err != nil {
					s.reviews[room] = true
					return
				}
				for _, r := range refs {
					if s.conn.Alive(r) {
						s.expel(r.Slot, p.room)
					}
				}
			})
			if err != nil {
				return
			}
		}
	}
	if !s.hub.sess.Jobs.Do(ask) {
		s.reviews[room] = true
	}
}

// reviewAgain does, once a second, the reviews that could not be done.
func (s *Shard) reviewAgain() {
	if len(s.reviews) == 0 || s.conn.Now()-s.reviewed < 1000 {
		return
	}
	s.reviewed = s.conn.Now()
	again := s.reviews
	s.reviews = make(map[string]bool)
	for room := range again {
		s.review(room)
	}
}
