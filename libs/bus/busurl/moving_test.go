package busurl_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/measure"
	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/bus/redisbus"
)

// moving is a driver made of two: the rooms move from the one that is embedded to the next while
// people talk. It has only what moving them takes.
type moving struct {
	driver.Driver
	next  driver.Driver
	moved atomic.Bool
	retry driver.Retry
}

func (m *moving) Open(ctx context.Context, h driver.Host) error {
	m.retry = driver.Retry{Life: h.Life, Attempt: func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, 3*time.Second)
	}}
	if err := m.Driver.Open(ctx, h); err != nil {
		return err
	}
	return m.next.Open(ctx, h)
}

func (m *moving) Close() {
	m.Driver.Close()
	m.next.Close()
}

func (m *moving) Retry() *driver.Retry { return &m.retry }

// move lets later appends go to the next log, above the Seqs of the one before.
func (m *moving) move(ctx context.Context, past uint64) error {
	err := m.next.Advance(ctx, past)
	m.moved.Store(err == nil)
	return err
}

func (m *moving) Append(e driver.NewEntry, done func(driver.Appended, error)) error {
	if m.moved.Load() {
		return m.next.Append(e, done)
	}
	return m.Driver.Append(e, done)
}

func (m *moving) Subscribe(ctx context.Context, rooms []string) error {
	if err := m.Driver.Subscribe(ctx, rooms); err != nil {
		return err
	}
	return m.next.Subscribe(ctx, rooms)
}

func (m *moving) Unsubscribe(rooms []string) {
	m.Driver.Unsubscribe(rooms)
	m.next.Unsubscribe(rooms)
}

func (m *moving) Heads(ctx context.Context, rooms []string) ([]driver.Head, error) {
	heads, err := m.Driver.Heads(ctx, rooms)
	if err != nil {
		return nil, err
	}
	later, err := m.next.Heads(ctx, rooms)
	for i, h := range later {
		if h.Seq > 0 {
			heads[i] = h
		}
	}
	return heads, err
}

// Replay reads the one log and then the next, which begins above it.
func (m *moving) Replay(ctx context.Context, room string, after driver.Position, limit int) (rep driver.Replayed, advanced bool, err error) {
	old, err := m.Driver.Heads(ctx, []string{room})
	if err != nil {
		return rep, false, err
	}
	if after.Seq <= old[0].Seq {
		rep, _, err = m.Driver.Replay(ctx, room, after, limit)
		if err != nil || rep.More || rep.Rewound || len(rep.Entries) == limit {
			return rep, false, err
		}
		after, limit = driver.Position{}, limit-len(rep.Entries)
	}
	rest, _, err := m.next.Replay(ctx, room, after, limit)
	if len(rest.Entries) > 0 && len(rep.Entries) > 0 {
		rest.Entries[0].Prev = rep.Entries[len(rep.Entries)-1].Seq
	}
	rest.Entries = append(rep.Entries, rest.Entries...)
	rest.Through, rest.Truncated = max(rep.Through, rest.Through), rep.Truncated
	return rest, false, err
}

// heard is a follower that keeps what it is told.
type heard struct {
	mu  sync.Mutex
	ids []string
}

func (h *heard) note(s string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids = append(h.ids, s)
}

func (h *heard) Entry(e bus.Entry)      { h.note(e.ID) }
func (h *heard) Rewound(string, uint64) { h.note("rewound") }
func (h *heard) Missed(string, uint64)  { h.note("missed") }

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ids)
}

// TestMoving: a bus made of two others is a driver, and neither of the two knows of it: a follower
// hears of every entry once and in order, whichever log has it, and so does who reads the room.
func TestMoving(t *testing.T) {
	t.Parallel()
	server, stop, err := natsembed.InProcess(t.TempDir(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	from, err := redisbus.New(redisbus.Config{URL: bustest.Redis(t).URL()}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	to, err := natsbus.New(natsbus.Config{InProcess: server}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &moving{Driver: from, next: to}
	b, err := bus.Open(t.Context(), m, bus.Options{Log: zap.NewNop(), Metrics: measure.New(nil, "moving"), TrimEvery: time.Hour, MemberEvery: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	f := &heard{}
	_, sub, err := b.Follow(t.Context(), "room", f)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop()
	var want []string
	last := uint64(0)
	say := func(n int) {
		t.Helper()
		for range n {
			id := fmt.Sprint("m", len(want))
			a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: id})
			if err != nil || a.Seq <= last {
				t.Fatalf("%+v after %d, %v", a, last, err)
			}
			want, last = append(want, id), a.Seq
		}
	}
	say(3)
	if err := m.move(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	say(3)
	for end := time.Now().Add(30 * time.Second); len(f.all()) < len(want) && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if got := f.all(); !slices.Equal(got, want) {
		t.Errorf("the follower heard of %v, want %v", got, want)
	}
	rep, err := b.Replay(t.Context(), "room", bus.Position{}, 100)
	var ids []string
	prev := uint64(0)
	for _, e := range rep.Entries {
		if ids = append(ids, e.ID); e.Prev != prev {
			t.Errorf("%s names %d as the one before, want %d", e.ID, e.Prev, prev)
		}
		prev = e.Seq
	}
	if err != nil || !slices.Equal(ids, want) || rep.Through < last {
		t.Errorf("the room is %v through %d, %v; want %v", ids, rep.Through, err, want)
	}
}
