package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus/driver"
)

// subscriptionQueue collects the rooms to subscribe and to unsubscribe. One goroutine does both, in
// turn, so that the driver never sees them swapped.
type subscriptionQueue struct {
	mu     sync.Mutex
	join   []*room
	leave  []*room
	renew  []*room // followed, but without live entries
	reason error   // why the last try failed
	wake   chan struct{}
}

func (d *subscriptionQueue) add(list *[]*room, r *room) {
	d.mu.Lock()
	*list = append(*list, r)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *subscriptionQueue) drain() (join, leave, renew []*room) {
	d.mu.Lock()
	defer d.mu.Unlock()
	join, leave, renew, d.join, d.leave, d.renew = d.join, d.leave, d.renew, nil, nil, nil
	return join, leave, renew
}

func (d *subscriptionQueue) setReason(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reason = err
}

func (d *subscriptionQueue) why() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reason
}

// subscription is one follower of one room.
type subscription struct {
	e    *Engine
	r    *room
	f    driver.Follower
	done chan struct{} // closed when the join has ended; then:
	head uint64
	err  error
}

func (s *subscription) finish(head uint64, err error) {
	s.head, s.err = head, err
	close(s.done)
}

// Follow is bus.Log.Follow. It waits until the room is joined, however many tries that takes, or
// ctx ends.
func (e *Engine) Follow(ctx context.Context, name string, f driver.Follower) (uint64, driver.Subscription, error) {
	if err := driver.CheckName(name); err != nil {
		return 0, nil, err
	}
	s, err := e.enter(name, f)
	if err != nil {
		return 0, nil, err
	}
	select {
	case <-s.done:
	case <-ctx.Done():
		s.Stop()
		err := fmt.Errorf("%w: follow %s: %w", driver.ErrUnavailable, name, ctx.Err())
		if why := e.subscriptions.why(); why != nil {
			err = fmt.Errorf("%w (%w)", err, why)
		}
		return 0, nil, err
	case <-e.closed:
		return 0, nil, driver.ErrClosed
	}
	if s.err != nil {
		return 0, nil, s.err
	}
	return s.head, s, nil
}

// enter adds a follower to a room, and the room to the table if it is missing.
func (e *Engine) enter(name string, f driver.Follower) (*subscription, error) {
	sh := e.shardOf(name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	select {
	case <-e.closed:
		return nil, driver.ErrClosed
	default:
	}
	r := sh.rooms[name]
	fresh := r == nil
	if fresh {
		r = &room{name: name}
		sh.rooms[name] = r
		e.metrics.rooms.Inc()
	}
	s := &subscription{e: e, r: r, f: f, done: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == live && len(r.followers) > 0 {
		r.followers = append(r.followers, s)
		s.finish(r.held, nil)
		return s, nil
	}
	r.waiters = append(r.waiters, s)
	// the room was about to be left: its head may be older than the new follower expects
	if r.state == live {
		r.state, fresh = joining, true
	}
	if fresh {
		e.subscriptions.add(&e.subscriptions.join, r)
	}
	return s, nil
}

// Stop ends the delivery; see driver.Subscription.
func (s *subscription) Stop() {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	here := func(o *subscription) bool { return o == s }
	n := len(r.followers) + len(r.waiters)
	r.followers = slices.DeleteFunc(r.followers, here)
	r.waiters = slices.DeleteFunc(r.waiters, here)
	if r.state == live && n > 0 && len(r.followers)+len(r.waiters) == 0 {
		s.e.subscriptions.add(&s.e.subscriptions.leave, r)
	}
}

func (e *Engine) joinLoop(ctx context.Context) {
	pause := minPause
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.subscriptions.wake:
		}
		join, leave, renew := e.subscriptions.drain()
		e.leaveRooms(leave)
		e.renewRooms(ctx, renew)
		for chunk := range slices.Chunk(join, e.opts.Batch) {
			chunk = e.wanted(chunk)
			if len(chunk) == 0 {
				continue
			}
			err := e.joinRooms(ctx, chunk)
			e.subscriptions.setReason(err)
			if err == nil {
				pause = minPause
				continue
			}
			if ctx.Err() != nil {
				return
			}
			e.log.Warn("cannot follow rooms; trying again", zap.Int("rooms", len(chunk)), zap.Error(err))
			for _, r := range chunk {
				e.subscriptions.add(&e.subscriptions.join, r)
			}
			if await.Sleep(ctx, pause) != nil {
				return
			}
			pause = min(2*pause, maxPause)
		}
	}
}

// joinRooms subscribes to the rooms and then asks for their heads: what is appended after these
// comes live, or is found missing.
func (e *Engine) joinRooms(ctx context.Context, rooms []*room) error {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	names := namesOf(rooms)
	epoch := e.epoch.Load()
	if err := e.src.Subscribe(ctx, names); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	heads, err := e.src.Heads(ctx, names)
	if err != nil {
		return fmt.Errorf("last entries of rooms: %w", err)
	}
	if len(heads) != len(rooms) {
		return errors.New("the driver did not answer for every room")
	}
	for i, r := range rooms {
		r.joined(e, epoch, heads[i])
	}
	return nil
}

// joined makes the room live from its head on.
func (r *room) joined(e *Engine, epoch uint32, head Head) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != joining {
		return
	}
	want, first := r.want, r.first
	r.epoch = epoch
	r.moveTo(head)
	r.want, r.first = want, first
	r.state = live
	r.followers, r.waiters = r.waiters, nil
	for _, s := range r.followers {
		s.finish(head.Seq, nil)
	}
	if !r.settle(e, r.through) {
		r.fill(e)
	}
	if len(r.followers) == 0 {
		e.subscriptions.add(&e.subscriptions.leave, r)
	}
}

// renewRooms subscribes again to rooms that got nothing live although their log grew. If that
// fails, a later comparison asks for it again.
func (e *Engine) renewRooms(ctx context.Context, rooms []*room) {
	rooms = slices.DeleteFunc(rooms, func(r *room) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.state != live || len(r.followers) == 0
	})
	for chunk := range slices.Chunk(rooms, e.opts.Batch) {
		names := namesOf(chunk)
		e.metrics.renewed.Add(float64(len(chunk)))
		e.log.Warn("subscribing again to rooms that got nothing live", zap.Int("rooms", len(chunk)), zap.String("one", names[0]))
		e.src.Unsubscribe(names)
		ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
		err := e.src.Subscribe(ctx, names)
		cancel()
		if err != nil {
			e.log.Warn("cannot subscribe again; trying after the next comparison", zap.Error(err))
		}
		e.SuspectRooms("subscribed again", names...)
	}
}

// wanted returns the rooms that still have followers waiting, each once, and removes the others
// from the table. A room is there twice if somebody came in the very moment in which it was left.
func (e *Engine) wanted(rooms []*room) []*room {
	keep := rooms[:0:0]
	var drop []*room
	seen := make(map[*room]bool, len(rooms))
	for _, r := range rooms {
		if seen[r] {
			continue
		}
		seen[r] = true
		r.mu.Lock()
		if len(r.waiters) > 0 {
			keep = append(keep, r)
		} else {
			drop = append(drop, r)
		}
		r.mu.Unlock()
	}
	e.leaveRooms(drop)
	return keep
}

// leaveRooms unsubscribes from the rooms that nobody follows.
func (e *Engine) leaveRooms(rooms []*room) {
	var names []string
	for _, r := range rooms {
		sh := e.shardOf(r.name)
		sh.mu.Lock()
		r.mu.Lock()
		switch {
		case r.state == joining && len(r.waiters) > 0: // a follower came just now
			e.subscriptions.add(&e.subscriptions.join, r)
		case r.state != gone && len(r.followers)+len(r.waiters) == 0:
			r.state = gone
			r.dropBack(e)
			delete(sh.rooms, r.name)
			if len(sh.rooms) == 0 { // a map never shrinks, so make a new one
				sh.rooms = make(map[string]*room)
			}
			e.metrics.rooms.Dec()
			names = append(names, r.name)
		}
		r.mu.Unlock()
		sh.mu.Unlock()
	}
	if len(names) > 0 {
		e.src.Unsubscribe(names)
	}
}

func namesOf(rooms []*room) []string {
	names := make([]string, len(rooms))
	for i, r := range rooms {
		names[i] = r.name
	}
	return names
}
