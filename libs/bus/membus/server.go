// Package membus is a bus in memory, for tests: the smallest implementation of the contract of
// package bus, and the contract by example. It passes the conformance suite; only tests import it.
//
// It owns a Server, the log that several buses share as processes share a Redis or a NATS. It
// stores nothing on disk and has no clock of its own: in a testing/synctest bubble its time is the
// bubble's. It calls the callbacks of one bus one after the other in the order of their causes, so
// a test that waits for the bubble to settle sees all of them.
package membus

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// Options configure a Server's log. Zero fields: for ever, and of any size.
type Options struct {
	MaxAge   time.Duration
	MaxBytes int64 // of the entries' data
}

// Server is a log that buses share. It is safe for concurrent use: one mutex guards it and its
// buses.
type Server struct {
	opts Options

	mu     sync.Mutex
	more   *sync.Cond // of mu: the state has changed
	down   bool       // see Down
	held   bool       // see Hold
	deaf   bool       // see LoseHints
	fail   func(call, name string) error
	floor  uint64    // the log began after this Seq: positions before it are in another log
	last   uint64    // the greatest Seq so far
	log    []*record // all entries, the oldest first
	bytes  int64     // of their data
	rooms  map[string]room
	keys   map[key]*record // by the key of the append
	groups map[string]*group
	subs   []*subscription // of all buses
}

// record is an entry of the log.
type record struct {
	bus.Entry
	at      time.Time
	removed bool // Remove has erased its content
}

// room is the server's state of a room besides its entries.
type room struct {
	head    bus.Position
	trimmed uint64 // the greatest Seq that retention has removed
}

type key struct{ room, sender, id string }

// NewServer returns an empty log, whose Seqs begin at the present second.
func NewServer(o Options) *Server {
	floor := uint64(time.Now().Unix()) << 20
	s := &Server{opts: o, floor: floor, last: floor, rooms: make(map[string]room), keys: make(map[key]*record), groups: make(map[string]*group)}
	s.more = sync.NewCond(&s.mu)
	return s
}

// append adds an entry, whose data it keeps, and tells followers and watchers. It is called with mu
// held, as are all methods below.
func (s *Server) append(e bus.NewEntry, data []byte) (bus.Appended, error) {
	now, k, size := time.Now(), key{e.Room, e.Sender, e.ID}, int64(len(data))
	if first := s.keys[k]; first != nil && now.Sub(first.at) < bus.DedupeWindow {
		return bus.Appended{Seq: first.Seq, Duplicate: true}, nil
	}
	s.trim(now, size)
	if s.opts.MaxBytes > 0 && s.bytes+size > s.opts.MaxBytes {
		return bus.Appended{}, bus.ErrFull
	}
	s.last++
	// the caller may reuse its memory
	e.Room, e.Sender, e.ID = strings.Clone(e.Room), strings.Clone(e.Sender), strings.Clone(e.ID)
	k = key{e.Room, e.Sender, e.ID}
	rec := &record{Entry: bus.Entry{Room: e.Room, Seq: s.last, Sender: e.Sender, ID: e.ID, Data: data}, at: now}
	s.log, s.bytes, s.keys[k] = append(s.log, rec), s.bytes+size, rec
	s.rooms[e.Room] = room{head: bus.Position{Seq: s.last, ID: e.ID}, trimmed: s.rooms[e.Room].trimmed}
	for _, sub := range s.subs {
		if sub.follower != nil && sub.name == e.Room {
			sub.entry(rec)
		} else if sub.watcher != nil && chat.IsUserRoom(e.Room) && !s.deaf {
			sub.b.later(sub, func() { sub.watcher.Hint(rec.Room, rec.Seq) })
		}
	}
	s.more.Broadcast()
	return bus.Appended{Seq: rec.Seq}, nil
}

// trim removes entries that are too old, and those that leave no room for size more bytes, but none
// that a required group has not consumed.
func (s *Server) trim(now time.Time, size int64) {
	for len(s.log) > 0 {
		rec := s.log[0]
		old := s.opts.MaxAge > 0 && now.Sub(rec.at) > s.opts.MaxAge
		large := s.opts.MaxBytes > 0 && s.bytes+size > s.opts.MaxBytes
		if !old && !large || !s.consumed(rec) {
			return
		}
		s.rooms[rec.Room] = room{head: s.rooms[rec.Room].head, trimmed: rec.Seq}
		s.log, s.bytes = s.log[1:], s.bytes-int64(len(rec.Data))
	}
}

// consumed reports whether all required groups have consumed an entry.
func (s *Server) consumed(rec *record) bool {
	for _, g := range s.groups {
		if g.required && rec.Seq > g.done {
			return false
		}
	}
	return true
}

// from returns the index of the first entry at or after a Seq.
func (s *Server) from(seq uint64) int {
	at, _ := slices.BinarySearchFunc(s.log, seq, func(rec *record, seq uint64) int { return cmp.Compare(rec.Seq, seq) })
	return at
}

// replay is bus.Log.Replay.
func (s *Server) replay(name string, after bus.Position, limit int) bus.Replayed {
	s.trim(time.Now(), 0)
	r, known := s.rooms[name]
	if s.isRewound(name, after) {
		return bus.Replayed{Rewound: true, Through: s.last}
	}
	if !known {
		return bus.Replayed{Through: after.Seq} // the room has never had an entry
	}
	out := bus.Replayed{Through: s.last, Truncated: r.trimmed > after.Seq}
	prev := after.Seq
	for _, rec := range s.log[s.from(after.Seq+1):] {
		if rec.Room != name || rec.removed {
			continue
		}
		if len(out.Entries) == limit {
			out.More, out.Through = true, prev
			break
		}
		out.Entries = append(out.Entries, rec.copy(prev))
		prev = rec.Seq
	}
	return out
}

// isRewound reports whether a position is not in this log: it belongs to another log, is beyond the
// end, or names another entry.
func (s *Server) isRewound(name string, after bus.Position) bool {
	if after.Seq > s.last || after.Seq > 0 && after.Seq < s.floor {
		return true
	}
	if after.ID == "" || after.Seq == 0 || after.Seq <= s.rooms[name].trimmed {
		return false
	}
	if rec := s.find(name, after.Seq); rec != nil {
		return !rec.removed && rec.ID != after.ID
	}
	return true // the room has no such entry, so its end was lost
}

// find returns the entry of a room with a Seq, nil if there is none.
func (s *Server) find(name string, seq uint64) *record {
	if i := s.from(seq); i < len(s.log) && s.log[i].Seq == seq && s.log[i].Room == name {
		return s.log[i]
	}
	return nil
}

// copy returns a copy of the entry whose data the caller may change.
func (rec *record) copy(prev uint64) bus.Entry {
	e := rec.Entry
	e.Prev, e.Data = prev, bytes.Clone(e.Data)
	return e
}
