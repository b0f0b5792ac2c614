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
	// lookEvery is how often Sentinels or a cluster are asked who the masters are, without a
	// reason.
	lookEvery = 2 * time.Second
	// lookPause is the least time between two such questions, however many reasons there are.
	lookPause = 100 * time.Millisecond
)

// places knows which server has each partition. With Sentinels and on a cluster that changes: by a
// failover, or when a slot moves. The client library could follow this by itself, but it repeats
// commands behind our back (a request would be served twice), goes back to subscribing without
// telling, and returns the first Sentinel's answer, which may be an old one. So each server has a
// plain client of the library, and this says which to ask.
type places struct {
	// the addresses of the masters by partition; nil: they never change
	find func(ctx context.Context) ([]string, error)
	log  *zap.Logger

	mu      sync.Mutex
	addrs   []string
	changed chan struct{} // closed when addrs changes
	asking  chan struct{} // closed when the question under way has its answer; nil: none is
	asked   time.Time     // when the last one ended
	err     error         // of the last one
}

func newPlaces(addrs []string, find func(context.Context) ([]string, error), log *zap.Logger) *places {
	return &places{find: find, log: log, addrs: addrs, changed: make(chan struct{})}
}

// at returns the address of the server that has a partition, and a channel that is closed when any
// address changes.
func (p *places) at(partition int) (addr string, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addrs[partition], p.changed
}

// all returns the address of each server once, in order.
func (p *places) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.addrs)
	slices.Sort(all)
	return slices.Compact(all)
}

// look asks again, and waits for the answer or the end of ctx. Callers that come at the same time
// share one answer.
func (p *places) look(ctx context.Context) error {
	if p.find == nil {
		return nil
	}
	p.mu.Lock()
	asking := p.asking
	if asking == nil {
		if time.Since(p.asked) < lookPause {
			defer p.mu.Unlock()
			return p.err
		}
		p.asking = make(chan struct{})
	}
	p.mu.Unlock()
	if asking != nil {
		select {
		case <-asking:
		case <-ctx.Done():
			return ctx.Err()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	}
	addrs, err := p.find(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && !slices.Equal(addrs, p.addrs) {
		p.log.Info("partitions are on other Redis servers now", zap.Strings("servers", slices.Compact(slices.Sorted(slices.Values(addrs)))))
		p.addrs = addrs
		close(p.changed)
		p.changed = make(chan struct{})
	}
	p.err, p.asked = err, time.Now()
	close(p.asking)
	p.asking = nil
	return err
}

// run asks regularly until ctx ends. came is called after each change.
func (p *places) run(ctx context.Context, came func(ctx context.Context)) {
	_, changed := p.at(0)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			_, changed = p.at(0)
			came(ctx)
		case <-tick.C:
			attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
			if err := p.look(attempt); err != nil && ctx.Err() == nil {
				p.log.Debug("cannot ask where the partitions are; trying again", zap.Error(err))
			}
			cancel()
		}
	}
}

// clients has a client for each server.
type clients struct {
	options *redis.Options // of every server, but for the address

	mu     sync.Mutex
	all    map[string]*redis.Client
	closed bool
}

func newClients(o *redis.Options) *clients {
	return &clients{options: o, all: make(map[string]*redis.Client)}
}

// at returns the client of a server. It does not wait; a client of closed clients fails everything.
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
func (b *Bus) at(partition int) *redis.Client {
	addr, _ := b.places.at(partition)
	return b.clients.at(addr)
}

// look has the partitions' places asked for again, after an error that may mean that they have
// changed.
func (b *Bus) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	_ = b.places.look(ctx) // whoever calls tries again anyway
}
