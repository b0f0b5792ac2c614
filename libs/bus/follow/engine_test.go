package follow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/chat"
)

// bench is an engine over a model, in a bubble of synthetic time: settle returns when nothing can
// happen any more without a new event.
type bench struct {
	t   *testing.T
	m   *model
	e   *follow.Engine
	reg *prometheus.Registry
}

// count returns the value of a counter.
func (b *bench) count(name string) float64 {
	b.t.Helper()
	all, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == "hubbub_bus_follow_"+name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	b.t.Fatal("no metric ", name)
	return 0
}

func run(t *testing.T, opts follow.Options, test func(b *bench)) {
	opts.Personal = chat.IsUserRoom
	synctest.Test(t, func(t *testing.T) {
		m := newModel()
		reg := prometheus.NewRegistry()
		opts.Metrics = reg
		e := follow.New(m, opts)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = e.Run(ctx)
		}()
		test(&bench{t, m, e, reg})
		cancel()
		<-done
	})
}

func (b *bench) follow(room string) (*follower, driver.Subscription) {
	b.t.Helper()
	f := &follower{t: b.t}
	head, s, err := b.e.Follow(b.t.Context(), room, f)
	if err != nil {
		b.t.Fatal(err)
	}
	f.joined(head)
	return f, s
}

// has checks that the follower got the room's log from its head on.
func (b *bench) has(f *follower, room string) {
	b.t.Helper()
	synctest.Wait()
	head, got, _ := f.seen()
	if diff := cmp.Diff(after(b.m.log(room), head), strip(got)); diff != "" {
		b.t.Errorf("room %s, log (-) and follower (+):\n%s", room, diff)
	}
}

// after returns the entries after a Seq, without the Prev, which the follower itself checks.
func after(log []driver.Entry, seq uint64) []driver.Entry {
	var out []driver.Entry
	for _, e := range log {
		if e.Seq > seq {
			out = append(out, e)
		}
	}
	return strip(out)
}

func strip(entries []driver.Entry) []driver.Entry {
	for i := range entries {
		entries[i].Prev = 0
	}
	return entries
}

func TestHints(t *testing.T) {
	tests := []struct {
		name    string
		hints   func(a, b, c driver.Entry) []driver.Entry
		replays int // reads of the log that it takes
	}{
		{"in order", func(a, b, c driver.Entry) []driver.Entry { return []driver.Entry{a, b, c} }, 0},
		{"repeated", func(a, b, c driver.Entry) []driver.Entry { return []driver.Entry{a, a, b, a, b, c, c, a} }, 0},
		{"first lost", func(a, b, c driver.Entry) []driver.Entry { return []driver.Entry{b, c} }, 1},
		{"middle lost", func(a, b, c driver.Entry) []driver.Entry { return []driver.Entry{a, c} }, 1},
		{"reversed", func(a, b, c driver.Entry) []driver.Entry { return []driver.Entry{c, b, a} }, 1},
		{"prev unknown", func(a, b, c driver.Entry) []driver.Entry { a.Prev = 0; return []driver.Entry{a, b, c} }, 1},
		{"prev too old", func(a, b, c driver.Entry) []driver.Entry { c.Prev = a.Seq; return []driver.Entry{a, b, c} }, 1},
		{"an id that was at another place", func(a, b, c driver.Entry) []driver.Entry {
			x := b
			x.ID = a.ID
			return []driver.Entry{a, b, c, x, x}
		}, 1},
		{"only told of, without content", func(a, b, c driver.Entry) []driver.Entry {
			return []driver.Entry{{Room: c.Room, Seq: c.Seq}}
		}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, follow.Options{}, func(b *bench) {
				b.m.append("r")
				f, _ := b.follow("r")
				for _, h := range tt.hints(b.m.append("r"), b.m.append("r"), b.m.append("r")) {
					b.e.Deliver(h)
				}
				b.has(f, "r")
				if n, _ := b.m.counts(); n != tt.replays {
					t.Errorf("%d reads of the log, want %d", n, tt.replays)
				}
			})
		})
	}
}

func TestLostTailIsFoundByCompare(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		f, _ := b.follow("r")
		b.m.append("r")
		synctest.Wait()
		if _, got, _ := f.seen(); len(got) != 0 {
			t.Fatal("an entry that nobody delivered")
		}
		time.Sleep(31 * time.Second) // by itself
		b.has(f, "r")
		b.m.append("r")
		b.e.Suspect("test")
		b.has(f, "r")
		b.m.append("r")
		b.e.SuspectRooms("test", "r", "unknown")
		b.has(f, "r")
	})
}

// TestDeafSubscriptionIsRenewed: a subscription that the server has silently ended, or never began,
// is made again.
func TestDeafSubscriptionIsRenewed(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		f, _ := b.follow("r")
		other, _ := b.follow("other")
		b.m.drop("r")
		said := b.m.append("r")
		b.e.Suspect("test")
		b.has(f, "r")
		if b.m.subscribed("r") {
			t.Fatal("one lost entry is no reason to subscribe again")
		}
		b.e.Deliver(b.m.append("r")) // it was heard
		b.m.append("r")
		b.e.Suspect("test")
		synctest.Wait()
		b.m.append("r")
		b.e.Suspect("test")
		b.has(f, "r")
		if !b.m.subscribed("r") || said.Seq == 0 {
			t.Error("it is not subscribed again")
		}
		b.m.fail(1) // of the calls that follow; the one after it goes on
		b.m.drop("r")
		for range 8 {
			b.m.append("r")
			time.Sleep(31 * time.Second)
		}
		b.has(f, "r")
		b.has(other, "other")
		if !b.m.subscribed("r") || !b.m.subscribed("other") {
			t.Error("it is not subscribed again, with time")
		}
	})
}

func TestFailuresAreOutlived(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		b.m.fail(5)
		f, _ := b.follow("r") // waits until subscribing works
		b.m.append("r")
		b.m.fail(7)
		b.e.Deliver(b.m.append("r"))
		b.m.append("r")
		b.e.Suspect("test")
		time.Sleep(20 * time.Second)
		b.has(f, "r")
	})
}

func TestHintsDuringAFill(t *testing.T) {
	for _, held := range []int{1, 1000} { // less than come, and more
		run(t, follow.Options{HoldBack: held}, func(b *bench) {
			f, _ := b.follow("r")
			b.m.append("r") // lost
			b.m.during = func() {
				for range 20 {
					b.e.Deliver(b.m.append("r"))
				}
			}
			b.e.Deliver(b.m.append("r"))
			b.has(f, "r")
		})
	}
}

func TestHintsBeyondTheBytesHeldBack(t *testing.T) {
	run(t, follow.Options{HoldBytes: 1}, func(b *bench) {
		f, _ := b.follow("r")
		b.m.append("r")
		b.e.Deliver(b.m.append("r"))
		b.e.Deliver(b.m.append("r"))
		b.has(f, "r")
	})
}

func TestLongFill(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		f, _ := b.follow("r")
		b.m.limit = 7
		for range 100 {
			b.m.append("r")
		}
		b.e.Deliver(b.m.append("r"))
		b.has(f, "r")
	})
}

func TestBatchedJoins(t *testing.T) {
	run(t, follow.Options{Batch: 100}, func(b *bench) {
		const n = 300
		b.m.latency = time.Millisecond
		done := make(chan error)
		for i := range n {
			go func() {
				_, _, err := b.e.Follow(b.t.Context(), fmt.Sprint("r", i), &follower{t: t})
				done <- err
			}()
		}
		for range n {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if _, heads := b.m.counts(); heads > n/10 {
			t.Errorf("%d questions for the heads of %d rooms", heads, n)
		}
	})
}

func TestManyFollowersShareARoom(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		f1, s1 := b.follow("r")
		b.e.Deliver(b.m.append("r"))
		f2, s2 := b.follow("r")
		b.e.Deliver(b.m.append("r"))
		b.has(f1, "r")
		b.has(f2, "r")
		s1.Stop()
		s1.Stop()
		f1.stopped = true
		b.e.Deliver(b.m.append("r"))
		b.has(f2, "r")
		if !b.m.subscribed("r") {
			t.Error("unsubscribed while somebody follows")
		}
		s2.Stop()
		synctest.Wait()
		if b.m.subscribed("r") {
			t.Error("still subscribed after the last follower has gone")
		}
		b.e.Deliver(b.m.append("r"))
		f3, _ := b.follow("r")
		b.e.Deliver(b.m.append("r"))
		b.has(f3, "r")
	})
}

func TestFollowEndsWithItsContext(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		b.m.fail(1 << 30)
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
		defer cancel()
		_, _, err := b.e.Follow(ctx, "r", &follower{t: t})
		if !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errModel) {
			t.Errorf("got %v", err)
		}
		if _, _, err := b.e.Follow(b.t.Context(), "a.b", &follower{t: t}); !errors.Is(err, driver.ErrBadName) {
			t.Errorf("got %v", err)
		}
		b.m.fail(0)
		f, _ := b.follow("r") // the room that was given up can be followed
		b.e.Deliver(b.m.append("r"))
		b.has(f, "r")
	})
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel()
		e := follow.New(m, follow.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = e.Run(ctx)
		}()
		m.append("r")
		f := &follower{t: t}
		if _, _, err := e.Follow(t.Context(), "r", f); err != nil {
			t.Fatal(err)
		}
		m.fail(1 << 30)
		waiting := make(chan error)
		go func() {
			_, _, err := e.Follow(t.Context(), "r2", f)
			waiting <- err
		}()
		synctest.Wait()
		cancel()
		<-done
		f.stopped = true
		e.Deliver(m.append("r"))
		if err := <-waiting; !errors.Is(err, driver.ErrClosed) {
			t.Errorf("a waiting Follow returned %v", err)
		}
		if _, _, err := e.Follow(t.Context(), "r", f); !errors.Is(err, driver.ErrClosed) {
			t.Errorf("a later Follow returned %v", err)
		}
	})
}

func TestDeliverAllocatesNothing(t *testing.T) {
	m := newModel()
	e := follow.New(m, follow.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Run(ctx)
	}()
	m.append("r")
	if _, _, err := e.Follow(ctx, "r", discard{}); err != nil {
		t.Fatal(err)
	}
	hint := m.append("r")
	if n := testing.AllocsPerRun(1000, func() {
		e.Deliver(hint)
		hint.Prev = hint.Seq
		hint.Seq++
	}); n != 0 {
		t.Errorf("%v allocations per entry", n)
	}
	cancel()
	<-done
}

type discard struct{}

func (discard) Entry(driver.Entry)     {}
func (discard) Rewound(string, uint64) {}
func (discard) Missed(string, uint64)  {}
