package redisbus

import (
	"context"
	"slices"
	"sync"

	"hubbub.internal/libs/bus"
)

// topics shares one subscription at the server among all subscribers of a channel in this process.
type topics struct {
	b *Bus

	mu sync.Mutex
	// by channel, as the server knows it; a slice is never changed in place
	all map[string][]*listener
}

// listener is one subscriber.
type listener struct {
	t       *topics
	channel string
	handle  func([]byte)

	mu      sync.Mutex // held while handle runs, so that Stop waits for it
	stopped bool
}

func newTopics(b *Bus) *topics { return &topics{b: b, all: make(map[string][]*listener)} }

// Subscribe implements bus.Live.
func (b *Bus) Subscribe(ctx context.Context, name string, handle func(data []byte)) (bus.Subscription, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	if err := bus.CheckChannel(name); err != nil {
		return nil, err
	}
	return b.topics.listen(ctx, b.keys.channel(name), handle)
}

func (t *topics) listen(ctx context.Context, channel string, handle func([]byte)) (bus.Subscription, error) {
	l := &listener{t: t, channel: channel, handle: handle}
	t.mu.Lock()
	t.all[channel] = append(slices.Clip(t.all[channel]), l)
	t.mu.Unlock()
	if err := t.b.keep(l); err != nil {
		l.Stop()
		return nil, err
	}
	if err := t.b.channels.subscribe(ctx, []string{channel}, t.receive); err != nil {
		l.Stop()
		return nil, err
	}
	return l, nil
}

func (t *topics) receive(channel, message string) {
	t.mu.Lock()
	all := t.all[channel]
	t.mu.Unlock()
	for _, l := range all {
		l.mu.Lock()
		if !l.stopped {
			l.handle([]byte(message)) // its own: it may change it
		}
		l.mu.Unlock()
	}
}

// Stop implements bus.Subscription.
func (l *listener) Stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	t := l.t
	t.mu.Lock()
	rest := slices.DeleteFunc(slices.Clone(t.all[l.channel]), func(o *listener) bool { return o == l })
	switch {
	case len(rest) > 0:
		t.all[l.channel] = rest
	case len(t.all[l.channel]) > 0:
		delete(t.all, l.channel)
		// under mu: else it could undo a subscribe that comes after
		t.b.channels.unsubscribe([]string{l.channel})
	}
	t.mu.Unlock()
	t.b.forget(l)
}
