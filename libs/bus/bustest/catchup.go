package bustest

import (
	"context"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
)

// checkConsumeCatchesUp waits for a group that holds the log up, while others go on appending.
func checkConsumeCatchesUp(t *testing.T, s *suite) {
	b := s.opener(t, Retention{})(t)
	if err := b.CatchUp(within(t), "group"); err != nil {
		t.Errorf("an empty log: %v", err)
	}
	acked := make(map[string][]bus.Entry)
	for range 10 {
		room := name("room")
		acked[room] = fill(t, b, room, 3)
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := b.CatchUp(soon, "group"); err == nil {
		t.Error("a group without members has consumed everything")
	}
	var read sync.Map // by id
	let := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() {
		done <- b.Consume(ctx, "group", func(ctx context.Context, batch []bus.Entry) error {
			select {
			case <-let:
			case <-ctx.Done():
			}
			for _, e := range batch {
				read.Store(e.ID, true)
			}
			return nil
		})
	}()
	caught := make(chan error, 1)
	go func() { caught <- b.CatchUp(within(t), "group") }()
	more := name("room")
	for range 20 { // CatchUp must not wait for these
		fill(t, b, more, 1)
	}
	select {
	case err := <-caught:
		t.Errorf("it has caught up with what nobody has handled: %v", err)
		caught <- err
	default:
	}
	close(let)
	if err := <-caught; err != nil {
		t.Fatal(err)
	}
	for room, log := range acked {
		for _, e := range log {
			if _, ok := read.Load(e.ID); !ok {
				t.Errorf("entry %d of %s was not consumed when the group had caught up", e.Seq, room)
			}
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
