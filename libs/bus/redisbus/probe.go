package redisbus

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus"
)

// prober sends messages to itself, through all subscribed connections.
type prober struct {
	b        *Bus
	channels []string

	mu      sync.Mutex
	last    uint64
	waiting map[string]chan struct{} // by channel and number
}

func newProber(b *Bus) *prober {
	p := &prober{b: b, waiting: make(map[string]chan struct{})}
	for _, fs := range []*feeds{b.rooms, b.channels} {
		for _, f := range fs.all {
			p.channels = append(p.channels, b.keys.probe(f.partition, b.id, f.name))
		}
	}
	return p
}

func (p *prober) subscribe(ctx context.Context) error {
	half := len(p.channels) / 2
	if err := p.b.rooms.subscribe(ctx, p.channels[:half], p.receive); err != nil {
		return err
	}
	return p.b.channels.subscribe(ctx, p.channels[half:], p.receive)
}

func (p *prober) receive(channel, message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := channel + " " + message
	if c := p.waiting[key]; c != nil {
		close(c)
		delete(p.waiting, key)
	}
}

// Probe implements bus.Interface.
func (b *Bus) Probe(ctx context.Context) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	p := b.probes
	var waits []chan struct{}
	p.mu.Lock()
	p.last++
	number := strconv.FormatUint(p.last, 10)
	for _, c := range p.channels {
		w := make(chan struct{})
		p.waiting[c+" "+number] = w
		waits = append(waits, w)
	}
	p.mu.Unlock()
	defer p.forget(number)
	partitions := make([]int, len(p.channels))
	for i, c := range p.channels {
		partitions[i] = b.keys.tagged(c)
	}
	err := b.spread(ctx, partitions, func(pipe redis.Pipeliner, i int) redis.Cmder {
		return pipe.SPublish(ctx, p.channels[i], number)
	})
	if err != nil {
		b.look(ctx)
		return b.fail("probe", err)
	}
	for _, w := range waits {
		select {
		case <-w:
		case <-ctx.Done():
			return b.fail("a message to ourselves did not come back", ctx.Err())
		case <-b.ctx.Done():
			return bus.ErrClosed
		}
	}
	return nil
}

func (p *prober) forget(number string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.waiting {
		if strings.HasSuffix(key, " "+number) {
			delete(p.waiting, key)
		}
	}
}
