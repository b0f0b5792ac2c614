package follow_test

import (
	"errors"
	"testing"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
)

func TestHeads(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		e := b.m.append("r")
		heads, err := b.e.Heads(b.t.Context(), []string{"r", "empty"})
		if err != nil || len(heads) != 2 || heads[0].Seq != e.Seq || heads[1].Seq != 0 {
			t.Errorf("%+v, %v", heads, err)
		}
		_, before := b.m.counts()
		if heads, err := b.e.Heads(b.t.Context(), nil); err != nil || len(heads) != 0 {
			t.Errorf("of no room: %+v, %v", heads, err)
		}
		if _, err := b.e.Heads(b.t.Context(), []string{"r", "a.b"}); !errors.Is(err, driver.ErrBadName) {
			t.Errorf("of a bad name: %v", err)
		}
		if _, err := b.e.Heads(b.t.Context(), make([]string, 1001)); err == nil {
			t.Error("of too many rooms")
		}
		many := make([]string, 1001)
		for i := range many {
			many[i] = "r"
		}
		if _, err := b.e.Heads(b.t.Context(), many); err == nil {
			t.Error("of too many rooms")
		}
		if _, after := b.m.counts(); after != before {
			t.Error("the driver is asked")
		}
		if heads, err := b.e.Heads(b.t.Context(), many[1:]); err != nil || len(heads) != 1000 {
			t.Errorf("of as many as there may be: %d, %v", len(heads), err)
		}
	})
}

// stopper stops another watcher when it is told of something.
type stopper struct {
	watcher
	stop func()
}

func (s *stopper) Hint(room string, seq uint64) {
	s.watcher.Hint(room, seq)
	s.stop()
}

// TestWatchers: all are told, and one that was stopped is not, also if it was while the others are
// being told.
func TestWatchers(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		var last watcher
		first := stopper{stop: func() {}}
		if _, err := b.e.Watch(b.t.Context(), &first); err != nil {
			t.Fatal(err)
		}
		sub, err := b.e.Watch(b.t.Context(), &last)
		if err != nil {
			t.Fatal(err)
		}
		b.e.Deliver(driver.Entry{Room: "u-ann", Seq: 7})
		first.stop = sub.Stop
		b.e.Deliver(driver.Entry{Room: "u-ann", Seq: 8})
		if len(first.hints) != 2 || len(last.hints) != 1 {
			t.Errorf("told of %v and %v", first.hints, last.hints)
		}
	})
}
