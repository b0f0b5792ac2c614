package redisbus

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

const (
	// lookEvery is how often the driver asks Sentinels or a cluster who the masters are, without a
	// reason.
	lookEvery = 2 * time.Second
	// lookPause is the least time between two such questions, however many reasons there are.
	lookPause = 100 * time.Millisecond
)

// topology knows which server has each partition. With Sentinels and on a cluster that changes: by
// a failover, or when a slot moves. The client library could follow this by itself, but it repeats
// commands without telling (a request would be served twice), subscribes again without telling, and
// believes the first Sentinel's answer, which may be old. So each server has a plain client of the
// library, and topology says which one to use.
type topology struct {
	// the masters' addresses by partition; nil: they never change
	find func(ctx context.Context) ([]string, error)
	log  *zap.Logger

	mu      sync.Mutex
	addrs   []string
	changed chan struct{} // closed when addrs changes
	asking  chan struct{} // closed when the question in progress has its answer; nil: there is none
	asked   time.Time     // when the last question ended
	err     error         // its error
}

func newTopology(addrs []string, find func(context.Context) ([]string, error), log *zap.Logger) *topology {
	return &topology{find: find, log: log, addrs: addrs, changed: make(chan struct{})}
}

// at returns the address of the server that has a partition, and a channel that is closed when any
// address changes.
func (t *topology) at(partition int) (addr string, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.addrs[partition], t.changed
}

// all returns the address of each server once, in order.
func (t *topology) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.addrs)
	slices.Sort(all)
	return slices.Compact(all)
}

// Refresh asks again, and waits for the answer or the end of ctx. Callers that come at the same
// time share one answer.
func (t *topology) Refresh(ctx context.Context) error {
	if t.find == nil {
		return nil
	}
	t.mu.Lock()
	asking := t.asking
	if asking == nil {
		if time.Since(t.asked) < lookPause {
			defer t.mu.Unlock()
			return t.err
		}
		t.asking = make(chan struct{})
	}
	t.mu.Unlock()
	if asking != nil {
		select {
		case <-asking:
		case <-ctx.Done():
			return ctx.Err()
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.err
	}
	addrs, err := t.find(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil && !slices.Equal(addrs, t.addrs) {
		t.log.Info("partitions moved to other Redis servers", zap.Strings("servers", slices.Compact(slices.Sorted(slices.Values(addrs)))))
		t.addrs = addrs
		close(t.changed)
		t.changed = make(chan struct{})
	}
	t.err, t.asked = err, time.Now()
	close(t.asking)
	t.asking = nil
	return err
}

// run asks regularly until ctx ends. It calls came after each change.
func (t *topology) run(ctx context.Context, came func(ctx context.Context)) {
	_, changed := t.at(0)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			_, changed = t.at(0)
			came(ctx)
		case <-tick.C:
			attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
			if err := t.Refresh(attempt); err != nil && ctx.Err() == nil {
				t.log.Debug("cannot ask where the partitions are; trying again", zap.Error(err))
			}
			cancel()
		}
	}
}

// clients has a client for each server.
type clients struct {
	options *redis.Options // for every server, without the address

	mu     sync.Mutex
	all    map[string]*redis.Client
	closed bool
}

func newClients(o *redis.Options) *clients {
	return &clients{options: o, all: make(map[string]*redis.Client)}
}

// at returns the client of a server. It does not wait; when the clients are closed, every call of
// the client fails.
func (c *clients) at(addr string) *redis.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	client := c.all[addr]
	if client == nil {
		o := *c.options
		o.Addr = addr
		client = redis.NewClient(&o)
		if c.closed {
			_ = client.Close()
		}
		c.all[addr] = client
	}
	return client
}

// keep closes the clients of all servers but these.
func (c *clients) keep(addrs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for addr, client := range c.all {
		if !slices.Contains(addrs, addr) {
			_ = client.Close()
			delete(c.all, addr)
		}
	}
}

// close closes all clients, and with them their connections, in use or not.
func (c *clients) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for client := range maps.Values(c.all) {
		_ = client.Close()
	}
}

// at returns a client of the server that has a partition.
func (b *servers) at(partition int) *redis.Client {
	addr, _ := b.topology.at(partition)
	return b.clients.at(addr)
}

// look refreshes the topology after an error that may mean that it has changed.
func (b *servers) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	_ = b.topology.Refresh(ctx) // the caller tries again anyway
}
