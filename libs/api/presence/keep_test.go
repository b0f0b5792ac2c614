package presence

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// TestClosedTally: after the goodbye nothing more is told of what ends with the edge, and
// heartbeats still count.
func TestClosedTally(t *testing.T) {
	t.Parallel()
	tally := NewTally("edge", 1, nil)
	s := Session{ID: 1, User: "ann"}
	tally.Enter(s)
	tally.Goodbye()
	tally.Exit(s)
	if messages := tally.Changes(); len(messages) != 0 {
		t.Errorf("%d messages after the goodbye", len(messages))
	}
	if n, number := tally.Count(); n != 0 || number != 2 {
		t.Errorf("%d sessions after change %d", n, number)
	}
}

// ask answers a request for a snapshot and returns its first chunk.
func ask(t *testing.T, tally *Tally, req SnapshotRequest) (Chunk, error) {
	t.Helper()
	msg, err := tally.Answer(AppendSnapshotRequest(nil, req))
	if err != nil {
		return Chunk{}, err
	}
	c, err := DecodeChunk(msg, "edge", 1)
	if err != nil {
		t.Fatal(err)
	}
	return c, nil
}

// TestSnapshotIsNewEnough: a request is answered with a snapshot that includes the change it names,
// one that is kept if that will do; a change that there is not yet is refused.
func TestSnapshotIsNewEnough(t *testing.T) {
	t.Parallel()
	sessions := 0
	tally := NewTally("edge", 1, func(yield func(Session) bool) {
		for i := range sessions {
			yield(Session{ID: uint64(i), User: "ann"})
		}
	})
	taken := 0
	tally.took = func() { taken++ }
	for _, tt := range []struct {
		enter, min, taken int
		from              uint64
		refused           bool
	}{
		{0, 0, 1, 0, false}, {0, 0, 1, 0, false}, {1, 0, 1, 0, false}, {0, 1, 2, 1, false}, {0, 1, 2, 1, false}, {0, 0, 2, 1, false},
		{0, 2, 2, 0, true}, {1, 2, 3, 2, false}, {0, 1, 3, 2, false},
	} {
		for range tt.enter {
			sessions++
			tally.Enter(Session{ID: uint64(sessions - 1), User: "ann"})
		}
		c, err := ask(t, tally, SnapshotRequest{Min: uint64(tt.min)})
		if e, _ := errors.AsType[*bus.Error](err); (e != nil) != tt.refused || tt.refused && e.Code != chat.CodeBadRequest || c.From != tt.from || taken != tt.taken {
			t.Errorf("%+v: from %d, %d taken, %v", tt, c.From, taken, err)
		}
	}
}

// TestSnapshotIsKept: whoever reads a snapshot can go on with it as long as it is asked for, and
// then it is forgotten.
func TestSnapshotIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tally := NewTally("edge", 1, func(yield func(Session) bool) { yield(Session{ID: 1, User: "ann"}) })
		c, err := ask(t, tally, SnapshotRequest{})
		if err != nil {
			t.Fatal(err)
		}
		again := SnapshotRequest{ID: c.ID}
		for range 3 {
			time.Sleep(keepSnapshot)
			tally.served.forget(time.Now())
			if c, err := ask(t, tally, again); err != nil || c.ID != again.ID {
				t.Errorf("within the time: %+v, %v", c, err)
			}
		}
		time.Sleep(keepSnapshot + time.Millisecond)
		tally.served.forget(time.Now())
		if _, err := ask(t, tally, again); err == nil {
			t.Error("it is kept for ever")
		} else if e, ok := errors.AsType[*bus.Error](err); !ok || e.Code != chat.CodeNotFound {
			t.Errorf("too late: %v", err)
		}
		if c, err := ask(t, tally, SnapshotRequest{}); err != nil || c.ID == again.ID {
			t.Errorf("a new one: %+v, %v", c, err)
		}
		if _, err := ask(t, tally, SnapshotRequest{ID: 99}); err == nil {
			t.Error("a snapshot that there never was is answered")
		}
	})
}

// calls is a bus that notes what a reporter calls, and when.
type calls struct {
	bus.Interface
	mu     sync.Mutex
	began  time.Time
	made   []string
	serves int // calls of Serve that fail
	fail   error
}

func (c *calls) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = append(c.made, time.Since(c.began).String()+" "+what)
}

func (c *calls) drain() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	made := c.made
	c.made = nil
	return made
}

// Publish implements bus.Live.
func (c *calls) Publish(_ string, data []byte) error {
	r, err := DecodeReport(data)
	switch {
	case err != nil:
		return err
	case r.Goodbye:
		c.note("goodbye")
	case r.Heartbeat != nil:
		c.note("heartbeat")
	default:
		c.note("changes")
	}
	return c.fail
}

// Probe implements bus.Interface.
func (c *calls) Probe(context.Context) error { c.note("probe"); return c.fail }

// Serve implements bus.RPC.
func (c *calls) Serve(context.Context, string, func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.serves--; c.serves >= 0 {
		return nil, bus.ErrUnavailable
	}
	return c, nil
}

// Stop implements bus.Subscription.
func (c *calls) Stop() {}

// TestReporterTells: changes are told soon and a full batch at once, heartbeats at their time, and
// the end waits until the bus has taken the goodbye.
func TestReporterTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &calls{began: time.Now(), serves: 2}
		r := NewReporter(c, ReporterConfig{Edge: "e1", Log: zap.NewNop(), Flush: 300 * time.Millisecond, Heartbeat: 5 * time.Second}, func(func(Session) bool) {})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		want := func(what string, calls ...string) {
			t.Helper()
			got := c.drain()
			if len(got) != len(calls) {
				t.Errorf("%s: %v, want %v", what, got, calls)
				return
			}
			for i := range calls {
				if got[i] != calls[i] {
					t.Errorf("%s: %v, want %v", what, got, calls)
				}
			}
		}
		want("at the start", "0s heartbeat")
		time.Sleep(time.Second)
		want("nothing changes")
		r.Enter(Session{ID: 1, User: "ann"})
		time.Sleep(300 * time.Millisecond)
		want("a change", "1.2s changes")
		for range 2 * batchBytes / 20 {
			r.Join(1, "ann", "a-room-whose-name-is-long")
		}
		for i, got := range append(c.drain(), "") {
			if (i > 0) != (got == "") && got != "1.3s changes" {
				t.Errorf("very many changes: call %d is %q", i, got)
			}
		}
		r.Leave(1, "ann", "a-room-whose-name-is-long")
		time.Sleep(4 * time.Second)
		want("what was left, and the heartbeat", "1.5s changes", "5s heartbeat")
		// A snapshot that nobody asks for is forgotten meanwhile.
		if _, err := r.Answer(AppendSnapshotRequest(nil, SnapshotRequest{})); err != nil {
			t.Error(err)
		}
		time.Sleep(keepSnapshot + time.Second)
		c.drain()
		if len(r.served.kept) != 0 {
			t.Error("a snapshot that nobody asks for is kept")
		}
		c.mu.Lock()
		if c.serves >= 0 {
			t.Error("it was not tried again to answer replicas")
		}
		c.began = time.Now()
		c.mu.Unlock()
		r.Join(1, "ann", "another")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want("at the end", "0s goodbye", "0s probe")
	})
}
