package hub

import (
	"context"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
)

// changed takes a change of permissions. It is called by the cache, and does not block.
func (h *Hub) changed(c directory.Change) {
	for _, s := range h.shards {
		s.conn.Post(func() { s.changed(c) })
	}
}

func (s *Shard) changed(c directory.Change) {
	switch c.Kind {
	case directory.ChangeAccess:
		if !c.Access.Read {
			s.eachOf(c.User, func(slot uint32) { s.expel(slot, c.Room) })
		}
	case directory.ChangeUser:
		s.eachOf(c.User, func(slot uint32) {
			who := s.sessions.At(slot).who
			if c.Session == "" && who.before(c.At+1) || c.Session != "" && who.of(c.Session) {
				s.conn.Close(slot, wire.CloseRevoked, "the session was revoked")
			}
		})
	case directory.ChangeRoom:
		s.review(c.Room)
	case directory.ChangeReset:
		s.review("")
	}
}

// expel takes a session out of a room that its user may not read any more, and says so.
func (s *Shard) expel(slot uint32, room string) {
	if s.conn.State(slot) != conn.Ready {
		return
	}
	told := s.depart(slot, room, errForbidden)
	for _, w := range s.withdraw(slot, presenceFeed, room) {
		s.replyErrorTo(slot, w.id, errForbidden)
	}
	if id := s.findFeed(slot, presenceFeed, room); id != none {
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
			if ses := s.sessions.At(slot); room == "" || w.room == room {
				p := pair{ses.who.user(), w.room}
				in[p] = append(in[p], s.conn.Ref(slot))
			}
		}
	}
	s.fan.Each(func(id, slot uint32) {
		if f := s.feed(id); s.conn.State(slot) == conn.Ready && (room == "" || f.room == room) {
			p := pair{s.sessions.At(slot).who.user(), f.room}
			in[p] = append(in[p], s.conn.Ref(slot))
		}
	})
	if len(in) == 0 {
		return
	}
	ask := func(ctx context.Context) {
		for p, refs := range in {
			try, cancel := context.WithTimeout(ctx, requestTimeout)
			a, err := s.hub.access.Access(try, p.user, p.room)
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
					if s.alive(r) != nil {
						s.expel(r.Slot, p.room)
					}
				}
			})
			if err != nil {
				return
			}
		}
	}
	if !s.hub.jobs.Do(ask) {
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
