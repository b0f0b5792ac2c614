package membus

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"hubbub.internal/libs/bus"
)

// Bus is one process's connection to a Server, whose mutex guards it.
type Bus struct {
	s      *Server
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines
	queue  []callback     // callbacks to call, in order: see run
	own    subscription   // owns the callbacks of calls
}

var _ bus.Interface = (*Bus)(nil)

// Open connects to the server. groups are required from then on.
func (s *Server) Open(groups ...string) *Bus {
	b := &Bus{s: s}
	b.own.b = b
	b.ctx, b.cancel = context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range groups {
		s.group(g).required = true
	}
	b.work.Go(b.run)
	return b
}

// call calls f with the server's mu held as soon as the server answers, unless bad is an error.
// Errors: bad, bus.ErrClosed, bus.ErrUnavailable, what Fail has for the method and the name, and
// f's.
func (b *Bus) call(ctx context.Context, bad error, method, name string, f func() error) error {
	if bad != nil {
		return bad
	}
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	defer context.AfterFunc(ctx, b.s.wake)()
	for b.s.down && ctx.Err() == nil && b.ctx.Err() == nil {
		b.s.more.Wait()
	}
	if err := ctx.Err(); err != nil && b.ctx.Err() == nil {
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
	}
	return b.now(method, name, f)
}

// now calls f at once. It is called with the server's mu held.
func (b *Bus) now(method, name string, f func() error) error {
	if b.ctx.Err() != nil {
		return bus.ErrClosed
	}
	if err := b.s.failure(method, name); err != nil {
		return err
	}
	return f()
}

// wake makes all waiting calls look again, for example because a context has ended.
func (s *Server) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.more.Broadcast()
}

// unlocked calls f without the mu that the caller holds.
func (s *Server) unlocked(f func() error) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	return f()
}

// tooLong returns an error for data above the limit.
func tooLong(data []byte) error {
	if len(data) > bus.MaxData {
		return bus.ErrTooLarge
	}
	return nil
}

// Append implements bus.Log.
func (b *Bus) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	data := bytes.Clone(e.Data)
	add := func() error {
		a, err := b.s.append(e, data)
		b.later(&b.own, func() { done(a, err) })
		return nil
	}
	err := cmp.Or(bus.CheckName(e.Room, e.Sender, e.ID), tooLong(data))
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if err == nil && b.s.down && b.ctx.Err() == nil { // the caller does not wait
		b.work.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), bus.AppendTimeout)
			defer cancel()
			if err := b.call(ctx, nil, "Append", e.Room, add); err != nil {
				done(bus.Appended{}, err)
			}
		})
		return
	}
	if err == nil {
		err = b.now("Append", e.Room, add)
	}
	if err != nil {
		b.later(&b.own, func() { done(bus.Appended{}, err) })
	}
}

// Replay implements bus.Log.
func (b *Bus) Replay(ctx context.Context, room string, after bus.Position, limit int) (out bus.Replayed, err error) {
	if limit < 1 || limit > bus.MaxReplay {
		return out, fmt.Errorf("a limit of %d: it is 1 to %d", limit, bus.MaxReplay)
	}
	err = b.call(ctx, bus.CheckName(room), "Replay", room, func() error {
		out = b.s.replay(room, after, limit)
		return nil
	})
	return out, err
}

// Heads implements bus.Log.
func (b *Bus) Heads(ctx context.Context, rooms []string) (heads []bus.Head, err error) {
	if len(rooms) > bus.MaxHeads {
		return nil, fmt.Errorf("heads of %d rooms: at most %d at once", len(rooms), bus.MaxHeads)
	}
	err = b.call(ctx, bus.CheckName(rooms...), "Heads", "", func() error {
		for _, name := range rooms {
			heads = append(heads, bus.Head{Position: b.s.rooms[name].head, Through: b.s.last, Front: b.s.rooms[name].trimmed})
		}
		return nil
	})
	return heads, err
}

// Remove implements bus.Log.
func (b *Bus) Remove(ctx context.Context, room string, seq uint64) error {
	return b.call(ctx, bus.CheckName(room), "Remove", room, func() error {
		if rec := b.s.find(room, seq); rec != nil {
			b.s.bytes -= int64(len(rec.Data))
			rec.removed, rec.Data = true, nil
		}
		return nil
	})
}

// Advance implements bus.Log.
func (b *Bus) Advance(ctx context.Context, past uint64) error {
	if past >= bus.MaxSeq {
		return fmt.Errorf("advance past %d: no Seq is left", past)
	}
	return b.call(ctx, nil, "Advance", "", func() error {
		b.s.last = max(b.s.last, past)
		return nil
	})
}

// Probe implements bus.Interface.
func (b *Bus) Probe(ctx context.Context) error {
	came := make(chan struct{})
	err := b.call(ctx, nil, "Probe", "", func() error {
		b.later(&b.own, func() { close(came) })
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case <-came:
		return nil
	case <-b.ctx.Done():
		return bus.ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, ctx.Err())
	}
}

// Close implements bus.Interface.
func (b *Bus) Close() error {
	b.s.mu.Lock()
	b.cancel()
	b.s.subs = slices.DeleteFunc(b.s.subs, func(sub *subscription) bool {
		sub.stopped = sub.stopped || sub.b == b
		return sub.stopped
	})
	b.s.more.Broadcast()
	b.s.mu.Unlock()
	b.work.Wait()
	return nil
}
