package directory

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

const (
	// maxAge is how long the cache answers without contact to the bus, on which changes arrive.
	maxAge = 30 * time.Second
	// probeEvery is how often contact is tried.
	probeEvery = 10 * time.Second
	// recallEvery is how soon the control log's past is asked for again, until it has been read.
	recallEvery = 250 * time.Millisecond
)

// Cache answers what a user may do in a room from memory, and asks the directory service what it
// does not know. The control log keeps it current: a change is seen within a second while the bus
// is healthy. After 30 s without contact to the bus it forgets everything but revocations. Its
// methods are safe for concurrent use.
type Cache struct {
	bus   bus.Interface
	log   *zap.Logger
	hooks []func(Change)

	answers    answers
	departures departures
	asks       asks
	revoked    revocations
	known      chan struct{} // closed when the revocations from before the start have been read

	started time.Time
	contact atomic.Int64 // when the bus last answered, in nanoseconds since started; 0: never
}

// NewCache returns a cache that knows nothing until Run.
func NewCache(b bus.Interface, log *zap.Logger) *Cache {
	c := &Cache{bus: b, log: log, started: time.Now(), known: make(chan struct{})}
	c.answers.init()
	c.departures.init()
	c.asks.init(NewClient(b))
	c.revoked.init()
	return c
}

// OnChange has hook called for each change in the control log, in order, after the cache has taken
// it in, and with Kind ChangeReset when changes may have been lost. It must not block. Call
// OnChange before Run.
func (c *Cache) OnChange(hook func(Change)) { c.hooks = append(c.hooks, hook) }

// Run follows the control log until ctx ends, and returns nil.
func (c *Cache) Run(ctx context.Context) error {
	head, sub := c.follow(ctx)
	if sub == nil {
		return nil
	}
	defer sub.Stop()
	defer c.contact.Store(0)
	before := past{head: head}
	for {
		wait := recallEvery
		if c.recall(ctx, &before) {
			wait = probeEvery
		}
		if await.Sleep(ctx, wait) != nil {
			return nil
		}
		probe, cancel := context.WithTimeout(ctx, probeEvery/2)
		err := c.bus.Probe(probe)
		cancel()
		switch {
		case err == nil:
			c.touch()
		case !c.current():
			c.forget() // it may take long: do not hold the memory
		}
	}
}

// follow subscribes to the control log, however long that takes; nil: ctx has ended.
func (c *Cache) follow(ctx context.Context) (uint64, bus.Subscription) {
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		head, sub, err := c.bus.Follow(ctx, chat.ControlRoom, (*follower)(c))
		if err == nil {
			c.touch()
			return head, sub
		}
		if ctx.Err() != nil {
			return 0, nil
		}
		c.log.Warn("cannot follow the control log, so permissions are not cached; trying again", zap.Error(err), zap.Duration("after", delay))
		if await.Sleep(ctx, delay) != nil {
			return 0, nil
		}
	}
}

// touch notes that the bus works right now. What was learnt before a long silence is not trusted
// again: what changed since then may still be on its way.
func (c *Cache) touch() {
	if !c.current() {
		c.forget()
	}
	c.contact.Store(int64(time.Since(c.started)) + 1)
}

// forget forgets what changes would have to correct.
func (c *Cache) forget() {
	c.answers.forget()
	c.departures.forget()
}

func (c *Cache) current() bool {
	at := c.contact.Load()
	return at != 0 && time.Since(c.started)-time.Duration(at) < maxAge
}

// follower is the Cache as the bus sees it.
type follower Cache

var _ bus.Follower = (*follower)(nil)

// Entry takes a change in.
func (f *follower) Entry(e bus.Entry) {
	c := (*Cache)(f)
	c.touch()
	change, err := DecodeChange(e.Data)
	if err != nil {
		c.log.Error("skipped an entry of the control log that cannot be decoded", zap.Uint64("seq", e.Seq), zap.Error(err))
		return
	}
	switch change.Kind {
	case ChangeAccess:
		// What the change says is not kept: two changes at the same time may be told in either
		// order, and only the directory's store knows which one was last.
		c.answers.drop(key{change.User, change.Room})
	case ChangeRoom, ChangeRules:
		c.answers.dropRoom(change.Room)
	case ChangePerson:
		c.answers.dropUser(change.User)
	case ChangeUser:
		c.revoked.add(change, time.Now())
		if change.Session == "" {
			c.departures.drop(change.User)
		}
	}
	for _, hook := range c.hooks {
		hook(change)
	}
}

// Rewound forgets everything: changes may be missing.
func (f *follower) Rewound(_ string, head uint64) {
	c := (*Cache)(f)
	c.log.Warn("the control log was rewound; dropped all cached permissions", zap.Uint64("head", head))
	c.reset()
}

// Missed does the same.
func (f *follower) Missed(_ string, through uint64) {
	c := (*Cache)(f)
	c.log.Warn("changes in the control log were trimmed before this process read them; dropped all cached permissions", zap.Uint64("through", through))
	c.reset()
}

func (c *Cache) reset() {
	c.forget()
	for _, hook := range c.hooks {
		hook(Change{Kind: ChangeReset})
	}
}
