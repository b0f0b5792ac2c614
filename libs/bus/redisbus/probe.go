package redisbus

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"hubbub.internal/libs/bus"
)

// prober sends messages to itself, through both subscribed connections.
type prober struct {
	b        *Bus
	channels [2]string

	mu      sync.Mutex
	last    uint64
	waiting map[string]chan struct{} // by channel and number
}

func newProber(b *Bus) *prober {
	p := &prober{b: b, waiting: make(map[string]chan struct{})}
	for i := range p.channels {
		p.channels[i] = b.keys.probe(b.id) + ":" + strconv.Itoa(i)
	}
	return p
}

func (p *prober) subscribe(ctx context.Context) error {
	for i, f := range []*feed{p.b.rooms, p.b.channels} {
		if err := f.subscribe(ctx, p.channels[i:i+1], p.receive); err != nil {
			return err
		}
	}
	return nil
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

// Probe implements bus.Bus.
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
	for i, c := range p.channels {
		if err := b.client.Publish(ctx, c, number).Err(); err != nil {
			return b.fail("probe", err)
		}
		select {
		case <-waits[i]:
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
