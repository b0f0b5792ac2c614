package membus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hubbub.internal/libs/bus"
)

type listener struct {
	subscription
	handle func([]byte)
}

// Publish implements bus.Live.
func (b *Bus) Publish(channel string, data []byte) error {
	if err := bus.CheckChannel(channel); err != nil {
		return err
	}
	if len(data) > bus.MaxData {
		return bus.ErrTooLarge
	}
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if b.ctx.Err() != nil {
		return bus.ErrClosed
	}
	if b.s.down { // then it is lost
		return nil
	}
	for _, l := range b.s.channels[channel] {
		mine := bytes.Clone(data)
		l.b.queue.add(func() { l.call(func() { l.handle(mine) }) })
	}
	return nil
}

// Subscribe implements bus.Live.
func (b *Bus) Subscribe(ctx context.Context, channel string, handle func([]byte)) (bus.Subscription, error) {
	if err := bus.CheckChannel(channel); err != nil {
		return nil, err
	}
	if err := b.enter(ctx, "Subscribe", channel); err != nil {
		return nil, err
	}
	defer b.s.mu.Unlock()
	l := &listener{handle: handle}
	l.subscription = subscription{b: b, drop: func() {
		b.s.channels[channel] = slices.DeleteFunc(b.s.channels[channel], func(o *listener) bool { return o == l })
	}}
	b.s.channels[channel] = append(b.s.channels[channel], l)
	return l, nil
}

// service is one that answers requests.
type service struct {
	b      *Bus
	name   string
	handle func(context.Context, []byte) ([]byte, error)
	inHand sync.WaitGroup
}

type reply struct {
	data []byte
	err  error
}

// requestTimeout is how long a request whose context has no deadline may take.
const requestTimeout = 5 * time.Second

// Request implements bus.RPC. Processes that serve the same name take turns.
func (b *Bus) Request(ctx context.Context, name string, data []byte) ([]byte, error) {
	if err := bus.CheckChannel(name); err != nil {
		return nil, err
	}
	if len(data) > bus.MaxData {
		return nil, bus.ErrTooLarge
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTimeout)
		defer cancel()
	}
	if err := b.enter(ctx, "Request", name); err != nil {
		return nil, err
	}
	all := b.s.services[name]
	if len(all) == 0 {
		b.s.mu.Unlock()
		return nil, bus.ErrNoResponder
	}
	v := all[0]
	b.s.services[name] = append(slices.Clone(all[1:]), v)
	answer := make(chan reply, 1)
	deadline, _ := ctx.Deadline()
	data = bytes.Clone(data)
	v.inHand.Add(1)
	v.b.work.Go(func() {
		defer v.inHand.Done()
		hctx, cancel := context.WithDeadline(v.b.ctx, deadline)
		defer cancel()
		out, err := v.handle(hctx, data)
		answer <- replyOf(out, err)
	})
	b.s.mu.Unlock()
	select {
	case r := <-answer:
		return r.data, r.err
	case <-b.ctx.Done():
		return nil, bus.ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: request %s: %w", bus.ErrUnavailable, name, ctx.Err())
	}
}

// replyOf returns what crosses the bus of a handler's answer: coded errors, and of others no detail.
func replyOf(out []byte, err error) reply {
	if err == nil && len(out) <= bus.MaxData {
		return reply{data: append([]byte{}, out...)}
	}
	if coded, ok := errors.AsType[*bus.Error](err); ok {
		again := *coded
		return reply{err: &again}
	}
	return reply{err: &bus.Error{Code: "internal"}}
}

// Serve implements bus.RPC.
func (b *Bus) Serve(ctx context.Context, name string, handle func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	if err := bus.CheckChannel(name); err != nil {
		return nil, err
	}
	if err := b.enter(ctx, "Serve", name); err != nil {
		return nil, err
	}
	defer b.s.mu.Unlock()
	v := &service{b: b, name: name, handle: handle}
	b.s.services[name] = append(b.s.services[name], v)
	return v, nil
}

// Stop implements bus.Subscription.
func (v *service) Stop() {
	v.b.s.mu.Lock()
	v.b.s.services[v.name] = slices.DeleteFunc(slices.Clone(v.b.s.services[v.name]), func(o *service) bool { return o == v })
	v.b.s.mu.Unlock()
	v.inHand.Wait()
}

// closeLive ends what a bus listens to and serves. It is called with mu held.
func (s *Server) closeLive(b *Bus) {
	for name, all := range s.channels {
		s.channels[name] = slices.DeleteFunc(all, func(l *listener) bool { return l.b == b })
	}
	for name, all := range s.services {
		s.services[name] = slices.DeleteFunc(slices.Clone(all), func(v *service) bool { return v.b == b })
	}
}
