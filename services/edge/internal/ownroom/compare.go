package ownroom

import (
	"context"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/session"
)

// How own rooms are compared with the log.
const (
	CompareEvery = 30_000 // ms between comparisons of all own rooms with the log
	CompareSoon  = 1000   // ms after one that did not succeed
	comparePart  = 500    // rooms that are compared at once
	compareLooks = 4096   // sessions that are looked at in one turn
)

// comparison is a shard's asking the log whether own rooms have more than their sessions know of.
type comparison struct {
	began uint32 // ms; when the last one began
	on    bool   // one is under way
	again bool   // there was a reason for another meanwhile
	soon  bool   // something could not be read
	next  uint32 // the slot to look at next
}

// compareSweep begins a comparison when its time has come.
func (s *Shard) compareSweep() {
	c := &s.compare
	if since := s.conn.Now() - c.began; since >= CompareEvery || c.soon && since >= CompareSoon {
		s.compareAll()
	}
}

// compareAll compares the own rooms of all sessions with the log.
func (s *Shard) compareAll() {
	c := &s.compare
	if c.on {
		c.again = true
		return
	}
	*c = comparison{on: true, began: s.conn.Now()}
	s.compareSome()
}

// compareSome goes on with it.
func (s *Shard) compareSome() {
	c := &s.compare
	var refs []conn.Ref
	var rooms []string
	slots := s.conn.Slots()
	for looks := 0; looks < compareLooks && len(rooms) < comparePart && c.next < slots; looks++ {
		if s.sess.Present(c.next) {
			refs = append(refs, s.conn.Ref(c.next))
			rooms = append(rooms, chat.UserRoom(s.sess.User(c.next)))
		}
		c.next++
	}
	switch {
	case len(rooms) > 0:
	case c.next < slots:
		s.conn.Post(s.compareSome)
		return
	default:
		if c.on = false; c.again {
			s.compareAll()
		}
		return
	}
	if !s.hub.sess.Jobs.Do(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, session.RequestTimeout)
		defer cancel()
		heads, err := s.hub.bus.Heads(ctx, rooms)
		s.conn.Post(func() { s.compared(refs, heads, err) })
	}) {
		s.compared(refs, nil, session.ErrBusy)
	}
}

// compared reads the rooms of which the log has more, or less: that was rewound. A log that lost
// its tail and has grown beyond it since looks like one that did not: the
// session reads what came after, and the client's next join, which names the entry, finds out.
func (s *Shard) compared(refs []conn.Ref, heads []bus.Head, err error) {
	c := &s.compare
	if err != nil {
		c.on, c.soon = false, true
		return
	}
	for i, r := range refs {
		own := s.cursors.At(r.Slot).seq()
		if s.conn.Alive(r) && (heads[i].Seq > own || heads[i].Through < own) {
			s.replayMissed(r.Slot)
		}
	}
	s.compareSome()
}
