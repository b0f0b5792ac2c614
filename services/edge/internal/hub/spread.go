package hub

import "hubbub.internal/services/edge/internal/ring"

// Bounds of the work of one turn. A room of 100,000 is served in parts, between which other rooms
// and sockets have theirs.
type bounds struct {
	region  int // bytes of one room
	regions int // bytes of all rooms
	visits  int // subs of one room
	turn    int // subs of all rooms
	late    int // bytes of one room for one socket that has fallen behind the others
}

var turnBounds = bounds{region: 256 << 10, regions: 1 << 20, visits: 1024, turn: 4096, late: 64 << 10}

// spread is the part of a shard that brings news to subs.
type spread struct {
	bounds  bounds
	regions []byte   // the frames of this turn, those of one room together
	loaded  []loaded // whose they are
	late    []byte   // frames for one session that has fallen behind
	pieces  []piece  // what one write has of each of the session's subs
	bufs    [][]byte // the same, as the transport takes it
}

// loaded are the frames of a room, in the turn in which they are brought to its subs.
type loaded struct {
	aud       *audience
	frames    []byte
	base, end uint64 // their positions
}

// spreadNews finds, for rooms that have news, the sockets that are to be written to in this turn.
// Rooms take turns.
func (s *Shard) spreadNews() {
	budget := s.bounds.turn
	for rooms := len(s.dirty) - s.from; rooms > 0 && budget > 0 && len(s.regions) < s.bounds.regions; rooms-- {
		a := s.dirty[s.from]
		s.dirty[s.from] = nil
		s.from++
		if s.hold(a) {
			continue
		}
		if s.visit(a, &budget) {
			a.flags &^= audQueued
			if a.users == 0 {
				*a.feed.audience(s.index, a.packed()) = nil
			}
			continue
		}
		s.dirty = append(s.dirty, a)
	}
	if s.from == len(s.dirty) {
		s.dirty, s.from = s.dirty[:0], 0
	} else if s.from > 64 && s.from > len(s.dirty)/2 {
		s.dirty = s.dirty[:copy(s.dirty, s.dirty[s.from:])]
		s.from = 0
	}
}

// visit marks the subs of a room that have frames, as many as there is budget for, and reports
// whether all have been seen to.
func (s *Shard) visit(a *audience, budget *int) bool {
	if len(a.subs) == 0 {
		a.flags &^= audPass
		return true
	}
	fresh := a.flags&audPass == 0
	if fresh {
		a.flags |= audPass
		a.next, a.spread = 0, s.conn.At()
	}
	if a.loaded == 0 {
		s.load(a)
	}
	end := s.loaded[a.loaded-1].end
	if fresh {
		a.first = end
	}
	visits := s.bounds.visits
	for a.next < uint32(len(a.subs)) {
		if visits == 0 || *budget == 0 {
			return false
		}
		id := a.subs[a.next]
		a.next++
		b := s.subs.At(id)
		if b.cursor >= end && b.flags&subAhead == 0 || s.conn.Blocked(b.slot) {
			continue
		}
		visits--
		*budget--
		s.owe(id)
	}
	a.flags &^= audPass
	a.synced = a.first
	_, head := a.view.Head()
	return head <= a.synced
}

// load copies what a room's subs have not had yet.
func (s *Shard) load(a *audience) {
	at, base := len(s.regions), a.synced
	out, end, status := a.view.Copy(s.regions, base, s.bounds.region)
	if status != ring.Held {
		_, base = a.view.Restart()
		out, end, _ = a.view.Copy(s.regions, base, s.bounds.region)
	}
	s.regions = out
	s.loaded = append(s.loaded, loaded{a, out[at:], base, end})
	a.loaded = uint32(len(s.loaded))
}

// unload ends the turn for what was loaded.
func (s *Shard) unload() {
	for i := range s.loaded {
		s.loaded[i].aud.loaded = 0
	}
	clear(s.loaded)
	s.loaded = s.loaded[:0]
	if s.regions = s.regions[:0]; cap(s.regions) > 2*s.bounds.regions {
		s.regions = nil
	}
}

// owe has a sub's frames written in this turn.
func (s *Shard) owe(id uint32) {
	b := s.subs.At(id)
	if b.flags&subDue != 0 {
		return
	}
	b.flags |= subDue
	ses := s.sessions.At(b.slot)
	b.due, ses.due = ses.due, id
	s.conn.Enqueue(b.slot)
}
