package membus

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hubbub.internal/libs/bus"
)

// Publish implements bus.Live.
func (b *Bus) Publish(channel string, data []byte) error {
	if err := cmp.Or(bus.CheckChannel(channel), tooLong(data)); err != nil {
		return err
	}
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if b.ctx.Err() != nil {
		return bus.ErrClosed
	}
	for _, sub := range b.s.subs {
		if sub.handle != nil && sub.name == channel && !b.s.down { // else it is lost
			mine := bytes.Clone(data)
			sub.b.later(sub, func() { sub.handle(mine) })
		}
	}
	return nil
}

// Subscribe implements bus.Live.
func (b *Bus) Subscribe(ctx context.Context, channel string, handle func([]byte)) (bus.Subscription, error) {
	return b.add(ctx, bus.CheckChannel(channel), "Subscribe", &subscription{name: channel, handle: handle})
}

// Serve implements bus.RPC.
func (b *Bus) Serve(ctx context.Context, name string, handle func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	return b.add(ctx, bus.CheckChannel(name), "Serve", &subscription{name: name, serve: handle})
}

// requestTimeout is how long a request whose context has no deadline may take.
const requestTimeout = 5 * time.Second

type reply struct {
	data []byte
	err  error
}

// Request implements bus.RPC. Processes that serve the same name take turns.
func (b *Bus) Request(ctx context.Context, name string, data []byte) ([]byte, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTimeout)
		defer cancel()
	}
	answer, data := make(chan reply, 1), bytes.Clone(data)
	err := b.call(ctx, cmp.Or(bus.CheckChannel(name), tooLong(data)), "Request", name, func() error {
		i := slices.IndexFunc(b.s.subs, func(sub *subscription) bool { return sub.serve != nil && sub.name == name })
		if i < 0 {
			return bus.ErrNoResponder
		}
		sub := b.s.subs[i]
		// the next request goes to another server
		b.s.subs = append(slices.Delete(b.s.subs, i, i+1), sub)
		sub.inHand++
		sub.b.work.Go(func() { sub.answer(ctx, data, answer) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	select {
	case r := <-answer:
		return r.data, r.err
	case <-b.ctx.Done():
		return nil, bus.ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: request %s: %w", bus.ErrUnavailable, name, ctx.Err())
	}
}

// answer handles a request. Only the deadline crosses the bus.
func (sub *subscription) answer(asker context.Context, data []byte, to chan<- reply) {
	deadline, _ := asker.Deadline()
	ctx, cancel := context.WithDeadline(sub.b.ctx, deadline)
	defer cancel()
	to <- replyOf(sub.serve(ctx, data))
	sub.b.s.mu.Lock()
	defer sub.b.s.mu.Unlock()
	sub.inHand--
	sub.b.s.more.Broadcast()
}

// replyOf returns the reply that crosses the bus: coded errors as they are, any other error without
// detail.
func replyOf(out []byte, err error) reply {
	if err = cmp.Or(err, tooLong(out)); err == nil {
		return reply{data: append([]byte{}, out...)}
	}
	if coded, ok := errors.AsType[*bus.Error](err); ok {
		again := *coded
		return reply{err: &again}
	}
	return reply{err: &bus.Error{Code: "internal"}}
}
