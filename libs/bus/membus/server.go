// Package membus is the smallest driver that keeps the contract of package bus: a log in memory, for tests, and the
// contract by example. It passes the conformance suite; only tests import it.
//
// It owns a Server, which is the log that several buses share as processes share a Redis or a NATS. It keeps nothing on a
// disk and has no clock of its own: in a testing/synctest bubble it lives by that one's. Callbacks of one bus are called
// one after the other in the order of their causes, so that a test which waits for a bubble to settle sees all of them.
package membus

import (
	"bytes"
	"hash/fnv"
	"sync"
	"time"

	"hubbub.internal/libs/bus"
)

// partitions is how many parts of the log members of a group read at the same time.
const partitions = 8

// Options are how a Server keeps its log. Zero fields: for ever, and of any size.
type Options struct {
	MaxAge   time.Duration
	MaxBytes int64 // of the entries' data
}

// Server is a log that buses share. It is safe for concurrent use.
type Server struct {
	opts Options

	mu       sync.Mutex
	changed  chan struct{} // closed, and replaced, when anything has changed that somebody may wait for
	down     bool          // see Down
	held     bool          // see Hold
	deaf     bool          // see LoseHints
	fail     func(call, name string) error
	floor    uint64 // the log began behind this Seq: positions before it are another log's
	last     uint64 // the greatest Seq that was given
	bytes    int64
	order    []*record // all entries, the oldest first
	parts    [partitions]part
	rooms    map[string]*room
	keys     map[key]accepted
	groups   map[string]*group
	buses    map[*Bus]bool
	channels map[string][]*listener
	services map[string][]*service
}

type key struct{ room, sender, id string }

type accepted struct {
	seq uint64
	at  time.Time
}

// record is an entry of the log.
type record struct {
	bus.Entry
	at      time.Time
	index   int  // in its part, counted from the log's beginning
	removed bool // its content was
}

// part is the entries of some rooms, of which the first were trimmed.
type part struct {
	records []*record
	trimmed int // how many are gone
}

type room struct {
	head      bus.Position
	records   []*record
	trimmed   uint64 // the greatest Seq that retention has taken
	followers []*follower
}

// NewServer returns an empty log, which begins at the second that it is made in.
func NewServer(o Options) *Server {
	floor := uint64(time.Now().Unix()) << 20
	return &Server{
		opts: o, floor: floor, last: floor, changed: make(chan struct{}), rooms: make(map[string]*room), keys: make(map[key]accepted),
		groups: make(map[string]*group), buses: make(map[*Bus]bool), channels: make(map[string][]*listener), services: make(map[string][]*service),
	}
}

// wake tells whoever waits that something has changed. It is called with mu held, as are all methods below.
func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func partOf(room string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(room)) // never fails
	return int(h.Sum32() % partitions)
}

func (s *Server) room(name string) *room {
	r := s.rooms[name]
	if r == nil {
		r = &room{}
		s.rooms[name] = r
	}
	return r
}

// append adds an entry, whose data it keeps, and tells everybody.
func (s *Server) append(e bus.NewEntry, data []byte) (bus.Appended, error) {
	now, k := time.Now(), key{e.Room, e.Sender, e.ID}
	if a, ok := s.keys[k]; ok && now.Sub(a.at) < bus.DedupeWindow {
		return bus.Appended{Seq: a.seq, Duplicate: true}, nil
	}
	s.trim(now, int64(len(data)))
	if s.opts.MaxBytes > 0 && s.bytes+int64(len(data)) > s.opts.MaxBytes {
		return bus.Appended{}, bus.ErrFull
	}
	s.last++
	r, p := s.room(e.Room), &s.parts[partOf(e.Room)]
	rec := &record{at: now, index: p.trimmed + len(p.records), Entry: bus.Entry{Room: e.Room, Seq: s.last, Sender: e.Sender, ID: e.ID, Data: data}}
	s.keys[k] = accepted{s.last, now}
	s.bytes += int64(len(data))
	s.order, p.records, r.records = append(s.order, rec), append(p.records, rec), append(r.records, rec)
	r.head = bus.Position{Seq: rec.Seq, ID: rec.ID}
	for _, f := range r.followers {
		f.deliver(rec.Entry)
	}
	if bus.Personal(e.Room) && !s.deaf {
		for b := range s.buses {
			b.hint(rec.Room, rec.Seq)
		}
	}
	s.wake()
	return bus.Appended{Seq: rec.Seq}, nil
}

// trim takes what is too old, and what stands in the way of size more bytes, but nothing that a required group has not
// consumed.
func (s *Server) trim(now time.Time, size int64) {
	for len(s.order) > 0 {
		rec := s.order[0]
		old := s.opts.MaxAge > 0 && now.Sub(rec.at) > s.opts.MaxAge
		large := s.opts.MaxBytes > 0 && s.bytes+size > s.opts.MaxBytes
		if !old && !large || !s.consumed(rec) {
			return
		}
		p, r := &s.parts[partOf(rec.Room)], s.rooms[rec.Room]
		s.order, p.records, p.trimmed, r.records = s.order[1:], p.records[1:], p.trimmed+1, r.records[1:]
		r.trimmed = rec.Seq
		s.bytes -= int64(len(rec.Data))
	}
}

// consumed reports whether all required groups have consumed an entry.
func (s *Server) consumed(rec *record) bool {
	for _, g := range s.groups {
		if g.required && g.next[partOf(rec.Room)] <= rec.index {
			return false
		}
	}
	return true
}

// replay is bus.Log.Replay.
func (s *Server) replay(name string, after bus.Position, limit int) bus.Replayed {
	s.trim(time.Now(), 0)
	r := s.rooms[name]
	if s.isRewound(r, after) {
		return bus.Replayed{Rewound: true, Through: s.last}
	}
	if r == nil {
		return bus.Replayed{Through: after.Seq} // nobody has said anything there
	}
	out := bus.Replayed{Through: s.last, Truncated: r.trimmed > after.Seq}
	prev := after.Seq
	for _, rec := range r.records {
		if rec.Seq <= after.Seq || rec.removed {
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

// isRewound reports whether a position is none of this log: of another one, behind the end, or of another entry.
func (s *Server) isRewound(r *room, after bus.Position) bool {
	if after.Seq > s.last || after.Seq > 0 && after.Seq < s.floor {
		return true
	}
	if after.ID == "" || after.Seq == 0 || r != nil && after.Seq <= r.trimmed {
		return false
	}
	if r != nil {
		for _, rec := range r.records {
			if rec.Seq == after.Seq {
				return !rec.removed && rec.ID != after.ID
			}
		}
	}
	return true // the room has no such entry, so its end was lost
}

// copy returns the entry for somebody who may change its data.
func (rec *record) copy(prev uint64) bus.Entry {
	e := rec.Entry
	e.Prev, e.Data = prev, bytes.Clone(e.Data)
	return e
}
