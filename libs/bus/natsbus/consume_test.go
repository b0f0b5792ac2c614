package natsbus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsbus"
)

// group runs members of one consumer group and checks what the contract promises of them together.
type group struct {
	t    *testing.T
	name string

	mu     sync.Mutex
	last   map[string]uint64 // by room
	busy   map[string]int    // rooms in a handler's hands, by member
	ids    map[string]int    // how often each was handed over
	by     map[int]int       // entries, by member
	strict bool              // nothing may be handed over twice
}

func newGroup(t *testing.T, name string) *group {
	return &group{t: t, name: name, last: make(map[string]uint64), busy: make(map[string]int), ids: make(map[string]int), by: make(map[int]int), strict: true}
}

// join adds a member; stop ends it.
func (g *group) join(b bus.Log, number int) (stop func()) {
	ctx, cancel := context.WithCancel(g.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, g.name, func(_ context.Context, batch []bus.Entry) error {
			g.enter(number, batch)
			time.Sleep(time.Millisecond) // so that two members would meet
			g.leave(batch)
			return nil
		})
	}()
	return func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, bus.ErrClosed) {
			g.t.Error(err)
		}
	}
}

func (g *group) enter(number int, batch []bus.Entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range batch {
		if other, ok := g.busy[e.Room]; ok && other != number && g.strict {
			g.t.Errorf("room %s is in the hands of two members", e.Room)
		}
		if e.Seq <= g.last[e.Room] && g.strict {
			g.t.Errorf("room %s: %d after %d", e.Room, e.Seq, g.last[e.Room])
		}
		g.busy[e.Room] = number
		g.last[e.Room] = max(g.last[e.Room], e.Seq)
		g.ids[e.Room+e.ID]++
		g.by[number]++
	}
}

func (g *group) leave(batch []bus.Entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range batch {
		delete(g.busy, e.Room)
	}
}

func (g *group) count() (entries int, members int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.ids), len(g.by)
}

func TestMembersShareTheLog(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	cfg := natsbus.Config{MemberEvery: 20 * time.Millisecond}
	b1, b2, b3 := box.open(cfg), box.open(cfg), box.open(cfg)
	g := newGroup(t, "history")
	stop1 := g.join(b1, 1)
	stop2 := g.join(b2, 2)
	appended := 0
	more := func() {
		for i := range 32 {
			appended++
			mustAppend(t, b3, entry(fmt.Sprint("room", i), appended))
		}
	}
	eventually(t, "both members get entries", func() bool {
		more()
		_, members := g.count()
		return members == 2
	})
	stop1() // it gives its partitions up, and the other goes on
	more()
	eventually(t, "the other one has everything", func() bool { n, _ := g.count(); return n == appended })
	stop2()

	stop3 := g.join(b3, 3) // goes on where they ended
	more()
	eventually(t, "the third one has the rest", func() bool { n, _ := g.count(); return n == appended })
	stop3()
}

// TestDeadMember cuts a member off without a farewell.
func TestDeadMember(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	cfg := natsbus.Config{MemberEvery: 20 * time.Millisecond}
	g := newGroup(t, "history")
	g.strict = false // what it had in hand comes again
	dead := newProxy(t, box)
	b1, err := natsbus.Open(t.Context(), natsbus.Config{InProcess: dead, MemberEvery: cfg.MemberEvery}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	stop1 := g.join(b1, 1)
	b2 := box.open(cfg)
	for i := range 32 {
		mustAppend(t, b2, entry(fmt.Sprint("room", i), i))
	}
	eventually(t, "it reads", func() bool { n, _ := g.count(); return n == 32 })
	dead.cut()
	stop2 := g.join(b2, 2)
	for i := range 32 {
		mustAppend(t, b2, entry(fmt.Sprint("room", i), 100+i))
	}
	eventually(t, "another has taken over", func() bool { n, _ := g.count(); return n == 64 })
	stop2()
	stop1()
	if err := b1.Close(); err != nil {
		t.Error(err)
	}
}

func TestPoison(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	b := box.open(natsbus.Config{Partitions: 1})
	for i := range 6 {
		mustAppend(t, b, entry("room", i))
	}
	var mu sync.Mutex
	var handled []string
	storeIsDown := 3
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, "history", func(_ context.Context, batch []bus.Entry) error {
			mu.Lock()
			defer mu.Unlock()
			if storeIsDown > 0 {
				storeIsDown--
				return fmt.Errorf("store: %w", bus.ErrRetry)
			}
			for _, e := range batch {
				if e.ID == "id2" || e.ID == "id4" {
					return errors.New("cannot read \"this\"\nentry")
				}
			}
			for _, e := range batch {
				handled = append(handled, e.ID)
			}
			return nil
		})
	}()
	eventually(t, "the rest is handled", func() bool { mu.Lock(); defer mu.Unlock(); return len(handled) == 4 })
	if !slices.Equal(handled, []string{"id0", "id1", "id3", "id5"}) {
		t.Errorf("handled %v", handled)
	}
	mustAppend(t, b, entry("room", 6))
	eventually(t, "and what comes later", func() bool { mu.Lock(); defer mu.Unlock(); return len(handled) == 5 })
	letters, err := b.DeadLetters(within(t), "history", 10)
	if err != nil || len(letters) != 2 {
		t.Fatalf("%d dead letters, %v", len(letters), err)
	}
	d := letters[1]
	if d.Entry.ID != "id4" || d.Entry.Sender != "sender" || string(d.Entry.Data) != "data 4" || d.Entry.Room != "room" || d.Entry.Seq == 0 ||
		d.Reason != "cannot read \"this\"\nentry" || d.At.IsZero() {
		t.Errorf("dead letter %+v", d)
	}
	if letters, err = b.DeadLetters(within(t), "history", 1); err != nil || len(letters) != 1 || letters[0].Entry.ID != "id2" {
		t.Errorf("the oldest dead letter: %+v, %v", letters, err)
	}
	if letters, err = b.DeadLetters(within(t), "other", 10); err != nil || len(letters) != 0 {
		t.Errorf("another group's dead letters: %+v, %v", letters, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
