package fanout

import (
	"sync"
	"sync/atomic"
	"time"

	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/slab"
)

// A Shard has the subscribers of one loop's connections, and is the source of what they get. Only
// that loop's goroutine touches it, but for news.
type Shard struct {
	hub   *Hub
	conn  *conn.Shard
	index int
	slots slab.Slab[slot]
	subs  slab.Slab[subscriber]
	count uint32 // of subs that were ever used
	free  []uint32
	ahead map[uint32]uint64 // by subscriber: it has everything through this seq already

	dirty    []*subscriberSet // with news, in the order in which it came
	from     int              // of dirty: what is before is done
	pass     fanoutPass
	deferral deferral

	deliveries int // since the last tick

	hasNews atomic.Bool // there are topics
	mu      sync.Mutex
	topics  []*Topic // with news that the loop has not looked at
}

var _ conn.Source = (*Shard)(nil)

// slot is what the shard keeps of a connection.
type slot struct {
	subs    uint32 // the first of its subscribers; the rest is linked
	pending uint32 // the first of those with frames in this turn; the rest is linked
}

func newShard(h *Hub, c *conn.Shard) *Shard {
	return &Shard{
		hub: h, conn: c, index: c.Index(), ahead: make(map[uint32]uint64),
		pass: fanoutPass{bounds: turnBounds}, deferral: deferral{each: CoalesceEach},
	}
}

// Opened makes a slot usable, and empty.
func (s *Shard) Opened(at uint32) {
	s.slots.Reach(at)
	*s.slots.At(at) = slot{subs: None, pending: None}
}

// news says that a topic has something for the shard's subscribers. It may be called from any
// goroutine.
func (s *Shard) news(t *Topic) {
	s.mu.Lock()
	s.topics = append(s.topics, t)
	s.hasNews.Store(true)
	s.mu.Unlock()
	s.conn.Wake()
}

// Mail looks at the topics with news. It is called in each turn.
func (s *Shard) Mail() {
	if !s.hasNews.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.topics {
		// Whatever comes after this is news again.
		t.notified.And(^(uint64(1) << s.index))
		for _, packed := range [...]bool{false, true} {
			if a := *t.set(s.index, packed); a != nil && a.flags&setQueued == 0 {
				a.flags |= setQueued
				s.dirty = append(s.dirty, a)
			}
		}
	}
	clear(s.topics)
	s.topics = s.topics[:0]
	s.hasNews.Store(false)
}

// Tick adds what was counted to the metrics.
func (s *Shard) Tick() {
	if s.deliveries > 0 {
		s.hub.metrics.Deliveries.Add(float64(s.deliveries))
		s.deliveries = 0
	}
}

// Deliver implements conn.Source.
func (s *Shard) Deliver() {
	s.endDeferral()
	s.deliverNews()
}

// Delivered implements conn.Source.
func (s *Shard) Delivered() { s.pass.drop() }

// Wait implements conn.Source.
func (s *Shard) Wait(limit time.Duration) time.Duration {
	if s.from < len(s.dirty) {
		return 0
	}
	if len(s.deferral.waiting) == 0 {
		return limit
	}
	return s.deferral.limit(limit, s.conn.Elapsed()) // the turn has taken some time itself
}
