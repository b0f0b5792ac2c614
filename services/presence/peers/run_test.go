package peers

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
)

// channel is a bus with one channel, which reaches all that listen at once; down is what every call
// returns instead.
type channel struct {
	bus.Interface
	mu     sync.Mutex
	down   error
	listen map[*listener]func([]byte)
	said   []sign
	at     []time.Duration
	began  time.Time
}

type listener struct{ c *channel }

func (l *listener) Stop() {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	delete(l.c.listen, l)
}

// Subscribe implements bus.Live.
func (c *channel) Subscribe(_ context.Context, name string, handle func([]byte)) (bus.Subscription, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down != nil || name != Channel {
		return nil, c.down
	}
	l := &listener{c}
	c.listen[l] = handle
	return l, nil
}

// Publish implements bus.Live.
func (c *channel) Publish(_ string, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down != nil {
		return c.down
	}
	var s sign
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	c.said, c.at = append(c.said, s), append(c.at, time.Since(c.began))
	for _, handle := range c.listen {
		handle(data)
	}
	return nil
}

func (c *channel) set(down error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

// TestRun follows replicas through their lives: they take over from one that goes, and from one
// that is silent, listen as soon as the bus lets them, and end when it is closed.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &channel{listen: map[*listener]func([]byte){}, began: time.Now()}
		cfg := Config{Every: time.Second, Expiry: 3 * time.Second}
		var mute sync.Map // those that cannot speak for all, by id
		all := map[string]*Peers{}
		stop := map[string]func() error{}
		start := func(id string) {
			p := New(cfg, c, zap.NewNop(), func() bool {
				_, is := mute.Load(id)
				return !is
			})
			p.id = id
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- p.Run(ctx) }()
			all[id], stop[id] = p, func() error { cancel(); return <-ended }
			synctest.Wait()
		}
		wait := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		want := func(what, first string, count int) {
			t.Helper()
			for id, p := range all {
				if p.First() != (id == first) || p.Count() != count || !p.Hears() {
					t.Errorf("%s: %s takes itself for the first: %v, of %d, hears %v", what, id, p.First(), p.Count(), p.Hears())
				}
			}
		}
		start("b")
		if !all["b"].Hears() {
			t.Error("it does not hear its own first sign")
		}
		start("a")
		start("c")
		wait(time.Second)
		want("with all three", "a", 3)
		mute.Store("a", true)
		wait(2 * time.Second) // with its next sign
		want("when the first cannot speak", "b", 3)
		mute.Delete("a")
		wait(2 * time.Second)
		want("when it can again", "a", 3)

		// One goes in order: the others know at once, and it is not heard any more.
		if err := stop["a"](); err != nil {
			t.Error(err)
		}
		delete(all, "a")
		want("when the first has gone", "b", 2)
		if len(c.listen) != 2 {
			t.Errorf("%d listen", len(c.listen))
		}

		// While the bus is away nobody hears anything, and it is tried again.
		c.set(bus.ErrUnavailable)
		wait(cfg.Expiry)
		for id, p := range all {
			if p.Hears() || p.Count() != 1 || len(p.others) != 0 {
				t.Errorf("%s hears without a bus, or counts %d and keeps %v", id, p.Count(), p.others)
			}
		}
		start("d")
		wait(2 * time.Second)
		c.set(nil)
		wait(2 * time.Second)
		want("when the bus is back, also for one that came meanwhile", "b", 3)

		c.mu.Lock()
		c.said, c.at, c.began = nil, nil, time.Now()
		c.mu.Unlock()
		wait(10 * time.Second)
		c.mu.Lock()
		if n := len(c.said); n != 30 {
			t.Errorf("%d signs of three replicas in 10 s, want one a second of each", n)
		}
		c.mu.Unlock()
		for id := range all {
			if err := stop[id](); err != nil {
				t.Error(err)
			}
		}
		byes := 0
		for _, s := range c.said {
			if s.Bye {
				byes++
			}
		}
		if byes != 3 || len(c.listen) != 0 {
			t.Errorf("%d said goodbye, %d listen", byes, len(c.listen))
		}
	})
}

// TestClosed: a replica whose bus is closed ends, unless it was to end anyway.
func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &channel{listen: map[*listener]func([]byte){}, down: bus.ErrClosed}
		p := New(Config{Every: time.Second, Expiry: 3 * time.Second}, c, zap.NewNop(), func() bool { return true })
		if err := p.Run(t.Context()); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("Run returned %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Run(ctx); err != nil {
			t.Errorf("Run returned %v after its end", err)
		}
	})
}
