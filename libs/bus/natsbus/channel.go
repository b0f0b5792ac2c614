package natsbus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"

	"hubbub.internal/libs/bus"
)

// Publish implements bus.Live. What is published while the server is away is dropped.
func (b *Bus) Publish(channel string, data []byte) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	if err := bus.CheckChannel(channel); err != nil {
		return err
	}
	if len(data) > bus.MaxData {
		return fmt.Errorf("%w: %d bytes", bus.ErrTooLarge, len(data))
	}
	if err := b.main.Publish(b.names.channel+channel, data); err != nil {
		b.metrics.Dropped.Inc()
	}
	return nil
}

// Subscribe implements bus.Live.
func (b *Bus) Subscribe(ctx context.Context, channel string, handle func(data []byte)) (bus.Subscription, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	if err := bus.CheckChannel(channel); err != nil {
		return nil, err
	}
	s, before := &channelSub{b: b, handle: handle}, b.main.LastError()
	sub, err := b.main.Subscribe(b.names.channel+channel, s.receive)
	if err != nil {
		return nil, b.fail("subscribe", err)
	}
	s.sub = sub
	if err := b.confirm(ctx, s, before); err != nil {
		return nil, err
	}
	return s, nil
}

// confirm waits until the server has taken a subscription, which it stops if that fails; see flush
// for before.
func (b *Bus) confirm(ctx context.Context, s bus.Subscription, before error) error {
	if err := b.keep(s); err != nil {
		s.Stop()
		return err
	}
	var denied error
	err := b.retry(ctx, "subscribe", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		err := flush(ctx, b.main, before)
		if errors.Is(err, nats.ErrPermissionViolation) {
			denied, err = b.fail("subscribe", err), nil // it is not sent again
		}
		return err
	})
	if err = cmpErr(err, denied); err != nil {
		s.Stop()
	}
	return err
}

type channelSub struct {
	b      *Bus
	sub    *nats.Subscription
	handle func([]byte)

	mu      sync.Mutex // held while handle runs, so that Stop waits for it
	stopped bool
}

func (s *channelSub) receive(m *nats.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.handle(m.Data)
	}
}

// Stop implements bus.Subscription.
func (s *channelSub) Stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	_ = s.sub.Unsubscribe() // fails when it has been called before, or the connection is closed
	s.b.forget(s)
}
