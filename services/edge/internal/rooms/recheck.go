package rooms

import (
	"context"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/session"
)

// evict takes a session out of a room that its user may not read any more, and tells the client.
func (s *Shard) evict(slot uint32, room string) {
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

// recheck asks the directory again whether the users in a room (""; in any room) may read it, and
// evicts those who may not.
func (s *Shard) recheck(room string) {
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
					s.rechecks[room] = true
					return
				}
				for _, r := range refs {
					if s.conn.Alive(r) {
						s.evict(r.Slot, p.room)
					}
				}
			})
			if err != nil {
				return
			}
		}
	}
	if !s.hub.sess.Jobs.Do(ask) {
		s.rechecks[room] = true
	}
}

// retryRechecks repeats, once a second, the rechecks that failed.
func (s *Shard) retryRechecks() {
	if len(s.rechecks) == 0 || s.conn.Now()-s.recheckedAt < 1000 {
		return
	}
	s.recheckedAt = s.conn.Now()
	again := s.rechecks
	s.rechecks = make(map[string]bool)
	for room := range again {
		s.recheck(room)
	}
}
