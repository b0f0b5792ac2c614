// Package ownroom delivers users' own rooms (chat.UserRoom). These have few entries, and an edge
// has as many of them as users, so none is a topic of fanout, which would cost memory for each: the
// edge hears of all personal rooms by hints (bus.Log.Watch), and a session remembers through which
// Seq its client has the room. After a hint, or when a comparison finds the log ahead, the session
// reads the rest from the log. That costs a session 8 bytes.
package ownroom

import (
	"strings"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/session"
	"hubbub.internal/services/edge/internal/slab"
)

// Hub is what the shards of an edge share.
type Hub struct {
	bus    rooms.Bus
	sess   *session.Hub
	rooms  *rooms.Hub
	shards []*Shard
	heads  headBatcher
}

// NewHub returns a hub without shards.
func NewHub(b rooms.Bus, sess *session.Hub, r *rooms.Hub) *Hub {
	return &Hub{bus: b, sess: sess, rooms: r, heads: headBatcher{wake: make(chan struct{}, 1)}}
}

// A Shard brings the sessions of one loop what their users' own rooms have. Only that loop's
// goroutine touches it.
type Shard struct {
	hub     *Hub
	conn    *conn.Shard
	sess    *session.Shard
	cursors slab.Slab[cursor]
	reads   map[uint32]*read // by slot: what is under way
	compare comparison
	enc     []byte // where a frame's JSON is put together
}

// cursor is through which Seq a session's client has its own room, and in its highest bit whether
// the client pages through what it missed.
type cursor uint64

const pagingBit cursor = 1 << 63

func (c *cursor) seq() uint64  { return uint64(*c &^ pagingBit) }
func (c *cursor) paging() bool { return *c&pagingBit != 0 }

func (c *cursor) set(seq uint64, paging bool) {
	if *c = cursor(seq); paging {
		*c |= pagingBit
	}
}

// read is a session's reading of its own room. One read at a time keeps the entries in order.
type read struct {
	again bool    // a hint came meanwhile
	joins []*join // wait for their turn
}

// join is a client's join of its own room, from a position.
type join struct {
	id    string
	after bus.Position
}

// MaxJoins is how many joins of its own room a client may have waiting.
const MaxJoins = 8

// Shard adds a shard.
func (h *Hub) Shard(c *conn.Shard, sess *session.Shard) *Shard {
	s := &Shard{hub: h, conn: c, sess: sess, reads: make(map[uint32]*read)}
	h.shards = append(h.shards, s)
	return s
}

// Opened makes a slot usable, and empty.
func (s *Shard) Opened(slot uint32) {
	s.cursors.Reach(slot)
	*s.cursors.At(slot) = 0
}

// Enter says that a session's client has its user's own room through a Seq.
func (s *Shard) Enter(slot uint32, through uint64) { s.cursors.At(slot).set(through, false) }

// Left forgets a session.
func (s *Shard) Left(slot uint32) {
	delete(s.reads, slot)
	*s.cursors.At(slot) = 0
}

// Tick compares own rooms with the log, if it is time.
func (s *Shard) Tick() { s.compareSweep() }

// Is reports whether a room is the own room of the user with that id.
func Is(room []byte, user string) bool {
	return chat.IsUserRoom(string(room)) && string(rooms.UserOf(room)) == user
}

// watcher is the Hub as the bus's watcher of personal rooms.
type watcher Hub

var _ bus.Watcher = (*watcher)(nil)

// Hint implements bus.Watcher. It starts a replay for every session whose client is behind seq.
func (w *watcher) Hint(room string, seq uint64) {
	h, user := (*Hub)(w), rooms.UserOf(room)
	mask := session.LoopsOf(h.sess, user)
	if mask == 0 {
		return
	}
	user = strings.Clone(user)
	h.sess.EachLoop(mask, func(i int) {
		s := h.shards[i]
		s.conn.Post(func() {
			s.sess.EachOf(user, func(slot uint32) {
				if seq > s.cursors.At(slot).seq() {
					s.replayMissed(slot)
				}
			})
		})
	})
}

// Suspect implements bus.Watcher. It compares all own rooms with the log.
func (w *watcher) Suspect() {
	for _, s := range w.shards {
		s.conn.Post(s.compareAll)
	}
}

// replayMissed brings a session what its own room has after what its client has.
func (s *Shard) replayMissed(slot uint32) {
	if r := s.reads[slot]; r != nil {
		r.again = true
		return
	}
	if s.cursors.At(slot).paging() {
		return // the client's next join reads it
	}
	s.reads[slot] = &read{}
	s.replay(slot, nil)
}

// Join answers a client's join of its own room, in which it is already.
func (s *Shard) Join(slot uint32, c *wire.Command) {
	if !c.HasAfter {
		at := s.cursors.At(slot)
		at.set(at.seq(), false)
		s.enc = wire.AppendJoined(s.enc[:0], string(c.ID), string(c.Room), at.seq(), false, false)
		s.conn.Push(slot, s.enc)
		s.replayMissed(slot)
		return
	}
	j := &join{id: string(c.ID), after: bus.Position{Seq: c.After, ID: string(c.AfterID)}}
	r := s.reads[slot]
	switch {
	case r == nil:
		s.reads[slot] = &read{}
		s.replay(slot, j)
	case len(r.joins) >= MaxJoins:
		s.sess.ReplyError(slot, c, session.ErrPending)
	default:
		r.joins = append(r.joins, j)
	}
}

// replay reads the own room, for a client's join or, without one, from where the client is.
func (s *Shard) replay(slot uint32, j *join) {
	after := bus.Position{Seq: s.cursors.At(slot).seq()}
	if j != nil {
		after = j.after
	}
	room := chat.UserRoom(s.sess.User(slot))
	session.Later(s.sess, s.conn.Ref(slot), s.hub.rooms.Replayer(s.sess.User(slot), room, after), func(slot uint32, got rooms.Replayed, err error) {
		s.replayed(slot, room, j, got, err)
	})
}

func (s *Shard) replayed(slot uint32, room string, j *join, got rooms.Replayed, err error) {
	at, r := s.cursors.At(slot), s.reads[slot]
	id := ""
	if j != nil {
		id = j.id
	}
	switch {
	case err != nil && j == nil:
		s.compare.soon = true
	case err != nil:
		s.sess.ReplyErrorTo(slot, id, err)
	case got.Rewound:
		ref := s.conn.Ref(slot)
		s.hub.heads.request(room, func(through uint64, err error) {
			s.conn.Post(func() {
				if s.conn.Alive(ref) {
					s.rewound(slot, room, id, through, err)
				}
			})
		})
		return
	default:
		s.hub.sess.Metrics.Replays.WithLabelValues(got.Source).Inc()
		s.conn.PushFrames(slot, got.Frames)
		if j == nil {
			// Not through: the next entry's prev is to be one that the client has seen.
			at.set(max(at.seq(), got.Last), false)
			r.again = r.again || got.More
			break
		}
		at.set(got.Through, got.More)
		s.enc = wire.AppendJoined(s.enc[:0], id, room, got.Through, got.More, false)
		s.conn.Push(slot, s.enc)
	}
	s.next(slot)
}

// rewound tells the client that its own room begins anew where the log now ends.
func (s *Shard) rewound(slot uint32, room, id string, through uint64, err error) {
	switch {
	case err == nil:
		s.cursors.At(slot).set(through, false)
		s.enc = wire.AppendJoined(s.enc[:0], id, room, through, false, true)
		s.conn.Push(slot, s.enc)
	case id != "":
		s.sess.ReplyErrorTo(slot, id, err)
	default:
		s.compare.soon = true
	}
	s.next(slot)
}

// next goes on with what waits for a session's own room.
func (s *Shard) next(slot uint32) {
	r := s.reads[slot]
	if r == nil { // the session has been closed
		return
	}
	switch {
	case len(r.joins) > 0:
		j := r.joins[0]
		r.joins = r.joins[1:]
		s.replay(slot, j)
	case r.again && !s.cursors.At(slot).paging():
		r.again = false
		s.replay(slot, nil)
	default:
		delete(s.reads, slot)
	}
}
