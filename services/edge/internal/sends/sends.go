// Package sends appends to the room log what users send, and acknowledges it. One append per
// connection and room is in flight, so that a user's messages keep their order. Each loop has a
// Shard, which that loop's goroutine alone touches, but for appended.
package sends

import (
	"sync/atomic"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/session"
	"hubbub.internal/services/edge/internal/slab"
	"hubbub.internal/services/edge/internal/work"
)

// Options bound what is sent. All are set by the caller.
type Options struct {
	Text    int // bytes of UTF-8 of a text
	Pending int // sends of one socket that are not acknowledged
}

// Hub is what the shards of an edge share.
type Hub struct {
	Options   Options
	LookUps   *work.Pool // looks for messages in the record
	bus       rooms.Bus
	directory *directory.Client
	sess      *session.Hub
	rooms     *rooms.Hub
	ended     <-chan struct{}
}

// NewHub returns a hub without shards. The caller runs its LookUps, and closes ended when no loop
// runs any more.
func NewHub(o Options, b rooms.Bus, sess *session.Hub, r *rooms.Hub, ended <-chan struct{}) *Hub {
	return &Hub{Options: o, LookUps: work.New(lookUpWorkers, session.JobQueue), bus: b, directory: sess.Directory, sess: sess, rooms: r, ended: ended}
}

// A Shard has the sends of one loop's connections.
type Shard struct {
	hub     *Hub
	conn    *conn.Shard
	sess    *session.Shard
	rooms   *rooms.Shard
	pending slab.Slab[uint16] // by slot: sends that are not acknowledged
	first   slab.Slab[*op]    // by subscription: those of it, the first on its way
	ops     *op               // free ones
	name    []byte            // where a name is put as a JSON string
	enc     []byte            // where a frame's JSON is put together

	ended atomic.Pointer[op] // sends that the bus has answered, the latest first
}

// Shard returns a shard. The caller calls its Dropped for each subscription that ends.
func (h *Hub) Shard(c *conn.Shard, sess *session.Shard) *Shard {
	return &Shard{hub: h, conn: c, sess: sess}
}

// Use says where the sessions' rooms are. It is called once, before all others.
func (s *Shard) Use(r *rooms.Shard) { s.rooms = r }

// Opened makes a slot usable, and empty.
func (s *Shard) Opened(slot uint32) {
	s.pending.Reach(slot)
	*s.pending.At(slot) = 0
}

// Left forgets a session.
func (s *Shard) Left(slot uint32) { *s.pending.At(slot) = 0 }

// Busy reports whether sends of a session are not acknowledged.
func (s *Shard) Busy(slot uint32) bool { return *s.pending.At(slot) > 0 }

// Mail acknowledges the sends that the bus has answered. It is called in each turn.
func (s *Shard) Mail() {
	if s.ended.Load() != nil {
		s.acknowledge(s.ended.Swap(nil))
	}
}

// Dropped parts a subscription that ends from its sends.
func (s *Shard) Dropped(sub uint32) { s.abandon(sub) }

// Errors that are told to clients as they are.
var (
	ErrNotJoined = chat.E(chat.CodeNotJoined, "join the room first")
	ErrMayNot    = chat.E(chat.CodeForbidden, "you may not write in this room")
	errOtherUse  = chat.E(chat.CodeConflict, "you gave that msg_id to something else in this room")
	errArchived  = chat.E(chat.CodeForbidden, "this room is archived: it can be read only")
	errReads     = chat.E(chat.CodeForbidden, "you are a reader of this room: a moderator or an owner can let you write")
	errNoAnswer  = chat.Unavailable("no answer came in time: ask again, with the same msg_id", time.Second)
	errDraining  = chat.Unavailable("this edge is going down: another takes over", time.Second)
)
