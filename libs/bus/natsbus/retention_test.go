package natsbus_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsbus"
)

func isUnavailable(err error) bool { return errors.Is(err, bus.ErrUnavailable) }

// consume counts what a group gets until stop is called.
func consume(t *testing.T, b bus.Log, group string) (count *atomic.Int64, stop func()) {
	t.Helper()
	count = new(atomic.Int64)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, group, func(_ context.Context, batch []bus.Entry) error {
			count.Add(int64(len(batch)))
			return nil
		})
	}()
	return count, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestFullLog fills the log while a required group reads nothing: it refuses more, and goes on when
// the group has read.
func TestFullLog(t *testing.T) {
	box := newBox(t)
	b := box.open(natsbus.Config{Groups: []string{"history", "search"}, MaxBytes: 2 << 20, TrimEvery: 20 * time.Millisecond})
	read, stop := consume(t, b, "search") // one of two
	defer stop()
	e := entry("room", 0)
	e.Data = make([]byte, 10_000)
	appended := 0
	var err error
	for ; appended < 1000 && err == nil; appended++ {
		e.ID = fmt.Sprint("id", appended)
		_, err = bus.Append(within(t), b, e)
	}
	appended--
	if !errors.Is(err, bus.ErrFull) {
		t.Fatalf("after %d entries: %v", appended, err)
	}
	if got := len(readAll(t, b, "room")); got != appended {
		t.Errorf("the log has %d of the %d entries that nobody has read", got, appended)
	}
	eventually(t, "the other group has read everything", func() bool { return read.Load() == int64(appended) })
	if _, err := bus.Append(within(t), b, e); !errors.Is(err, bus.ErrFull) {
		t.Fatalf("one group of two has read: %v", err)
	}
	first := readAll(t, b, "room")[0]

	read, stop2 := consume(t, b, "history")
	defer stop2()
	eventually(t, "there is room again", func() bool {
		_, err := bus.Append(within(t), b, e)
		return err == nil
	})
	eventually(t, "everything was consumed", func() bool { return read.Load() == int64(appended)+1 })
	rep, err := b.Replay(within(t), "room", bus.Position{Seq: first.Seq, ID: first.ID}, 10)
	if err != nil || !rep.Truncated || rep.Rewound {
		t.Errorf("replay from before the log's beginning: truncated %v, rewound %v, %v", rep.Truncated, rep.Rewound, err)
	}
}

func TestOldEntriesAreTrimmed(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	b := box.open(natsbus.Config{MaxAge: 50 * time.Millisecond, TrimEvery: 20 * time.Millisecond})
	r := followRoom(t, b, "quiet")
	mustAppend(t, b, entry("quiet", 0))
	eventually(t, "the entry is gone", func() bool { return len(readAll(t, b, "quiet")) == 0 })
	rep, err := b.Replay(within(t), "quiet", bus.Position{}, 10)
	if err != nil || !rep.Truncated {
		t.Errorf("replay from the start: %+v, %v", rep, err)
	}
	// The room's next entry names no predecessor, and nothing was lost for those who follow.
	mustAppend(t, b, entry("quiet", 1))
	eventually(t, "the follower has both", func() bool { return len(r.ids()) == 2 })
	r.quiet(t)
}
