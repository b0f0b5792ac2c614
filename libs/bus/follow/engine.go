package follow

import (
	"cmp"
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
)

// Options tune an Engine. The zero value of each field stands for the default beside it.
type Options struct {
	Log     *zap.Logger           // none
	Metrics prometheus.Registerer // none
	// 30 s: how often all rooms are compared with the log without a reason
	CompareEvery time.Duration
	Timeout      time.Duration // 10 s: how long one call of the Source may take
	Batch        int           // 512: rooms in one call of Subscribe or Heads
	Workers      int           // 8: rooms that are filled from the log at the same time
	// 256: live entries of a room that are held back while it is filled
	HoldBack  int
	HoldBytes int64 // 64 MiB: data of held-back entries, over all rooms
	// default none: which rooms are personal, and go to watchers
	Personal func(room string) bool
	// Coarse says that the Source's Truncated is about the log of all rooms: retention has removed
	// entries after the position, which need not be the room's. See room.missing.
	Coarse bool
}

func (o *Options) setDefaults() {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Personal == nil {
		o.Personal = func(string) bool { return false }
	}
	o.CompareEvery = cmp.Or(o.CompareEvery, 30*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.Batch = cmp.Or(o.Batch, 512)
	o.Workers = cmp.Or(o.Workers, 8)
	o.HoldBack = cmp.Or(o.HoldBack, 256)
	o.HoldBytes = cmp.Or(o.HoldBytes, 64<<20)
}

// shards is how many locks the table of rooms has.
const shards = 64

// Engine follows rooms for the followers of one process. All methods are safe for concurrent use.
//
// Lock order: shard, then room, then queue or subscribing. Followers are called under their room's
// lock: that is what makes one goroutine at a time call them, and Stop final.
type Engine struct {
	src     Source
	opts    Options
	log     *zap.Logger
	metrics *metrics
	seed    maphash.Seed
	shards  [shards]shard
	held    atomic.Int64 // bytes of live entries held back
	// counts Suspect: a room of an older epoch believes no hint before the log has confirmed it
	epoch         atomic.Uint32
	closed        chan struct{}
	fills         queue
	subscriptions subscriptionQueue
	rechecks      recheckQueue

	watchers watchers
}

type shard struct {
	mu    sync.RWMutex
	rooms map[string]*room
}

// New returns an Engine over a driver. It does nothing before Run.
func New(src Source, opts Options) *Engine {
	opts.setDefaults()
	e := &Engine{
		src:     src,
		opts:    opts,
		log:     opts.Log,
		seed:    maphash.MakeSeed(),
		closed:  make(chan struct{}),
		metrics: newMetrics(opts.Metrics),
	}
	for i := range e.shards {
		e.shards[i].rooms = make(map[string]*room)
	}
	e.fills.init()
	e.subscriptions.wake = make(chan struct{}, 1)
	e.rechecks.wake = make(chan struct{}, 1)
	return e
}

// Run serves Follow, fills gaps and compares rooms with the log, until ctx ends. When it has
// returned, no follower is called any more, and Follow returns driver.ErrClosed. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range e.opts.Workers {
		wg.Go(func() { e.fillLoop(ctx) })
	}
	wg.Go(func() { e.compareLoop(ctx) })
	wg.Go(func() { e.joinLoop(ctx) })
	stop := context.AfterFunc(ctx, e.fills.close)
	wg.Wait()
	stop()
	close(e.closed)
	// a callback in progress holds the room's lock: wait for it, and let no other in
	for i := range e.shards {
		for _, r := range e.shards[i].list() {
			r.close()
		}
	}
	return nil
}

// Deliver takes one live entry from the driver: a hint, which may be missing, repeated or out of
// order. A Prev of 0 means unknown; the engine never uses the content of such a hint, which only
// says that the log may have more. The entry's strings must be immutable; the engine copies Data if
// it keeps it. The straight path, an entry that follows the one before, allocates nothing.
func (e *Engine) Deliver(en driver.Entry) {
	if r := e.shardOf(en.Room).get(en.Room); r != nil {
		r.hint(e, en)
	}
	if e.opts.Personal(en.Room) {
		e.watchers.each(func(w driver.Watcher) { w.Hint(en.Room, en.Seq) })
	}
}

func (e *Engine) shardOf(room string) *shard {
	return &e.shards[maphash.String(e.seed, room)%shards]
}

func (s *shard) get(room string) *room {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rooms[room]
}

func (s *shard) list() []*room {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*room, 0, len(s.rooms))
	for _, r := range s.rooms {
		all = append(all, r)
	}
	return all
}
