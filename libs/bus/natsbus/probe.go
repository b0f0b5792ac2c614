package natsbus

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"

	"hubbub.internal/libs/bus"
)

// prober sends messages over one connection and waits for them on the other.
type prober struct {
	b       *Bus
	subject string

	mu      sync.Mutex
	last    uint64
	waiting map[string]chan struct{}
}

func newProber(b *Bus) (*prober, error) {
	p := &prober{b: b, subject: b.names.probe + nats.NewInbox()[len(nats.InboxPrefix):], waiting: make(map[string]chan struct{})}
	if _, err := b.feed.Subscribe(p.subject, p.receive); err != nil {
		return nil, fmt.Errorf("subscribe to probes: %w", err)
	}
	return p, b.feed.Flush()
}

func (p *prober) receive(m *nats.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.waiting[string(m.Data)]; c != nil {
		close(c)
		delete(p.waiting, string(m.Data))
	}
}

// Probe implements bus.Interface.
func (b *Bus) Probe(ctx context.Context) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	p := b.probe
	c := make(chan struct{})
	p.mu.Lock()
	p.last++
	token := strconv.FormatUint(p.last, 10)
	p.waiting[token] = c
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.waiting, token)
	}()
	if err := b.main.Publish(p.subject, []byte(token)); err != nil {
		return b.fail("probe", err)
	}
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return b.fail("a message to ourselves did not come back", ctx.Err())
	case <-b.ctx.Done():
		return bus.ErrClosed
	}
}
