package follow_test

import (
	"errors"
	"testing"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
)

type watcher struct {
	hints    []uint64
	suspects int
}

func (w *watcher) Hint(_ string, seq uint64) { w.hints = append(w.hints, seq) }
func (w *watcher) Suspect()                  { w.suspects++ }

func TestWatch(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		b.m.failing = 1
		if _, err := b.e.Watch(t.Context(), &watcher{}); !errors.Is(err, errModel) {
			t.Errorf("the driver cannot subscribe: %v", err)
		}
		var w watcher
		sub, err := b.e.Watch(t.Context(), &w)
		if err != nil {
			t.Fatal(err)
		}
		b.e.Deliver(driver.Entry{Room: "u-ann", Seq: 7})
		b.e.Deliver(driver.Entry{Room: "lobby", Seq: 8})
		b.e.Suspect("of a test")
		b.e.SuspectRooms("of a test", "lobby")
		sub.Stop()
		b.e.Deliver(driver.Entry{Room: "u-ann", Seq: 9})
		b.e.Suspect("of a test")
		if len(w.hints) != 1 || w.hints[0] != 7 || w.suspects != 1 {
			t.Errorf("a watcher was told of %v, and %d times that hints may be lost", w.hints, w.suspects)
		}
	})
}

func TestHintsAllocateNothing(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		w := watcher{hints: make([]uint64, 0, 10_000)}
		if _, err := b.e.Watch(t.Context(), &w); err != nil {
			t.Fatal(err)
		}
		e := driver.Entry{Room: "u-ann", Seq: 7}
		if n := testing.AllocsPerRun(100, func() { b.e.Deliver(e) }); n != 0 {
			t.Errorf("%v allocations for a hint that somebody watches", n)
		}
	})
}
