package directory

import (
	"context"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

const (
	// maxAge is how long the cache answers without contact to the bus, on which changes arrive.
	maxAge = 30 * time.Second
	// probeEvery is how often contact is tried.
	probeEvery = 10 * time.Second
	// generation is how many answers a generation of the cache holds; it keeps two.
	generation = 100_000
	// maxAsks is how often Access asks again because of a change that came while it asked.
	maxAsks = 5
	// retryAccess is how long a client waits when permissions cannot be had.
	retryAccess = time.Second
	// versions is how many counters of changes the rooms share.
	versions = 1024
)

// Cache answers what a user may do in a room from memory, and asks the directory service what it does not know. The
// control log keeps it current: a change is seen within a second while the bus is healthy. After 30 s without contact
// to the bus it forgets everything. Its methods are safe for concurrent use.
type Cache struct {
	bus    bus.Bus
	client *Client
	log    *zap.Logger
	hooks  []func(Change)

	seed    maphash.Seed
	changes [versions]atomic.Uint64 // changes seen, by a hash of the room
	contact atomic.Int64            // when the bus last answered, in nanoseconds since started; 0: never
	started time.Time

	mu         sync.RWMutex
	young, old map[key]Access
}

type key struct{ user, room string }

// NewCache returns a cache that knows nothing until Run.
func NewCache(b bus.Bus, log *zap.Logger) *Cache {
	return &Cache{
		bus: b, client: NewClient(b), log: log, seed: maphash.MakeSeed(), started: time.Now(),
		young: make(map[key]Access), old: make(map[key]Access),
	}
}

// OnChange has hook called for each change in the control log, in order, after the cache has taken it in, and with Kind
// ChangeReset when changes may have been lost. It must not block. Call OnChange before Run.
func (c *Cache) OnChange(hook func(Change)) { c.hooks = append(c.hooks, hook) }

// Run follows the control log until ctx ends, and returns nil.
func (c *Cache) Run(ctx context.Context) error {
	sub := c.follow(ctx)
	if sub == nil {
		return nil
	}
	defer sub.Stop()
	defer c.contact.Store(0)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		probe, cancel := context.WithTimeout(ctx, probeEvery/2)
		err := c.bus.Probe(probe)
		cancel()
		switch {
		case err == nil:
			c.touch()
		case !c.current():
			c.forget()
		}
	}
}

// follow subscribes to the control log, however long that takes; nil: ctx has ended.
func (c *Cache) follow(ctx context.Context) bus.Subscription {
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		_, sub, err := c.bus.Follow(ctx, chat.ControlRoom, (*follower)(c))
		if err == nil {
			c.touch()
			return sub
		}
		if ctx.Err() != nil {
			return nil
		}
		c.log.Warn("permissions are not cached: the control log cannot be followed; trying again", zap.Error(err), zap.Duration("after", delay))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
	}
}

// Cached returns what is known of a user's access to a room. It never blocks on the bus and allocates nothing. False:
// ask Access.
func (c *Cache) Cached(user, room string) (Access, bool) {
	if a, ok := byName(user, room); ok {
		return a, true
	}
	if !c.current() {
		return Access{}, false
	}
	k := key{user, room}
	c.mu.RLock()
	defer c.mu.RUnlock()
	a, ok := c.young[k]
	if !ok {
		a, ok = c.old[k]
	}
	return a, ok
}

// Access returns what a user may do in a room, and asks the directory service if it has to. Errors have a *chat.Error
// in their chain.
func (c *Cache) Access(ctx context.Context, user, room string) (Access, error) {
	if err := bus.CheckName(user, room); err != nil {
		return Access{}, chat.E(chat.CodeBadRequest, "that is not an id")
	}
	if a, ok := c.Cached(user, room); ok {
		return a, nil
	}
	version := &c.changes[maphash.String(c.seed, room)%versions]
	for range maxAsks {
		before := version.Load()
		a, err := c.client.Access(ctx, user, room)
		if err != nil {
			return Access{}, fmt.Errorf("access of a user to a room: %w", err)
		}
		if c.keep(key{user, room}, a, version, before) {
			return a, nil
		}
	}
	return Access{}, chat.Unavailable("the room's permissions are changing", retryAccess)
}

// keep stores an answer, unless a change came while it was asked for: the answer may be from before it.
func (c *Cache) keep(k key, a Access, version *atomic.Uint64, before uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version.Load() != before {
		return false
	}
	// Without contact nothing would correct it later.
	if c.current() {
		c.store(strings.Clone(k.user), strings.Clone(k.room), a)
	}
	return true
}

// store is called with mu held.
func (c *Cache) store(user, room string, a Access) {
	if len(c.young) >= generation {
		c.old, c.young = c.young, make(map[key]Access)
	}
	c.young[key{user, room}] = a
}

func (c *Cache) touch() { c.contact.Store(int64(time.Since(c.started)) + 1) }

func (c *Cache) current() bool {
	at := c.contact.Load()
	return at != 0 && time.Since(c.started)-time.Duration(at) < maxAge
}

func (c *Cache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.changes {
		c.changes[i].Add(1)
	}
	c.young, c.old = make(map[key]Access), make(map[key]Access)
}

// byName answers for the rooms whose name says it all: a user's own, and those of the services.
func byName(user, room string) (Access, bool) {
	if own, ok := strings.CutPrefix(room, "u-"); ok {
		return Access{Read: own == user}, true
	}
	return Access{}, chat.Reserved(room)
}

// follower is the Cache as the bus sees it.
type follower Cache

// Entry takes a change in.
func (f *follower) Entry(e bus.Entry) {
	c := (*Cache)(f)
	c.touch()
	change, err := decodeChange(e.Data)
	if err != nil {
		c.log.Error("the control log has an entry that is none", zap.Uint64("seq", e.Seq), zap.Error(err))
		return
	}
	c.apply(change)
	for _, hook := range c.hooks {
		hook(change)
	}
}

// Rewound forgets everything: changes may be missing.
func (f *follower) Rewound(_ string, head uint64) {
	c := (*Cache)(f)
	c.log.Warn("the control log was rewound: permissions are asked for again", zap.Uint64("head", head))
	c.forget()
	for _, hook := range c.hooks {
		hook(Change{Kind: ChangeReset})
	}
}

func (c *Cache) apply(change Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes[maphash.String(c.seed, change.Room)%versions].Add(1)
	switch change.Kind {
	case ChangeAccess:
		k := key{change.User, change.Room}
		delete(c.old, k)
		c.store(k.user, k.room, change.Access)
	case ChangeRoom:
		for _, m := range []map[key]Access{c.young, c.old} {
			for k := range m {
				if k.room == change.Room {
					delete(m, k)
				}
			}
		}
	}
}
