// Package session has who is at the connections of the edge: users and their tokens, what they may
// do and how much, and the answers to their commands. Each loop has a Shard, which that loop's
// goroutine alone touches.
//
// It knows that rooms have names, and nothing else of them.
package session

import (
	"math/bits"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/trace"
	"hubbub.internal/services/edge/internal/bucket"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/work"
)

// Options bound what users may do. All are set by the caller.
type Options struct {
	SocketsPerUser int // 0: any number
	// UserRate is how many commands per second one user has on this edge, sustained; 0: any number
	UserRate  int
	UserBurst int // commands of one user at once
	// UserBytes is how much of text and PerMessage a user may send in a day on this edge; 0: any
	// amount
	UserBytes  int64
	GuestBytes int64         // the same of a guest
	AwayAfter  time.Duration // without a command the user is shown as idle; 0: never
}

// Deps is what the hub works with.
type Deps struct {
	Access    *directory.Cache
	Directory *directory.Client
	Reporter  *presence.Reporter
	Metrics   *metrics.Edge
	Log       *zap.Logger
	Trace     *trace.Tracer // nil: nothing is traced
	// Explain returns what a client is told of an error of the bus; nil: the error is none of those
	Explain func(error) *chat.Error
}

// Hub is what the shards of an edge share.
type Hub struct {
	Options Options
	Deps
	Jobs     *work.Pool // waits for the bus
	userRate bucket.Limit
	shards   []*Shard
	numbers  atomic.Uint64
	users    userTable
	ofUser   socketTable
	volumes  volumes
}

// How many goroutines wait for the bus at the same time, and how many jobs wait for each.
const (
	busWorkers = 64
	JobQueue   = 16 << 10
)

// RequestTimeout is how long a service may take to answer.
const RequestTimeout = 5 * time.Second

// NewHub returns a hub without shards. The caller runs its Jobs. Ids of sessions are counted from
// first on.
func NewHub(o Options, d Deps, first uint64) *Hub {
	h := &Hub{
		Options: o, Deps: d, Jobs: work.New(busWorkers, JobQueue),
		userRate: bucket.Limit{Rate: uint32(o.UserRate), Burst: uint32(o.UserBurst)},
	}
	h.numbers.Store(first)
	return h
}

// Shard adds the shard of the connections of c.
func (h *Hub) Shard(c *conn.Shard) *Shard {
	s := newShard(h, c)
	h.shards = append(h.shards, s)
	return s
}

// Shards returns the hub's shards, by index.
func (h *Hub) Shards() []*Shard { return h.shards }

// EachLoop calls do with the index of every shard whose bit is in mask.
func (h *Hub) EachLoop(mask uint64, do func(i int)) {
	for ; mask != 0; mask &= mask - 1 {
		do(bits.TrailingZeros64(mask))
	}
}

// Sweep forgets the limits of users who have sent nothing for long. It is called once a second,
// with a number that counts the calls.
func (h *Hub) Sweep(n int) {
	h.users.sweep(h.userRate)
	if n%60 == 0 {
		h.volumes.sweep()
	}
}
