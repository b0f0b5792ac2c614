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
	next     [partitions]int  // index of the first entry that it has not consumed
	busy     [partitions]bool // a member has entries of it in hand
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

// Consume implements bus.Log.
func (b *Bus) Consume(ctx context.Context, name string, handle func(context.Context, []bus.Entry) error) error {
	if err := bus.CheckName(name); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)()
	m := &member{b: b, Reader: consume.Reader{Handle: handle, Stop: b.ctx.Done(), Log: zap.NewNop()}}
	m.Done = m.done
	ended := func() error {
		if b.ctx.Err() != nil {
			return bus.ErrClosed
		}
		return nil
	}
	if err := b.enter(ctx, "Consume", name); err != nil {
		return ended()
	}
	m.g = b.s.group(name)
	m.g.members++
	defer func() {
		b.s.mu.Lock()
		defer b.s.mu.Unlock()
		m.g.members--
	}()
	for { // with mu held
		did, err := m.step(ctx)
		changed := b.s.changed
		b.s.mu.Unlock()
		if err != nil || ctx.Err() != nil {
			return ended()
		}
		if !did {
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
		if err := b.enter(ctx, "Consume", name); err != nil {
			return ended()
		}
	}
}

// member is one call of Consume.
type member struct {
	consume.Reader
	b *Bus
	g *group
}

// step hands over what there is in one place, if there is anything. It is called with the server's mu held, which it lets
// go meanwhile.
func (m *member) step(ctx context.Context) (did bool, err error) {
	s, g := m.b.s, m.g
	if len(g.redriven) > 0 {
		e := g.redriven[0]
		g.redriven = g.redriven[1:]
		s.mu.Unlock()
		err := m.Single(ctx, e)
		s.mu.Lock()
		if err != nil {
			g.redriven = append([]bus.Entry{e}, g.redriven...)
		}
		return true, err
	}
	for i := range s.parts {
		p := &s.parts[i]
		from := max(g.next[i], p.trimmed)
		if g.busy[i] || from == p.trimmed+len(p.records) {
			continue
		}
		records := p.records[from-p.trimmed:]
		records = records[:min(len(records), batch)]
		var entries []bus.Entry
		for _, rec := range records {
			if !rec.removed {
				entries = append(entries, rec.copy(0))
			}
		}
		to := from + len(records)
		g.busy[i] = true
		s.mu.Unlock()
		if len(entries) > 0 {
			err = m.Process(ctx, entries)
		}
		s.mu.Lock()
		if g.busy[i] = false; err == nil {
			g.next[i] = to
		}
		s.wake()
		return true, err
	}
	return false, nil
}

// done parks an entry that failed.
func (m *member) done(_ context.Context, e bus.Entry, failed error) error {
	if failed != nil {
		m.b.s.mu.Lock()
		defer m.b.s.mu.Unlock()
		e.Redriven = false
		m.g.letters = append(m.g.letters, bus.DeadLetter{Entry: e, Reason: failed.Error(), At: time.Now()})
		slices.SortStableFunc(m.g.letters, func(a, b bus.DeadLetter) int { return a.At.Compare(b.At) })
	}
	return nil
}

// DeadLetters implements bus.Log.
func (b *Bus) DeadLetters(ctx context.Context, name string, limit int) ([]bus.DeadLetter, error) {
	g, err := b.enterGroup(ctx, "DeadLetters", name)
	if err != nil {
		return nil, err
	}
	defer b.s.mu.Unlock()
	return slices.Clone(g.letters[:min(limit, len(g.letters))]), nil
}

// Redrive implements bus.Log.
func (b *Bus) Redrive(ctx context.Context, name string, limit int) ([]bus.DeadLetter, error) {
	g, err := b.enterGroup(ctx, "Redrive", name)
	if err != nil {
		return nil, err
	}
	defer b.s.mu.Unlock()
	n := min(limit, len(g.letters))
	out := slices.Clone(g.letters[:n])
	g.letters = slices.Clone(g.letters[n:])
	for _, d := range out {
		d.Entry.Redriven = true
		g.redriven = append(g.redriven, d.Entry)
	}
	b.s.wake()
	return out, nil
}

// enterGroup is enter for a call about a group.
func (b *Bus) enterGroup(ctx context.Context, call, name string) (*group, error) {
	if err := bus.CheckName(name); err != nil {
		return nil, err
	}
	if err := b.enter(ctx, call, name); err != nil {
		return nil, err
	}
	if g := b.s.groups[name]; g != nil {
		return g, nil
	}
	return &group{}, nil
}

// Groups implements bus.Log.
func (b *Bus) Groups(ctx context.Context) ([]bus.Group, error) {
	if err := b.enter(ctx, "Groups", ""); err != nil {
		return nil, err
	}
	defer b.s.mu.Unlock()
	var out []bus.Group
	for _, name := range slices.Sorted(maps.Keys(b.s.groups)) {
		g := b.s.groups[name]
		if !g.required {
			continue
		}
		one := bus.Group{Name: name}
		for _, rec := range b.s.order {
			if g.next[partOf(rec.Room)] <= rec.index {
				one.Unread = rec.at
				break
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// Retire implements bus.Log.
func (b *Bus) Retire(ctx context.Context, name string) error {
	g, err := b.enterGroup(ctx, "Retire", name)
	if err != nil {
		return err
	}
	defer b.s.mu.Unlock()
	if g.members > 0 {
		return bus.ErrInUse
	}
	delete(b.s.groups, name)
	return nil
}
