package membus

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/consume"
)

// batch is how many entries a handler gets at once.
const batch = 100

// group is a consumer group.
type group struct {
	required bool
	members  int
	done     uint64 // the Seq through which it has consumed
	busy     bool   // a member has entries of the log in hand
	letters  []bus.DeadLetter
	redriven []bus.Entry
}

func (s *Server) group(name string) *group {
	g := s.groups[name]
	if g == nil {
		g = &group{}
		s.groups[name] = g
	}
	return g
}

// member is one call of Consume.
type member struct {
	consume.Reader
	s *Server
	g *group
}

// Consume implements bus.Log.
func (b *Bus) Consume(ctx context.Context, name string, handle func(context.Context, []bus.Entry) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)()
	m := &member{s: b.s, Reader: consume.Reader{Handle: handle, Stop: b.ctx.Done(), Log: zap.NewNop()}}
	m.Done = m.park
	err := b.call(ctx, bus.CheckName(name), "Consume", name, func() error {
		m.g = b.s.group(name)
		m.g.members++
		for ctx.Err() == nil && b.ctx.Err() == nil {
			if b.s.down || !m.step(ctx) {
				b.s.more.Wait()
			}
		}
		m.g.members--
		return nil
	})
	switch {
	case b.ctx.Err() != nil:
		return bus.ErrClosed
	case ctx.Err() != nil:
		return nil
	}
	return err
}

// step hands over what there is, if there is anything and no other member has the log in hand. It
// is called with the server's mu held, and releases it meanwhile.
func (m *member) step(ctx context.Context) (did bool) {
	s, g := m.s, m.g
	if len(g.redriven) > 0 {
		e := g.redriven[0]
		g.redriven = g.redriven[1:]
		if s.unlocked(func() error { return m.Single(ctx, e) }) != nil {
			g.redriven = append([]bus.Entry{e}, g.redriven...)
		}
		return true
	}
	var entries []bus.Entry
	through := g.done
	for i := s.from(g.done + 1); i < len(s.log) && len(entries) < batch; i++ {
		if through = s.log[i].Seq; !s.log[i].removed {
			entries = append(entries, s.log[i].copy(0))
		}
	}
	if g.busy || through == g.done {
		return false
	}
	g.busy = true
	if len(entries) == 0 || s.unlocked(func() error { return m.Process(ctx, entries) }) == nil {
		g.done = through
	}
	g.busy = false
	s.more.Broadcast()
	return true
}

// park keeps an entry that failed.
func (m *member) park(_ context.Context, e bus.Entry, failed error) error {
	if failed != nil {
		m.s.mu.Lock()
		defer m.s.mu.Unlock()
		e.Redriven = false
		m.g.letters = append(m.g.letters, bus.DeadLetter{Entry: e, Reason: failed.Error(), At: time.Now()})
	}
	return nil
}

// DeadLetters implements bus.Log.
func (b *Bus) DeadLetters(ctx context.Context, name string, limit int) (out []bus.DeadLetter, err error) {
	err = b.call(ctx, bus.CheckName(name), "DeadLetters", name, func() error {
		if g := b.s.groups[name]; g != nil {
			out = slices.Clone(g.letters[:min(limit, len(g.letters))])
		}
		return nil
	})
	return out, err
}

// Redrive implements bus.Log.
func (b *Bus) Redrive(ctx context.Context, name string, limit int) (out []bus.DeadLetter, err error) {
	err = b.call(ctx, bus.CheckName(name), "Redrive", name, func() error {
		g := b.s.groups[name]
		if g == nil {
			return nil
		}
		n := min(limit, len(g.letters))
		out, g.letters = slices.Clone(g.letters[:n]), slices.Clone(g.letters[n:])
		for i := range out {
			out[i].Entry.Redriven = true
			g.redriven = append(g.redriven, out[i].Entry)
		}
		b.s.more.Broadcast()
		return nil
	})
	return out, err
}

// Groups implements bus.Log.
func (b *Bus) Groups(ctx context.Context) (out []bus.Group, err error) {
	err = b.call(ctx, nil, "Groups", "", func() error {
		for _, name := range slices.Sorted(maps.Keys(b.s.groups)) {
			g := b.s.groups[name]
			if !g.required {
				continue
			}
			one := bus.Group{Name: name}
			if rest := b.s.log[b.s.from(g.done+1):]; len(rest) > 0 {
				one.Unread = rest[0].at
			}
			out = append(out, one)
		}
		return nil
	})
	return out, err
}

// CatchUp implements bus.Log.
func (b *Bus) CatchUp(ctx context.Context, name string) error {
	return b.call(ctx, bus.CheckName(name), "CatchUp", name, func() error {
		s := b.s
		for last := s.last; s.behind(name, last); s.more.Wait() {
			if b.ctx.Err() != nil {
				return bus.ErrClosed
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return nil
	})
}

// behind reports whether a group has yet to consume an entry at or before a Seq.
func (s *Server) behind(name string, last uint64) bool {
	done := uint64(0)
	if g := s.groups[name]; g != nil {
		done = g.done
	}
	rest := s.log[s.from(done+1):]
	return len(rest) > 0 && rest[0].Seq <= last
}

// Retire implements bus.Log.
func (b *Bus) Retire(ctx context.Context, name string) error {
	return b.call(ctx, bus.CheckName(name), "Retire", name, func() error {
		if g := b.s.groups[name]; g != nil && g.members > 0 {
			return bus.ErrInUse
		}
		delete(b.s.groups, name)
		return nil
	})
}
