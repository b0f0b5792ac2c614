package fanout

import (
	"sync/atomic"

	"hubbub.internal/services/edge/internal/deflate"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/uptime"
)

// Owner is what a topic is to the layer above. Any loop's goroutine calls it.
type Owner interface {
	// Rewound says that the topic was rewound, and that the subscription of a connection of that
	// shard goes on after seq.
	Rewound(shard int, slot uint32, seq uint64)
}

// A Topic is what connections subscribe to. It is published to by one goroutine at a time; Init
// comes first.
type Topic struct {
	hub   *Hub
	owner Owner
	ring  ring.Ring
	// by loop, and then again those of compressed frames; each is its loop's alone
	sets []*subscriberSet

	listening atomic.Uint64 // loops that have subscribers, a bit each
	notified  atomic.Uint64 // loops that were notified and have not looked
}

// Init makes a topic of the hub's.
func (t *Topic) Init(h *Hub, o Owner) {
	t.hub, t.owner, t.sets = h, o, make([]*subscriberSet, 2*len(h.shards))
}

// Ring returns the topic's frames.
func (t *Topic) Ring() *ring.Ring { return &t.ring }

// Publish puts a frame into the topic's ring, for all subscribers. It compresses the frame once, if
// a subscriber takes that.
func (t *Topic) Publish(m ring.Message) {
	h := t.hub
	if m.Seq != 0 && h.deflate > 0 && len(m.Payload) >= h.deflate && t.ring.Packing() {
		packed := h.scratch.Get()
		defer h.scratch.Put(packed)
		*packed = deflate.Append((*packed)[:0], m.Payload)
		if len(*packed) < len(m.Payload) {
			m.Packed = *packed
			h.metrics.Packed.Inc()
		}
	}
	t.ring.Append(h.Options.Ring, m, uptime.Seconds())
	t.notify()
}

// Rewind tells all subscribers that the topic begins anew after seq.
func (t *Topic) Rewind(seq uint64) {
	t.ring.Rewind(seq)
	t.notify()
}

// Lose closes the connections of all subscribers, so that their clients come back: entries through
// seq are missing.
func (t *Topic) Lose(seq uint64) {
	t.ring.Lose(seq)
	t.notify()
}

// Trim forgets old frames.
func (t *Topic) Trim() { t.ring.Trim(t.hub.Options.Ring, uptime.Seconds()) }

// set returns where a loop's subscribers are kept, those of plain or of compressed frames.
func (t *Topic) set(loop int, packed bool) **subscriberSet {
	if packed {
		loop += len(t.sets) / 2
	}
	return &t.sets[loop]
}

// notify wakes the loops that have subscribers, each once until it looks.
func (t *Topic) notify() {
	mask := t.listening.Load()
	if mask = mask &^ t.notified.Or(mask); mask != 0 {
		t.hub.each(mask, func(s *Shard) { s.news(t) })
	}
}
