package hub

import (
	"time"

	"hubbub.internal/services/edge/internal/ring"
)

// sub is a session's subscription to a feed: a position in the feed's ring.
type sub struct {
	aud    *audience
	ops    *op    // its sends that are not acknowledged, the first of them on its way
	cursor uint64 // position in the ring of the next frame
	slot   uint32 // of the session
	index  uint32 // in aud.subs; none: nothing is delivered now
	next   uint32 // of the session's subs
	due    uint32 // of the session's subs that have frames in this turn
	flags  subFlag
}

type subFlag uint8

const (
	subDue    subFlag = 1 << iota // in the session's due list
	subAhead                      // has entries that the ring does not have yet: see Shard.ahead
	subMember                     // joined, as the client and presence know it
)

// audience is who listens to a feed on one loop, and gets its frames in one form.
type audience struct {
	feed *feed
	view ring.View // of the feed's ring
	subs []uint32  // those that are delivered to
	// no sub of a session that is not blocked is before this position, unless it is lagging
	synced uint64
	first  uint64        // where the first part of the pass under way ended
	spread time.Duration // since the process started: when the last pass began
	next   uint32        // the next of subs in the pass under way
	users  uint32        // subs, delivered to or not
	flags  audFlag
	// index in Shard.loaded, plus one, in the turn in which it is loaded; 0: it is not
	loaded uint32
}

type audFlag uint8

const (
	audQueued audFlag = 1 << iota // in the shard's list of those with news
	audPass                       // a pass is under way
)

// packed reports whether the audience gets compressed frames.
func (a *audience) packed() bool { return a.view == a.feed.ring.Packed() }

// find returns the session's sub to a room, or none.
func (s *Shard) find(ses *session, room []byte) uint32 {
	for id := ses.subs; id != none; {
		sub := s.subs.At(id)
		if f := sub.aud.feed; f.kind == logFeed && f.room == string(room) {
			return id
		}
		id = sub.next
	}
	return none
}

// findFeed returns the session's sub to a feed, or none.
func (s *Shard) findFeed(ses *session, kind feedKind, room string) uint32 {
	for id := ses.subs; id != none; {
		sub := s.subs.At(id)
		if f := sub.aud.feed; f.kind == kind && f.room == room {
			return id
		}
		id = sub.next
	}
	return none
}

// addSub gives a session a sub to a feed. Nothing is delivered to it before listen.
func (s *Shard) addSub(slot uint32, kind feedKind, room string) uint32 {
	f := s.hub.acquire(kind, room)
	packs := kind == logFeed && s.conn.Packs(slot)
	at := f.audience(s.index, packs)
	if *at == nil {
		*at = &audience{feed: f, view: f.ring.Plain()}
		if packs {
			(*at).view = f.ring.Packed()
		}
	}
	a := *at
	if packs {
		f.ring.Pack()
	}
	a.users++
	var id uint32
	if n := len(s.freeSubs); n > 0 {
		id, s.freeSubs = s.freeSubs[n-1], s.freeSubs[:n-1]
	} else {
		id = s.subCount
		s.subCount++
		s.subs.Reach(id)
	}
	ses := s.sessions.At(slot)
	*s.subs.At(id) = sub{aud: a, slot: slot, index: none, next: ses.subs, due: none}
	ses.subs = id
	return id
}

// dropSub takes a sub from its session. Its sends that are on their way end by themselves.
func (s *Shard) dropSub(id uint32) {
	b := s.subs.At(id)
	ses := s.sessions.At(b.slot)
	s.mute(id)
	s.abandon(b)
	for at := &ses.subs; ; at = &s.subs.At(*at).next {
		if *at == id {
			*at = b.next
			break
		}
	}
	if b.flags&subDue != 0 {
		for at := &ses.due; ; at = &s.subs.At(*at).due {
			if *at == id {
				*at = b.due
				break
			}
		}
	}
	delete(s.ahead, id)
	delete(s.joins, id)
	delete(s.paces, id)
	f := b.aud.feed
	if b.aud.packed() {
		f.ring.Unpack()
	}
	if b.aud.users--; b.aud.users == 0 && b.aud.flags == 0 {
		*f.audience(s.index, b.aud.packed()) = nil
	}
	*b = sub{}
	s.freeSubs = append(s.freeSubs, id)
	s.hub.release(f)
}

// listen has a feed's frames delivered to a sub, from its cursor on.
func (s *Shard) listen(id uint32) {
	b := s.subs.At(id)
	if b.index != none {
		return
	}
	a := b.aud
	if len(a.subs) == 0 {
		a.feed.listening.Or(1 << s.index)
		_, a.synced = a.view.Head()
	}
	b.index = uint32(len(a.subs))
	a.subs = append(a.subs, id)
}

// mute ends the delivery to a sub, which keeps its cursor.
func (s *Shard) mute(id uint32) {
	b := s.subs.At(id)
	if b.index == none {
		return
	}
	a := b.aud
	hole, last := b.index, uint32(len(a.subs)-1)
	if a.flags&audPass != 0 && hole < a.next {
		// What the pass has not seen yet must stay behind what it has.
		a.next--
		a.move(s, a.next, hole)
		hole = a.next
	}
	a.move(s, last, hole)
	a.subs = a.subs[:last]
	if b.index = none; last == 0 {
		a.subs = nil
		if other := *a.feed.audience(s.index, !a.packed()); other == nil || len(other.subs) == 0 {
			a.feed.listening.And(^(uint64(1) << s.index))
		}
	} else if cap(a.subs) > 64 && len(a.subs) < cap(a.subs)/4 {
		a.subs = append(make([]uint32, 0, cap(a.subs)/2), a.subs...)
	}
}

func (a *audience) move(s *Shard, from, to uint32) {
	if from != to {
		a.subs[to] = a.subs[from]
		s.subs.At(a.subs[to]).index = to
	}
}
