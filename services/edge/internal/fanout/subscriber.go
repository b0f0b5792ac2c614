package fanout

import (
	"time"

	"hubbub.internal/services/edge/internal/ring"
)

// subscriber is a connection's subscription to a topic: a position in the topic's ring.
type subscriber struct {
	set     *subscriberSet
	cursor  uint64 // position in the ring of the next frame
	slot    uint32 // of the connection
	index   uint32 // in set.subs; None: nothing is delivered now
	next    uint32 // of the connection's subscribers
	pending uint32 // of the connection's subscribers that have frames in this turn
	flags   flag
}

type flag uint8

const (
	flPending   flag = 1 << iota // in the connection's list of those
	flAhead                      // has entries that the ring does not have yet: see Shard.ahead
	flConfirmed                  // see Confirm
)

// subscriberSet is who subscribes to a topic on one loop, and gets its frames in one form.
type subscriberSet struct {
	topic *Topic
	view  ring.View // of the topic's ring
	subs  []uint32  // those that are delivered to
	// no subscriber whose connection is not blocked is before this position, unless it is lagging
	synced   uint64
	first    uint64        // where the first part of the pass under way ended
	passedAt time.Duration // since the process started: when the last pass began
	next     uint32        // the next of subs in the pass under way
	users    uint32        // subscribers, delivered to or not
	flags    setFlag
	// index in fanoutPass.batches, plus one, in the turn in which it has one; 0: it has none
	batch uint32
}

type setFlag uint8

const (
	setQueued setFlag = 1 << iota // in the shard's list of those with news
	setPass                       // a pass is under way
)

// packed reports whether the set gets compressed frames.
func (a *subscriberSet) packed() bool { return a.view == a.topic.ring.Packed() }

// Subscribe gives a connection a subscriber of a topic, of its compressed frames or its plain ones.
// Nothing is delivered to it before Listen.
func (s *Shard) Subscribe(at uint32, t *Topic, packed bool) (id uint32) {
	set := t.set(s.index, packed)
	if *set == nil {
		*set = &subscriberSet{topic: t, view: t.ring.Plain()}
		if packed {
			(*set).view = t.ring.Packed()
		}
	}
	a := *set
	if packed {
		t.ring.Pack()
	}
	a.users++
	if n := len(s.free); n > 0 {
		id, s.free = s.free[n-1], s.free[:n-1]
	} else {
		id = s.count
		s.count++
		s.subs.Reach(id)
	}
	c := s.slots.At(at)
	*s.subs.At(id) = subscriber{set: a, slot: at, index: None, next: c.subs, pending: None}
	c.subs = id
	return id
}

// Unsubscribe takes a subscriber from its connection.
func (s *Shard) Unsubscribe(id uint32) {
	b := s.subs.At(id)
	c := s.slots.At(b.slot)
	s.Mute(id)
	for at := &c.subs; ; at = &s.subs.At(*at).next {
		if *at == id {
			*at = b.next
			break
		}
	}
	if b.flags&flPending != 0 {
		for at := &c.pending; ; at = &s.subs.At(*at).pending {
			if *at == id {
				*at = b.pending
				break
			}
		}
	}
	delete(s.ahead, id)
	a := b.set
	if a.packed() {
		a.topic.ring.Unpack()
	}
	if a.users--; a.users == 0 && a.flags == 0 {
		*a.topic.set(s.index, a.packed()) = nil
	}
	*b = subscriber{}
	s.free = append(s.free, id)
}

// Listen starts the delivery of a topic's frames to a subscriber, from its cursor on.
func (s *Shard) Listen(id uint32) {
	b := s.subs.At(id)
	if b.index != None {
		return
	}
	a := b.set
	if len(a.subs) == 0 {
		a.topic.listening.Or(1 << s.index)
		_, a.synced = a.view.Head()
	}
	b.index = uint32(len(a.subs))
	a.subs = append(a.subs, id)
}

// Mute stops the delivery to a subscriber, which keeps its cursor.
func (s *Shard) Mute(id uint32) {
	b := s.subs.At(id)
	if b.index == None {
		return
	}
	a := b.set
	hole, last := b.index, uint32(len(a.subs)-1)
	if a.flags&setPass != 0 && hole < a.next {
		// What the pass has not seen yet must stay behind what it has.
		a.next--
		a.move(s, a.next, hole)
		hole = a.next
	}
	a.move(s, last, hole)
	a.subs = a.subs[:last]
	if b.index = None; last == 0 {
		a.subs = nil
		if other := *a.topic.set(s.index, !a.packed()); other == nil || len(other.subs) == 0 {
			a.topic.listening.And(^(uint64(1) << s.index))
		}
	} else if cap(a.subs) > 64 && len(a.subs) < cap(a.subs)/4 {
		a.subs = append(make([]uint32, 0, cap(a.subs)/2), a.subs...)
	}
}

func (a *subscriberSet) move(s *Shard, from, to uint32) {
	if from != to {
		a.subs[to] = a.subs[from]
		s.subs.At(a.subs[to]).index = to
	}
}
