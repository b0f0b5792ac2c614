package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/bus"
)

// consumer is a member of a group that records what it gets.
type consumer struct {
	t      testing.TB
	fail   func(batch []bus.Entry) error // nil: no failures
	shared *hands

	cancel context.CancelFunc
	ended  chan struct{}

	mu  sync.Mutex
	got []bus.Entry // in the order of delivery, repeats included
}

// hands checks that no two members have entries of one room in hand.
type hands struct {
	mu    sync.Mutex
	rooms map[string]*consumer
}

func (h *hands) receive(c *consumer, batch []bus.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range batch {
		if o := h.rooms[e.Room]; o != nil && o != c {
			c.t.Errorf("room %s is handed to two members at the same time", e.Room)
		}
		h.rooms[e.Room] = c
	}
}

func (h *hands) give(batch []bus.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range batch {
		delete(h.rooms, e.Room)
	}
}

// consume starts a member that ends with the test.
func consume(t testing.TB, b bus.Log, group string, c *consumer) *consumer {
	if c == nil {
		c = &consumer{}
	}
	c.t = t
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		if err := b.Consume(ctx, group, c.handle); err != nil && !errors.Is(err, bus.ErrClosed) {
			t.Errorf("consume: %v", err)
		}
	}()
	t.Cleanup(c.stop)
	return c
}

func (c *consumer) stop() {
	c.cancel()
	<-c.ended
}

func (c *consumer) handle(_ context.Context, batch []bus.Entry) error {
	if c.shared != nil {
		c.shared.receive(c, batch)
		defer c.shared.give(batch)
	}
	if c.fail != nil {
		if err := c.fail(batch); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, batch...)
	return nil
}

// all returns the entries in the order of delivery.
func (c *consumer) all() []bus.Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

// room returns the entries of a room, without repeats.
func (c *consumer) room(room string) []bus.Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []bus.Entry
	for _, e := range c.got {
		if e.Room == room && !slices.ContainsFunc(out, func(o bus.Entry) bool { return o.Seq == e.Seq }) {
			out = append(out, e)
		}
	}
	return out
}

// has waits until the consumer has the room's whole log, and checks it.
func (c *consumer) has(t testing.TB, room string, log []bus.Entry) {
	t.Helper()
	var want []bus.Entry
	for _, e := range log {
		e.Prev = 0
		want = append(want, e)
	}
	eventually(t, fmt.Sprintf("%d entries of %s are consumed", len(want), room), func() bool { return len(c.room(room)) >= len(want) })
	if diff := cmp.Diff(want, c.room(room)); diff != "" {
		t.Errorf("room %s, log (-) and consumed (+):\n%s", room, diff)
	}
}

func bySeq(a, b bus.Entry) int {
	switch {
	case a.Seq < b.Seq:
		return -1
	case a.Seq > b.Seq:
		return 1
	}
	return 0
}

func distinct(lists ...[]bus.Entry) int {
	seqs := make(map[uint64]bool)
	for _, l := range lists {
		for _, e := range l {
			seqs[e.Seq] = true
		}
	}
	return len(seqs)
}
