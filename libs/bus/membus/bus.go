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

// Bus is one process's connection to a Server.
type Bus struct {
	s      *Server
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines, and handlers of requests
	queue  queue
	// watchers is guarded by the server's mu.
	watchers []*watcher
}

var _ bus.Bus = (*Bus)(nil)

// Open connects to the server. groups are required from then on.
func (s *Server) Open(groups ...string) *Bus {
	b := &Bus{s: s}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.queue.cond.L = &b.queue.mu
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buses[b] = true
	b.queue.held = s.held
	for _, g := range groups {
		s.group(g).required = true
	}
	b.work.Go(b.queue.run)
	return b
}

// enter waits until the server answers, and returns with its mu held. Errors: bus.ErrClosed, bus.ErrUnavailable, and what
// Fail has for the call.
func (b *Bus) enter(ctx context.Context, call, name string) error {
	for {
		b.s.mu.Lock()
		changed := b.s.changed
		var err error
		switch {
		case b.ctx.Err() != nil:
			err = bus.ErrClosed
		case ctx.Err() != nil:
			err = fmt.Errorf("%w: %w", bus.ErrUnavailable, ctx.Err())
		case b.s.down:
			err = errDown
		case b.s.fail != nil:
			err = b.s.fail(call, name)
		}
		if err == nil {
			return nil
		}
		b.s.mu.Unlock()
		if !errors.Is(err, errDown) {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-b.ctx.Done():
		}
	}
}

var errDown = errors.New("the server is down")

// Append implements bus.Log.
func (b *Bus) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	err := bus.CheckName(e.Room, e.Sender, e.ID)
	if err == nil && len(e.Data) > bus.MaxData {
		err = bus.ErrTooLarge
	}
	data := bytes.Clone(e.Data)
	b.s.mu.Lock()
	direct := err == nil && !b.s.down && b.s.fail == nil && b.ctx.Err() == nil
	var a bus.Appended
	if direct {
		a, err = b.s.append(e, data)
	}
	if direct || err != nil {
		ok := b.queue.add(func() { done(a, err) })
		b.s.mu.Unlock()
		if !ok { // the bus is closed: nobody waits for these
			go done(bus.Appended{}, bus.ErrClosed)
		}
		return
	}
	b.s.mu.Unlock()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), bus.AppendTimeout)
		defer cancel()
		err := b.enter(ctx, "Append", e.Room)
		if err == nil {
			a, err = b.s.append(e, data)
			b.s.mu.Unlock()
		}
		if !b.queue.add(func() { done(a, err) }) {
			done(a, err)
		}
	}()
}

// Replay implements bus.Log.
func (b *Bus) Replay(ctx context.Context, room string, after bus.Position, limit int) (bus.Replayed, error) {
	if err := bus.CheckName(room); err != nil {
		return bus.Replayed{}, err
	}
	if limit < 1 || limit > 1000 {
		return bus.Replayed{}, fmt.Errorf("a limit of %d: it is 1 to 1000", limit)
	}
	if err := b.enter(ctx, "Replay", room); err != nil {
		return bus.Replayed{}, err
	}
	defer b.s.mu.Unlock()
	return b.s.replay(room, after, limit), nil
}

// Heads implements bus.Log.
func (b *Bus) Heads(ctx context.Context, rooms []string) ([]bus.Head, error) {
	if len(rooms) > 1000 {
		return nil, fmt.Errorf("heads of %d rooms: at most 1000 at once", len(rooms))
	}
	if err := bus.CheckName(rooms...); err != nil {
		return nil, err
	}
	if err := b.enter(ctx, "Heads", ""); err != nil {
		return nil, err
	}
	defer b.s.mu.Unlock()
	heads := make([]bus.Head, len(rooms))
	for i, name := range rooms {
		heads[i].Through = b.s.last
		if r := b.s.rooms[name]; r != nil {
			heads[i].Position = r.head
		}
	}
	return heads, nil
}

// follower is one that is told of a room's entries.
type follower struct {
	subscription
	f     bus.Follower
	name  string
	until uint64 // what it was told of, or will be by what is queued
}

// deliver queues an entry. It is called with the server's mu held.
func (f *follower) deliver(e bus.Entry) {
	e.Prev, f.until = f.until, e.Seq
	f.b.queue.add(func() {
		f.call(func() {
			e.Data = bytes.Clone(e.Data)
			f.f.Entry(e)
		})
	})
}

// Follow implements bus.Log.
func (b *Bus) Follow(ctx context.Context, room string, to bus.Follower) (uint64, bus.Subscription, error) {
	if err := bus.CheckName(room); err != nil {
		return 0, nil, err
	}
	if err := b.enter(ctx, "Follow", room); err != nil {
		return 0, nil, err
	}
	defer b.s.mu.Unlock()
	r := b.s.room(room)
	f := &follower{f: to, name: room, until: r.head.Seq}
	f.subscription = subscription{b: b, drop: func() { r.followers = slices.DeleteFunc(r.followers, func(o *follower) bool { return o == f }) }}
	r.followers = append(r.followers, f)
	return r.head.Seq, f, nil
}

type watcher struct {
	subscription
	w bus.Watcher
}

// Watch implements bus.Log.
func (b *Bus) Watch(ctx context.Context, to bus.Watcher) (bus.Subscription, error) {
	if err := b.enter(ctx, "Watch", ""); err != nil {
		return nil, err
	}
	defer b.s.mu.Unlock()
	w := &watcher{w: to}
	w.subscription = subscription{b: b, drop: func() { b.watchers = slices.DeleteFunc(b.watchers, func(o *watcher) bool { return o == w }) }}
	b.watchers = append(b.watchers, w)
	return w, nil
}

func (b *Bus) hint(room string, seq uint64) {
	for _, w := range b.watchers {
		b.queue.add(func() { w.call(func() { w.w.Hint(room, seq) }) })
	}
}

// Remove implements bus.Log.
func (b *Bus) Remove(ctx context.Context, room string, seq uint64) error {
	if err := bus.CheckName(room); err != nil {
		return err
	}
	if err := b.enter(ctx, "Remove", room); err != nil {
		return err
	}
	defer b.s.mu.Unlock()
	if r := b.s.rooms[room]; r != nil {
		for _, rec := range r.records {
			if rec.Seq == seq {
				b.s.bytes -= int64(len(rec.Data))
				rec.removed, rec.Data = true, nil
			}
		}
	}
	return nil
}

// Advance implements bus.Log.
func (b *Bus) Advance(ctx context.Context, past uint64) error {
	if past >= bus.MaxSeq {
		return fmt.Errorf("advance past %d: no Seq is left", past)
	}
	if err := b.enter(ctx, "Advance", ""); err != nil {
		return err
	}
	defer b.s.mu.Unlock()
	b.s.last = max(b.s.last, past)
	return nil
}

// Probe implements bus.Bus.
func (b *Bus) Probe(ctx context.Context) error {
	if err := b.enter(ctx, "Probe", ""); err != nil {
		return err
	}
	came := make(chan struct{})
	b.queue.add(func() { close(came) })
	b.s.mu.Unlock()
	select {
	case <-came:
		return nil
	case <-b.ctx.Done():
		return bus.ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, ctx.Err())
	case <-time.After(bus.AppendTimeout):
		return fmt.Errorf("%w: the probe did not come back", bus.ErrUnavailable)
	}
}

// Close implements bus.Bus.
func (b *Bus) Close() error {
	b.s.mu.Lock()
	b.cancel()
	delete(b.s.buses, b)
	b.watchers = nil
	for _, r := range b.s.rooms {
		r.followers = slices.DeleteFunc(r.followers, func(f *follower) bool { return f.b == b })
	}
	b.s.closeLive(b)
	b.s.wake()
	b.s.mu.Unlock()
	b.queue.close()
	b.work.Wait()
	return nil
}
