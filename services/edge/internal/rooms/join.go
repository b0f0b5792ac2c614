package rooms

import (
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/session"
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
	// MaxReplays is how many joins of one socket read missed entries at the same time; the others
	// wait for their turn.
	MaxReplays = 4
	// parkBytes is with how much unsent output a socket's joins wait.
	parkBytes = 256 << 10
)

// JoinRequest is a client's wish to be in a room.
type JoinRequest struct {
	ID, Room string
	After    bus.Position // what the client has, if HasAfter
	HasAfter bool
}

// Join brings a session into a room, and replays what its client misses. It answers the command.
func (s *Shard) Join(slot uint32, r JoinRequest) {
	s.admit(slot, s.want(slot, r))
}

// want notes a join that is to be begun.
func (s *Shard) want(slot uint32, r JoinRequest) *joining {
	j := &joining{wanted: wanted{kind: Log, id: r.ID, room: r.Room}, ref: s.conn.Ref(slot), after: r.After, hasAfter: r.HasAfter, sub: fanout.None}
	s.wanted[slot] = append(s.wanted[slot], &j.wanted)
	return j
}

// admit begins a join that was noted, when it is known that its user may read the room.
func (s *Shard) admit(slot uint32, j *joining) {
	s.whenAdmitted(slot, &j.wanted, func(_ uint32, a directory.Access) {
		s.enter(j)
		if a.Slow > 0 {
			s.hub.SlowMode(j.room, a)
		}
	})
}

// enter subscribes the session to the room, or parks the join until its turn.
func (s *Shard) enter(j *joining) {
	slot := j.ref.Slot
	id := s.findTopic(slot, Log, j.room)
	busy := id != fanout.None && s.joins[id] != nil
	if busy || j.hasAfter && (s.conn.Unsent(slot) > parkBytes || s.waits[slot] != nil && s.waits[slot].replaying >= MaxReplays) {
		m := s.waitsOf(slot)
		if len(m.parked) >= 2*s.hub.Options.Rooms {
			s.refuseWanted(slot, &j.wanted, session.ErrRooms)
			return
		}
		m.parked = append(m.parked, j)
		s.conn.NotifyFlushed(slot)
		return
	}
	if id == fanout.None {
		if int(s.counts.At(slot).rooms) >= s.hub.Options.Rooms {
			s.refuseWanted(slot, &j.wanted, session.ErrRooms)
			return
		}
		id = s.addSub(slot, Log, j.room)
		s.counts.At(slot).rooms++
	}
	s.unwant(slot, &j.wanted)
	j.sub = id
	s.joins[id] = j
	j.live = s.fan.Listening(id)
	f := s.Topic(id)
	if f.isLive() {
		s.followed(j, nil)
		return
	}
	f.whenLive(func(err error) { s.conn.Post(func() { s.followed(j, err) }) })
}

// current reports whether a join is still wanted: the session lives and has not left the room
// meanwhile. A join whose room was left has been answered: see depart.
func (s *Shard) current(j *joining) bool { return s.joins[j.sub] == j }

// followed goes on when the edge follows the room.
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
		out, through, pos, ok := r.Since(s.frames[:0], j.after.Seq, id, MaxReplay, maxReplayBytes)
		s.frames = out[:0]
		if ok {
			s.hub.sess.Metrics.Replays.WithLabelValues("ring").Inc()
			s.conn.PushFrames(j.ref.Slot, out)
			s.fan.Seek(j.sub, pos)
			s.joined(j, through, false, false)
			return
		}
	}
	s.fan.Mute(j.sub)
	s.waitsOf(j.ref.Slot).replaying++
	session.Later(s.sess, j.ref, s.hub.Replayer(s.sess.User(j.ref.Slot), j.room, j.after), func(slot uint32, got Replayed, err error) { s.replayed(j, got, err) })
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
func (s *Shard) replayed(j *joining, got Replayed, err error) {
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
	s.hub.sess.Metrics.Replays.WithLabelValues(got.Source).Inc()
	r := s.fan.View(j.sub)
	s.fan.ClearAhead(j.sub)
	if got.Rewound {
		seq, pos := r.Head()
		s.fan.Seek(j.sub, pos)
		s.joined(j, seq, false, true)
		return
	}
	s.conn.PushFrames(slot, got.Frames)
	if got.More {
		s.joined(j, got.Through, true, false)
		return
	}
	pos, ahead, ok := r.Attach(got.Through)
	if !ok { // the ring has moved on meanwhile
		s.joined(j, got.Through, true, false)
		return
	}
	if s.fan.Seek(j.sub, pos); ahead {
		s.fan.SetAhead(j.sub, got.Through)
	}
	s.joined(j, got.Through, false, false)
}

// joined ends a join.
func (s *Shard) joined(j *joining, seq uint64, more, rewind bool) {
	slot := j.ref.Slot
	delete(s.joins, j.sub)
	s.enc = wire.AppendJoined(s.enc[:0], j.id, j.room, seq, more, rewind)
	s.conn.Push(slot, s.enc)
	if !s.fan.Confirmed(j.sub) {
		s.fan.Confirm(j.sub)
		s.sess.ReportJoin(slot, j.room)
	}
	if !more { // else it was muted when the replay began
		s.fan.Listen(j.sub)
		s.conn.Lag(slot) // frames may be there that no news announces
	}
	s.unpark(slot)
}

// joinFailed answers a join with an error, and leaves things as they were.
func (s *Shard) joinFailed(j *joining, err error) {
	slot := j.ref.Slot
	delete(s.joins, j.sub)
	s.sess.ReplyErrorTo(slot, j.id, err)
	switch {
	case j.live:
		s.fan.Listen(j.sub)
		s.conn.Lag(slot)
	case !s.fan.Confirmed(j.sub):
		s.counts.At(slot).rooms--
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
		if s.enter(j); !s.conn.Alive(j.ref) {
			return
		}
		if len(m.parked) == before { // it has to wait again
			copy(m.parked[1:], m.parked[:before-1])
			m.parked[0] = j
			return
		}
	}
	s.compactWaits(slot)
}

// waitsOf returns the waits of a session, which it makes.
func (s *Shard) waitsOf(slot uint32) *waits {
	w := s.waits[slot]
	if w == nil {
		w = &waits{}
		s.waits[slot] = w
	}
	return w
}

// compactWaits drops waits that hold nothing.
func (s *Shard) compactWaits(slot uint32) {
	if w := s.waits[slot]; w != nil && len(w.parked) == 0 && len(w.listed) == 0 && w.replaying == 0 {
		delete(s.waits, slot)
	}
}
