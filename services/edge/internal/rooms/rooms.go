// Package rooms follows rooms on the bus for the connections that are in them: it joins and leaves,
// replays what a client missed, publishes what the bus delivers to the topics of fanout, and takes
// out whoever may not read a room any more. Each loop has a Shard, which that loop's goroutine
// alone touches.
//
// It knows no command: what a client asks for comes as calls.
package rooms

import (
	"context"
	"errors"
	"sync"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/session"
	"hubbub.internal/services/edge/internal/slab"
)

// Bus is what the edge works with.
type Bus = bus.Interface

// Position is a place in the log of a room.
type Position = bus.Position

// Options bound what the rooms of a session take.
type Options struct {
	Rooms int // rooms of one socket
}

// Hub is what the shards of an edge share.
type Hub struct {
	Options Options
	Bus     Bus
	History *history.Client
	sess    *session.Hub
	fan     *fanout.Hub
	shards  []*Shard

	mu     sync.Mutex
	topics map[string]*RoomTopic // by name

	slow slowTable
	live [liveChannels]liveChannel
}

// NewHub returns a hub without shards.
func NewHub(o Options, b Bus, sess *session.Hub, fan *fanout.Hub) *Hub {
	return &Hub{
		Options: o, Bus: b, History: history.NewClient(b), sess: sess, fan: fan,
		topics: make(map[string]*RoomTopic), slow: newSlowTable(),
	}
}

// A Shard has the rooms of one loop's connections. Only that loop's goroutine touches it.
type Shard struct {
	hub  *Hub
	conn *conn.Shard
	sess *session.Shard
	fan  *fanout.Shard
	// the caller's hook for each subscription that ends
	dropped func(id uint32)
	counts  slab.Slab[counts]
	frames  []byte // where frames of a ring are put
	enc     []byte // where a frame's JSON is put together

	joins  map[uint32]*joining  // by subscriber: the join under way
	waits  map[uint32]*waits    // by slot
	wanted map[uint32][]*wanted // by slot: what is to be followed and has no subscriber yet
	queue  joinQueue

	rechecks    map[string]bool // rooms whose members' permissions are to be asked for; "": all
	recheckedAt uint32          // ms; when that was last tried
}

// counts are what the shard keeps of a connection.
type counts struct {
	rooms   uint16 // joined
	watches uint16 // rooms whose presence is watched
}

// waits are the joins of a session that wait for their turn, and how many are being replayed.
type waits struct {
	listed    []*joining // of lists, not begun yet: see joinQueue
	parked    []*joining
	replaying int
}

// Shard adds a shard. It calls dropped for each subscription that ends.
func (h *Hub) Shard(c *conn.Shard, sess *session.Shard, fan *fanout.Shard, dropped func(id uint32)) *Shard {
	s := &Shard{
		hub: h, conn: c, sess: sess, fan: fan, dropped: dropped,
		joins:    make(map[uint32]*joining),
		waits:    make(map[uint32]*waits),
		wanted:   make(map[uint32][]*wanted),
		rechecks: make(map[string]bool),
	}
	s.queue.shard = s
	h.shards = append(h.shards, s)
	return s
}

// Opened makes a slot usable, and empty.
func (s *Shard) Opened(slot uint32) {
	s.counts.Reach(slot)
	*s.counts.At(slot) = counts{}
}

// Flushed goes on with joins that waited for output to be written.
func (s *Shard) Flushed(slot uint32) {
	s.unpark(slot)
}

// Left takes a session out of all rooms.
func (s *Shard) Left(slot uint32) {
	delete(s.wanted, slot)
	delete(s.waits, slot)
	for id := s.fan.First(slot); id != fanout.None; id = s.fan.First(slot) {
		s.dropSub(id)
	}
	*s.counts.At(slot) = counts{}
}

// Tick repeats the rechecks that failed.
func (s *Shard) Tick() { s.retryRechecks() }

// Changed evicts and rechecks sessions after a change of permissions.
func (s *Shard) Changed(c directory.Change) {
	switch c.Kind {
	case directory.ChangeAccess:
		if !c.Access.Read {
			s.sess.EachOf(c.User, func(slot uint32) { s.evict(slot, c.Room) })
		}
	case directory.ChangeRoom:
		s.recheck(c.Room)
	case directory.ChangeReset:
		s.recheck("")
	}
}

// Of returns the rooms that a session has joined.
func (s *Shard) Of(slot uint32) (rooms []string) {
	for id := s.fan.First(slot); id != fanout.None; id = s.fan.Next(id) {
		if s.fan.Confirmed(id) {
			rooms = append(rooms, s.Topic(id).Room)
		}
	}
	return rooms
}

// Member returns the session's subscription to a room that it has joined.
func (s *Shard) Member(slot uint32, room []byte) (id uint32, ok bool) {
	id = s.find(slot, room)
	return id, id != fanout.None && s.fan.Confirmed(id)
}

// Followed returns how many rooms the edge follows.
func (h *Hub) Followed() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.topics)
}

var (
	errLeft        = chat.E(chat.CodeNotJoined, "the room was left meanwhile")
	errFarBehind   = chat.Unavailable("you are far behind, and history does not answer", 2*time.Second)
	errNoLog       = chat.Unavailable("the log does not answer", 2*time.Second)
	errLogFull     = chat.Unavailable("the log is full until history has caught up", 5*time.Second)
	errEntryTooBig = chat.E(chat.CodeTooLarge, "the message is too large for the log")
)

// Explain returns what a client is told of an error of the bus; nil: it is none of those.
func Explain(err error) *chat.Error {
	switch {
	case errors.Is(err, bus.ErrFull):
		return errLogFull
	case errors.Is(err, bus.ErrTooLarge):
		return errEntryTooBig
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrClosed), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errNoLog
	}
	return nil
}
