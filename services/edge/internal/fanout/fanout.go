// Package fanout brings the frames of topics to the connections that subscribe to them. A topic has
// one ring of frames, which all loops of the edge share, and each loop has the topic's subscribers;
// a subscriber is a cursor into the ring and has no queue. Each loop has a Shard, which that loop's
// goroutine alone touches.
//
// It knows no bus and no command: the owner of a topic publishes to it, and knows what it is.
package fanout

import (
	"math/bits"
	"time"

	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/ring"
)

// None is no subscriber.
const None = ^uint32(0)

// Options bound what topics take. All are set by the caller.
type Options struct {
	Ring ring.Limits
	// Coalesce is for how long at most a busy topic's frames wait for more; 0: they do not
	Coalesce time.Duration
}

// Hub is what the shards of an edge share.
type Hub struct {
	Options Options
	deflate int // bytes from which a frame is compressed; 0: never
	metrics *metrics.Edge
	shards  []*Shard
	scratch Scratch
}

// NewHub returns a hub without shards. Frames of deflate bytes and more are compressed for those
// who take that; 0: none is.
func NewHub(o Options, deflate int, m *metrics.Edge) *Hub {
	return &Hub{Options: o, deflate: deflate, metrics: m}
}

// Shard adds the shard that serves the connections of c. All are added before there are topics.
func (h *Hub) Shard(c *conn.Shard) *Shard {
	s := newShard(h, c)
	h.shards = append(h.shards, s)
	return s
}

// Scratch returns memory for frames to be put together in.
func (h *Hub) Scratch() *Scratch { return &h.scratch }

// each calls do for every shard whose bit is in mask.
func (h *Hub) each(mask uint64, do func(*Shard)) {
	for ; mask != 0; mask &= mask - 1 {
		do(h.shards[bits.TrailingZeros64(mask)])
	}
}
