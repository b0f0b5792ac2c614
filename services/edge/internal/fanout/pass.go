package fanout

import (
	"hubbub.internal/services/edge/internal/ring"
)

// Bounds are those of the work of one turn. A topic with 100,000 subscribers is served in parts,
// between which other topics and connections have theirs.
type Bounds struct {
	Region  int // bytes of one topic
	Regions int // bytes of all topics
	Visits  int // subscribers of one topic
	Turn    int // subscribers of all topics
	Late    int // bytes of one topic for one connection that has fallen behind the others
}

var turnBounds = Bounds{Region: 256 << 10, Regions: 1 << 20, Visits: 1024, Turn: 4096, Late: 64 << 10}

// fanoutPass is what a shard delivers in one turn.
type fanoutPass struct {
	bounds  Bounds
	regions []byte  // the frames of this turn, those of one topic together
	batches []batch // whose they are
	late    []byte  // frames for one connection that has fallen behind
	pieces  []piece // what one write has of each of the connection's subscribers
}

// batch is the frames of a topic, in the turn in which they are delivered.
type batch struct {
	set       *subscriberSet
	frames    []byte
	base, end uint64 // their positions
}

// deliverNews finds, for topics that have news, the connections that are to be written to in this
// turn. Topics take turns.
func (s *Shard) deliverNews() {
	budget := s.pass.bounds.Turn
	for sets := len(s.dirty) - s.from; sets > 0 && budget > 0 && len(s.pass.regions) < s.pass.bounds.Regions; sets-- {
		a := s.dirty[s.from]
		s.dirty[s.from] = nil
		s.from++
		if s.deferFlush(a) {
			continue
		}
		if s.visitSet(a, &budget) {
			a.flags &^= setQueued
			if a.users == 0 {
				*a.topic.set(s.index, a.packed()) = nil
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

// visitSet marks the subscribers of a set that have frames, as many as there is budget for, and
// reports whether it has visited all.
func (s *Shard) visitSet(a *subscriberSet, budget *int) bool {
	if len(a.subs) == 0 {
		a.flags &^= setPass
		return true
	}
	fresh := a.flags&setPass == 0
	if fresh {
		a.flags |= setPass
		a.next, a.passedAt = 0, s.conn.At()
	}
	if a.batch == 0 {
		s.loadBatch(a)
	}
	end := s.pass.batches[a.batch-1].end
	if fresh {
		a.first = end
	}
	visits := s.pass.bounds.Visits
	for a.next < uint32(len(a.subs)) {
		if visits == 0 || *budget == 0 {
			return false
		}
		id := a.subs[a.next]
		a.next++
		b := s.subs.At(id)
		if b.cursor >= end && b.flags&flAhead == 0 || s.conn.Blocked(b.slot) {
			continue
		}
		visits--
		*budget--
		s.markPending(id)
	}
	a.flags &^= setPass
	a.synced = a.first
	_, head := a.view.Head()
	return head <= a.synced
}

// loadBatch copies what a set's subscribers have not had yet.
func (s *Shard) loadBatch(a *subscriberSet) {
	p := &s.pass
	at, base := len(p.regions), a.synced
	out, end, status := a.view.Copy(p.regions, base, p.bounds.Region)
	if status != ring.Held {
		_, base = a.view.Restart()
		out, end, _ = a.view.Copy(p.regions, base, p.bounds.Region)
	}
	p.regions = out
	p.batches = append(p.batches, batch{a, out[at:], base, end})
	a.batch = uint32(len(p.batches))
}

// drop ends the turn for the batches that were loaded.
func (p *fanoutPass) drop() {
	for i := range p.batches {
		p.batches[i].set.batch = 0
	}
	clear(p.batches)
	p.batches = p.batches[:0]
	if p.regions = p.regions[:0]; cap(p.regions) > 2*p.bounds.Regions {
		p.regions = nil
	}
}
