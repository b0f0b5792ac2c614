package hub

import (
	"bytes"
	"context"
	"strings"
	"sync"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/ring"
)

// A user's own room (chat.UserRoom) has few entries, and an edge has as many of them as users. So
// none is a feed: the edge hears of all personal rooms by hints (bus.Log.Watch), a session
// remembers up to which Seq its client has the room, and after a hint, or when a comparison finds
// the log ahead, the rest is read from the log. That costs a session 12 bytes.

// ownRooms is what a shard knows of its users' own rooms.
type ownRooms struct {
	mu sync.RWMutex // the loop's goroutine alone writes
	// by userHash: the slot of a session; session.peer is the next one with that hash
	first map[uint32]uint32

	reads   map[uint32]*ownRead // by slot: what is under way
	compare comparison
}

// ownRead is a session's reading of its own room. One read at a time keeps the entries in order.
type ownRead struct {
	again bool       // a hint came meanwhile
	joins []*ownJoin // wait for their turn
}

// ownJoin is a client's join of its own room, from a position.
type ownJoin struct {
	id    string
	after bus.Position
}

// maxOwnJoins is how many joins of its own room a client may have waiting.
const maxOwnJoins = 8

func newOwnRooms() ownRooms {
	return ownRooms{first: make(map[uint32]uint32), reads: make(map[uint32]*ownRead)}
}

// userHash is short: what meets by it is told apart.
func userHash[T string | []byte](user T) uint32 {
	h := ring.Hash(user)
	return uint32(h>>32 ^ h)
}

// enterOwn notes a session whose client has its user's own room through a Seq.
func (s *Shard) enterOwn(slot uint32, through uint64) {
	ses := s.sessions.At(slot)
	h := userHash(ses.who.user())
	o := &s.own
	o.mu.Lock()
	defer o.mu.Unlock()
	first, ok := o.first[h]
	if !ok {
		first = none
	}
	ses.own, ses.peer = through, first
	o.first[h] = slot
}

// exitOwn forgets the session.
func (s *Shard) exitOwn(slot uint32) {
	ses := s.sessions.At(slot)
	h := userHash(ses.who.user())
	o := &s.own
	delete(o.reads, slot)
	delete(s.paces, ownPace(slot))
	o.mu.Lock()
	defer o.mu.Unlock()
	switch at, ok := o.first[h]; {
	case !ok:
	case at == slot && ses.peer == none:
		delete(o.first, h)
	case at == slot:
		o.first[h] = ses.peer
	default:
		for at != none {
			before := s.sessions.At(at)
			if at = before.peer; at == slot {
				before.peer = ses.peer
			}
		}
	}
}

// has reports whether the loop may have a session of the user with this hash. It may be called by
// any goroutine.
func (o *ownRooms) has(hash uint32) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	_, ok := o.first[hash]
	return ok
}

// eachOf calls do for every session of a user on this loop.
func (s *Shard) eachOf(user string, do func(slot uint32)) {
	slot, ok := s.own.first[userHash(user)]
	if !ok {
		return
	}
	var slots []uint32 // do may end sessions
	for slot != none {
		ses := s.sessions.At(slot)
		if ses.who.user() == user {
			slots = append(slots, slot)
		}
		slot = ses.peer
	}
	for _, slot := range slots {
		if s.conn.State(slot) == conn.Ready {
			do(slot)
		}
	}
}

// loopsOf returns the loops that may have sessions of a user, a bit each.
func loopsOf[T string | []byte](h *Hub, user T) (mask uint64) {
	hash := userHash(user)
	for i, s := range h.shards {
		if s.own.has(hash) {
			mask |= 1 << i
		}
	}
	return mask
}

// tellOwn pushes an event to all sessions of a user.
func (h *Hub) tellOwn(user, event []byte) {
	mask := loopsOf(h, user)
	if mask == 0 {
		return
	}
	to, event := string(user), bytes.Clone(event)
	h.each(mask, func(s *Shard) {
		s.conn.Post(func() { s.eachOf(to, func(slot uint32) { s.conn.Push(slot, event) }) })
	})
}

// ownWatcher is the Hub as the bus tells it of personal rooms.
type ownWatcher Hub

var _ bus.Watcher = (*ownWatcher)(nil)

// Hint has those read who have not got as far.
func (w *ownWatcher) Hint(room string, seq uint64) {
	h, user := (*Hub)(w), userOf(room)
	mask := loopsOf(h, user)
	if mask == 0 {
		return
	}
	user = strings.Clone(user)
	h.each(mask, func(s *Shard) {
		s.conn.Post(func() {
			s.eachOf(user, func(slot uint32) {
				if seq > s.sessions.At(slot).own {
					s.readOwn(slot)
				}
			})
		})
	})
}

// Suspect has all own rooms compared with the log.
func (w *ownWatcher) Suspect() {
	for _, s := range w.shards {
		s.conn.Post(s.compareOwn)
	}
}

// userOf returns whose a personal room is: see chat.UserRoom.
func userOf[T string | []byte](room T) T { return room[len("u-"):] }

// readOwn brings a session what its own room has after what its client has.
func (s *Shard) readOwn(slot uint32) {
	if r := s.own.reads[slot]; r != nil {
		r.again = true
		return
	}
	ses := s.sessions.At(slot)
	if ses.paging {
		return // the client's next join reads it
	}
	s.own.reads[slot] = &ownRead{}
	s.replayOwn(slot, nil)
}

// joinOwn answers a client's join of its own room, in which it is already.
func (s *Shard) joinOwn(slot uint32, c *wire.Command) {
	ses := s.sessions.At(slot)
	if !c.HasAfter {
		ses.paging = false
		s.enc = wire.AppendJoined(s.enc[:0], string(c.ID), string(c.Room), ses.own, false, false)
		s.conn.Push(slot, s.enc)
		s.readOwn(slot)
		return
	}
	j := &ownJoin{id: string(c.ID), after: bus.Position{Seq: c.After, ID: string(c.AfterID)}}
	r := s.own.reads[slot]
	switch {
	case r == nil:
		s.own.reads[slot] = &ownRead{}
		s.replayOwn(slot, j)
	case len(r.joins) >= maxOwnJoins:
		s.replyError(slot, c, errPending)
	default:
		r.joins = append(r.joins, j)
	}
}

// replayOwn reads the own room, for a client's join or, without one, from where the client is.
func (s *Shard) replayOwn(slot uint32, j *ownJoin) {
	ses := s.sessions.At(slot)
	after := bus.Position{Seq: ses.own}
	if j != nil {
		after = j.after
	}
	room := chat.UserRoom(ses.who.user())
	later(s, s.conn.Ref(slot), s.hub.replayer(ses.who.user(), room, after), func(slot uint32, got replayed, err error) {
		s.ownReplayed(slot, room, j, got, err)
	})
}

func (s *Shard) ownReplayed(slot uint32, room string, j *ownJoin, got replayed, err error) {
	ses, r := s.sessions.At(slot), s.own.reads[slot]
	id := ""
	if j != nil {
		id = j.id
	}
	switch {
	case err != nil && j == nil:
		s.own.compare.soon, r.again = true, false
	case err != nil:
		s.replyErrorTo(slot, id, err)
	case got.rewound:
		ref := s.conn.Ref(slot)
		s.hub.heads.ask(room, func(through uint64, err error) {
			s.conn.Post(func() {
				if s.alive(ref) != nil {
					s.ownRewound(slot, room, id, through, err)
				}
			})
		})
		return
	default:
		s.hub.metrics.Replays.WithLabelValues(got.source).Inc()
		s.conn.PushFrames(slot, got.frames)
		if j == nil {
			// Not through: the next entry's prev is to be one that the client has seen.
			ses.own = max(ses.own, got.last)
			r.again = r.again || got.more
			break
		}
		ses.own = got.through
		ses.paging = got.more
		s.enc = wire.AppendJoined(s.enc[:0], id, room, got.through, got.more, false)
		s.conn.Push(slot, s.enc)
	}
	s.nextOwn(slot)
}

// ownRewound has the client begin its own room anew where the log now ends.
func (s *Shard) ownRewound(slot uint32, room, id string, through uint64, err error) {
	ses := s.sessions.At(slot)
	switch {
	case err == nil:
		ses.own = through
		ses.paging = false
		s.enc = wire.AppendJoined(s.enc[:0], id, room, through, false, true)
		s.conn.Push(slot, s.enc)
	case id != "":
		s.replyErrorTo(slot, id, err)
	default:
		s.own.compare.soon, s.own.reads[slot].again = true, false
	}
	s.nextOwn(slot)
}

// nextOwn goes on with what waits for a session's own room.
func (s *Shard) nextOwn(slot uint32) {
	r := s.own.reads[slot]
	if r == nil { // the session has been closed
		return
	}
	switch {
	case len(r.joins) > 0:
		j := r.joins[0]
		r.joins = r.joins[1:]
		s.replayOwn(slot, j)
	case r.again && !s.sessions.At(slot).paging:
		r.again = false
		s.replayOwn(slot, nil)
	default:
		delete(s.own.reads, slot)
	}
}

const (
	compareEvery = 30_000 // ms between comparisons of all own rooms with the log
	compareSoon  = 1000   // ms after one that did not succeed
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
	c := &s.own.compare
	if since := s.conn.Now() - c.began; since >= compareEvery || c.soon && since >= compareSoon {
		s.compareOwn()
	}
}

// compareOwn compares the own rooms of all sessions with the log.
func (s *Shard) compareOwn() {
	c := &s.own.compare
	if c.on {
		c.again = true
		return
	}
	*c = comparison{on: true, began: s.conn.Now()}
	s.compareSome()
}

// compareSome goes on with it.
func (s *Shard) compareSome() {
	c := &s.own.compare
	var refs []conn.Ref
	var rooms []string
	slots := s.conn.Slots()
	for looks := 0; looks < compareLooks && len(rooms) < comparePart && c.next < slots; looks++ {
		if ses := s.sessions.At(c.next); s.conn.State(c.next) == conn.Ready && !ses.paging {
			refs = append(refs, s.conn.Ref(c.next))
			rooms = append(rooms, chat.UserRoom(ses.who.user()))
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
			s.compareOwn()
		}
		return
	}
	if !s.hub.jobs.Do(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		heads, err := s.hub.bus.Heads(ctx, rooms)
		s.conn.Post(func() { s.compared(refs, heads, err) })
	}) {
		s.compared(refs, nil, errBusy)
	}
}

// compared reads the rooms of which the log has more, or less: that was rewound. A log that lost
// its tail and has grown beyond it since is not told from one that did not: what came after is
// read, and the client's next join, which names the entry, finds out.
func (s *Shard) compared(refs []conn.Ref, heads []bus.Head, err error) {
	c := &s.own.compare
	if err != nil {
		c.on, c.soon = false, true
		return
	}
	for i, r := range refs {
		if ses := s.alive(r); ses != nil && (heads[i].Seq > ses.own || heads[i].Through < ses.own) {
			s.readOwn(r.Slot)
		}
	}
	s.compareSome()
}
