package follow_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
)

// nth makes the n-th of the next calls of Subscribe and Heads fail, the first being 1.
func (m *model) nth(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n == 1 {
		m.failing = 1
		return
	}
	m.asking = func() { m.nth(n - 1) }
}

// TestJoinIsTriedAgain: whichever call of a join fails, the room is live when Follow returns, and
// nothing has to be read from the log.
func TestJoinIsTriedAgain(t *testing.T) {
	for i, call := range []string{"subscribe", "heads"} {
		t.Run(call, func(t *testing.T) {
			run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
				b.m.append("r")
				b.m.nth(i + 1)
				f, s := b.follow("r")
				defer s.Stop()
				if !b.m.subscribed("r") {
					t.Error("the room is followed without a subscription")
				}
				if head, _, _ := f.seen(); head != b.m.end() {
					t.Errorf("it is followed from %d on, the log ends at %d", head, b.m.end())
				}
				b.e.Deliver(b.m.append("r"))
				b.has(f, "r")
				if replays, _ := b.m.counts(); replays != 0 {
					t.Errorf("the log was read %d times", replays)
				}
			})
		})
	}
}

// TestComparisonIsTriedAgain: a comparison that fails is made again soon, not when the next one is
// due, and for the rooms that it was for.
func TestComparisonIsTriedAgain(t *testing.T) {
	for name, fail := range map[string]func(m *model){
		"heads":           func(m *model) { m.fail(1) },
		"heads, twice":    func(m *model) { m.fail(2) },
		"too few answers": func(m *model) { m.mu.Lock(); m.short = 1; m.mu.Unlock() },
	} {
		for _, all := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
					f, s := b.follow("r")
					defer s.Stop()
					b.m.append("r") // and no hint of it
					fail(b.m)
					if all {
						b.e.Suspect("of a test")
					} else {
						b.e.SuspectRooms("of a test", "r", "of nobody")
					}
					time.Sleep(10 * time.Second)
					b.has(f, "r")
				})
			})
		}
	}
}

// TestFillIsTriedAgain: a read of the log that fails is made again soon, and what came meanwhile is
// delivered after what it brings.
func TestFillIsTriedAgain(t *testing.T) {
	for fails := range 4 {
		run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
			f, s := b.follow("r")
			defer s.Stop()
			b.m.append("r")
			b.m.fail(fails)
			b.e.Deliver(b.m.append("r"))
			synctest.Wait()
			b.e.Deliver(b.m.append("r"))
			time.Sleep(10 * time.Second)
			b.has(f, "r")
		})
	}
}

// TestWatchThatFailed: who could not be subscribed is told of nothing, and whoever is, is told of
// what is personal alone.
func TestWatchThatFailed(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		b.m.fail(1)
		var w, other watcher
		if sub, err := b.e.Watch(t.Context(), &w); !errors.Is(err, errModel) || sub != nil {
			t.Errorf("%v, %v", sub, err)
		}
		sub, err := b.e.Watch(t.Context(), &other)
		if err != nil {
			t.Fatal(err)
		}
		b.e.Deliver(driver.Entry{Room: "u-ann", Seq: 7})
		if len(w.hints) != 0 || len(other.hints) != 1 {
			t.Errorf("told of %v and %v", w.hints, other.hints)
		}
		sub.Stop()
		sub.Stop() // may be called twice
	})
}

// TestHeldBackIsBounded: what all rooms hold back together is bounded in bytes, and given back when
// it was delivered, so that the bound is as good after a thousand gaps as after one.
func TestHeldBackIsBounded(t *testing.T) {
	run(t, follow.Options{HoldBytes: 20, HoldBack: 1000, CompareEvery: time.Hour}, func(b *bench) {
		f, s := b.follow("r")
		defer s.Stop()
		for range 20 { // each holds back one or two bytes
			b.m.append("r")
			b.e.Deliver(b.m.append("r"))
			b.has(f, "r")
		}
		if n := b.count("overflows_total"); n != 0 {
			t.Errorf("%v overflows, though all was delivered in between", n)
		}
		b.m.fail(50) // so that the room goes on being filled, whoever tries it
		b.m.append("r")
		for range 30 {
			b.e.Deliver(b.m.append("r"))
		}
		synctest.Wait()
		if n := b.count("overflows_total"); n == 0 {
			t.Error("60 bytes were held back, of 20")
		}
		time.Sleep(10 * time.Minute)
		b.has(f, "r")
	})
}
