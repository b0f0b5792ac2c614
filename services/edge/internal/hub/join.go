package hub

import (
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/ring"
)

// joining is a join under way.
type joining struct {
	wanted
	ref      conn.Ref
	after    bus.Position
	hasAfter bool
	sub      uint32
	live     bool // the room was live before, and is again if this fails
}

const (
	// maxReplays is how many joins of one socket read missed entries at the same time; the others
	// wait for their turn.
	maxReplays = 4
	// parkBytes is how much unsent output has a socket's joins wait.
	parkBytes = 256 << 10
)

func (s *Shard) join(slot uint32, c *wire.Command) {
	ses := s.sessions.At(slot)
	if ses.isOwn(c.Room) {
		s.joinOwn(slot, c)
		return
	}
	j := &joining{wanted: wanted{kind: logFeed, id: string(c.ID), room: string(c.Room)}, ref: s.conn.Ref(slot), hasAfter: c.HasAfter, sub: none}
	if c.HasAfter {
		j.after = bus.Position{Seq: c.After, ID: string(c.AfterID)}
	}
	s.whenAdmitted(slot, &j.wanted, func(_ uint32, a directory.Access) {
		s.enter(j)
		if a.Slow > 0 {
			if f := s.hub.lookup([]byte(j.room)); f != nil {
				f.slows(a)
			}
		}
	})
}

// enter gives the session a sub to the room, or has it wait for its turn.
func (s *Shard) enter(j *joining) {
	slot := j.ref.Slot
	ses := s.sessions.At(slot)
	id := s.findFeed(slot, logFeed, j.room)
	busy := id != none && s.joins[id] != nil
	if busy || j.hasAfter && (s.conn.Unsent(slot) > parkBytes || s.waits[slot] != nil && s.waits[slot].replaying >= maxReplays) {
		m := s.waitsOf(slot)
		if len(m.parked) >= 2*s.hub.opts.Rooms {
			s.refuseWanted(slot, &j.wanted, errRooms)
			return
		}
		m.parked = append(m.parked, j)
		return
	}
	if id == none {
		if int(ses.rooms) >= s.hub.opts.Rooms {
			s.refuseWanted(slot, &j.wanted, errRooms)
			return
		}
		id = s.addSub(slot, logFeed, j.room)
		ses.rooms++
	}
	s.unwant(slot, &j.wanted)
	j.sub = id
	s.joins[id] = j
	j.live = s.fan.Listening(id)
	f := s.feed(id)
	if f.isLive() {
		s.followed(j, nil)
		return
	}
	f.whenLive(func(err error) { s.conn.Post(func() { s.followed(j, err) }) })
}

// current reports whether a join is still wanted: the session lives and has not left the room
// meanwhile. A join whose room was left has been answered: see depart.
func (s *Shard) current(j *joining) bool { return s.alive(j.ref) != nil && s.joins[j.sub] == j }

// followed goes on when the room's feed is followed.
func (s *Shard) followed(j *joining, err error) {
	if !s.current(j) {
		return
	}
	if err != nil {
		s.joinFailed(j, err)
		return
	}
	r := s.fan.View(j.sub)
	if !j.hasAfter {
		s.joinNow(j)
		return
	}
	id := uint64(0)
	if j.after.ID != "" {
		id = ring.Hash(j.after.ID)
	}
	if _, ahead := s.fan.Ahead(j.sub); !ahead {
		out, through, pos, ok := r.Since(s.frames[:0], j.after.Seq, id, maxReplay, maxReplayBytes)
		s.frames = out[:0]
		if ok {
			s.hub.metrics.Replays.WithLabelValues("ring").Inc()
			s.conn.PushFrames(j.ref.Slot, out)
			s.fan.Seek(j.sub, pos)
			s.joined(j, through, false, false)
			return
		}
	}
	s.fan.Mute(j.sub)
	s.waitsOf(j.ref.Slot).replaying++
	later(s, j.ref, s.hub.replayer(s.sessions.At(j.ref.Slot).who.user(), j.room, j.after), func(slot uint32, got replayed, err error) { s.replayed(j, got, err) })
}

// joinNow makes a room live from now on. One that is live already has its socket brought up to date
// first.
func (s *Shard) joinNow(j *joining) {
	r := s.fan.View(j.sub)
	seq, pos := r.Head()
	if through, ok := s.fan.Ahead(j.sub); ok && through > seq {
		s.joined(j, through, false, false)
		return
	}
	at := s.fan.Cursor(j.sub)
	if s.fan.Listening(j.sub) && at < pos {
		out, _, status := r.Copy(s.frames[:0], at, int(pos-at))
		s.frames = out[:0]
		switch status {
		case ring.Fallen:
			s.conn.Close(j.ref.Slot, wire.CloseResume, "behind in the rooms that it is in: resume")
			return
		case ring.Rewound:
			seq, at = r.Restart()
			s.fan.Seek(j.sub, at)
			s.joined(j, seq, false, true)
			return
		}
		s.conn.PushFrames(j.ref.Slot, out)
	}
	s.fan.Seek(j.sub, max(at, pos))
	s.joined(j, seq, false, false)
}

// replayed goes on when what was missed has been read from the log or the record.
func (s *Shard) replayed(j *joining, got replayed, err error) {
	slot := j.ref.Slot
	s.waits[slot].replaying--
	if !s.current(j) {
		s.unpark(slot)
		return
	}
	if err != nil {
		s.joinFailed(j, err)
		return
	}
	s.hub.metrics.Replays.WithLabelValues(got.source).Inc()
	r := s.fan.View(j.sub)
	s.fan.ClearAhead(j.sub)
	if got.rewound {
		seq, pos := r.Head()
		s.fan.Seek(j.sub, pos)
		s.joined(j, seq, false, true)
		return
	}
	s.conn.PushFrames(slot, got.frames)
	if got.more {
		s.joined(j, got.through, true, false)
		return
	}
	pos, ahead, ok := r.Attach(got.through)
	if !ok { // the ring has moved on meanwhile
		s.joined(j, got.through, true, false)
		return
	}
	if s.fan.Seek(j.sub, pos); ahead {
		s.fan.SetAhead(j.sub, got.through)
	}
	s.joined(j, got.through, false, false)
}

// joined ends a join.
func (s *Shard) joined(j *joining, seq uint64, more, rewind bool) {
	slot := j.ref.Slot
	ses := s.sessions.At(slot)
	delete(s.joins, j.sub)
	s.enc = wire.AppendJoined(s.enc[:0], j.id, j.room, seq, more, rewind)
	s.conn.Push(slot, s.enc)
	if !s.fan.Confirmed(j.sub) {
		s.fan.Confirm(j.sub)
		s.hub.reporter.Join(ses.number, ses.who.user(), j.room)
	}
	if more {
		s.fan.Mute(j.sub)
	} else {
		s.fan.Listen(j.sub)
		s.conn.Lag(slot) // frames may be there that no news will be told of
	}
	s.unpark(slot)
}

// joinFailed answers a join with an error, and leaves things as they were.
func (s *Shard) joinFailed(j *joining, err error) {
	slot := j.ref.Slot
	delete(s.joins, j.sub)
	s.replyErrorTo(slot, j.id, err)
	switch {
	case j.live:
		s.fan.Listen(j.sub)
		s.conn.Lag(slot)
	case !s.fan.Confirmed(j.sub):
		s.sessions.At(slot).rooms--
		s.dropSub(j.sub)
	}
	s.unpark(slot)
}

// unpark goes on with joins that had to wait.
func (s *Shard) unpark(slot uint32) {
	for m := s.waits[slot]; m != nil && len(m.parked) > 0; {
		j := m.parked[0]
		before := len(m.parked)
		m.parked = m.parked[1:]
		if s.enter(j); s.alive(j.ref) == nil {
			return
		}
		if len(m.parked) == before { // it has to wait again
			copy(m.parked[1:], m.parked[:before-1])
			m.parked[0] = j
			return
		}
	}
	s.slim(slot)
}
