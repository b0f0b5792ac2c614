package membus

import (
	"context"
	"slices"

	"hubbub.internal/libs/bus"
)

// callback is a call that is due to a subscription.
type callback struct {
	sub *subscription
	f   func()
}

// later queues a call, which is dropped if the subscription has stopped by then. It is called with
// the server's mu held.
func (b *Bus) later(sub *subscription, f func()) {
	if b.ctx.Err() != nil { // run has ended
		go f()
		return
	}
	b.queue = append(b.queue, callback{sub, f})
	b.s.more.Broadcast()
}

// run makes the queued calls until the bus is closed, and then those that are left.
func (b *Bus) run() {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	for {
		for (len(b.queue) == 0 || b.s.held) && b.ctx.Err() == nil {
			b.s.more.Wait()
		}
		if len(b.queue) == 0 {
			return
		}
		next := b.queue[0]
		b.queue = b.queue[1:]
		if !next.sub.stopped {
			next.sub.inHand++
			_ = b.s.unlocked(func() error { next.f(); return nil })
			next.sub.inHand--
			b.s.more.Broadcast()
		}
	}
}

// subscription is what receives calls until Stop: a follower, a watcher, or the handler of messages
// or requests.
type subscription struct {
	b        *Bus
	name     string // of the room, the channel or the service
	follower bus.Follower
	head     uint64 // of the room, when the subscription began
	until    uint64 // the Seq that the follower has got, or will get from the queue
	watcher  bus.Watcher
	handle   func([]byte)
	serve    func(context.Context, []byte) ([]byte, error)
	inHand   int // calls in progress
	stopped  bool
}

// add registers a subscription.
func (b *Bus) add(ctx context.Context, bad error, method string, sub *subscription) (bus.Subscription, error) {
	sub.b = b
	err := b.call(ctx, bad, method, sub.name, func() error {
		sub.head = b.s.rooms[sub.name].head.Seq
		sub.until = sub.head
		b.s.subs = append(b.s.subs, sub)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sub, nil
}

// Stop implements bus.Subscription.
func (sub *subscription) Stop() {
	s := sub.b.s
	s.mu.Lock()
	defer s.mu.Unlock()
	sub.stopped = true
	s.subs = slices.DeleteFunc(s.subs, func(o *subscription) bool { return o == sub })
	for sub.inHand > 0 {
		s.more.Wait()
	}
}

// Follow implements bus.Log.
func (b *Bus) Follow(ctx context.Context, room string, f bus.Follower) (uint64, bus.Subscription, error) {
	sub := &subscription{name: room, follower: f}
	s, err := b.add(ctx, bus.CheckName(room), "Follow", sub)
	return sub.head, s, err
}

// Watch implements bus.Log.
func (b *Bus) Watch(ctx context.Context, w bus.Watcher) (bus.Subscription, error) {
	return b.add(ctx, nil, "Watch", &subscription{watcher: w})
}

// entry delivers an entry to a follower.
func (sub *subscription) entry(rec *record) {
	e := rec.copy(sub.until)
	sub.until = rec.Seq
	sub.b.later(sub, func() { sub.follower.Entry(e) })
}
