package presence

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/natsembed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openBus(t *testing.T) bus.Interface {
	t.Helper()
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	b, err := natsbus.Open(t.Context(), natsbus.Config{Servers: s.URL()}, zap.NewNop(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// TestReporter: what several loops tell arrives without a gap, a heartbeat counts all of it, a
// snapshot can be had, and the end of Run is told.
func TestReporter(t *testing.T) {
	t.Parallel()
	b := openBus(t)
	var mu sync.Mutex
	var number, count, digest uint64
	var beats int
	gone := make(chan struct{})
	exact := make(chan struct{}, 1)
	sub, err := b.Subscribe(t.Context(), ChannelEdges, func(msg []byte) {
		mu.Lock()
		defer mu.Unlock()
		r, err := DecodeReport(msg)
		if err != nil {
			t.Error(err)
			return
		}
		switch {
		case r.Goodbye:
			close(gone)
		case r.Heartbeat != nil:
			beats++
			if r.Heartbeat.Number != number || r.Heartbeat.Count != count || r.Heartbeat.Digest != digest {
				t.Errorf("heartbeat %+v, but %d changes make %d sessions with digest %d", r.Heartbeat, number, count, digest)
			}
			if number == 4000 {
				select {
				case exact <- struct{}{}:
				default:
				}
			}
		default:
			if r.Changes.From != number {
				t.Errorf("changes after %d, want %d", r.Changes.From, number)
			}
			number = r.Changes.From + r.Changes.N
			var c Change
			if err := r.Changes.Each(&c, func(c *Change) {
				switch c.Kind {
				case Entered:
					count++
					s := received(c)
					digest += s.digest()
				case Joined:
					digest += RoomFact(c.ID, Hash(string(c.Room)))
				}
			}); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop()

	metrics := prometheus.NewRegistry()
	cfg := ReporterConfig{Edge: "edge", Log: zap.NewNop(), Metrics: metrics, Flush: 5 * time.Millisecond, Heartbeat: 20 * time.Millisecond}
	r := NewReporter(b, cfg, func(yield func(Session) bool) {
		for i := range uint64(2000) {
			if !yield(Session{ID: i, User: "ann", Rooms: []string{"a", "b"}}) {
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var loops sync.WaitGroup
	for loop := range uint64(4) {
		loops.Go(func() {
			for i := range uint64(500) {
				id := loop*500 + i
				r.Enter(Session{ID: id, User: "ann", Rooms: []string{"a"}})
				r.Join(id, "ann", "b")
			}
		})
	}
	loops.Wait()
	select {
	case <-exact:
	case <-time.After(20 * time.Second):
		t.Fatal("no heartbeat counts all changes")
	}

	sessions := 0
	req := SnapshotRequest{Min: 4000}
	for {
		k, err := FetchSnapshot(t.Context(), b, "edge", r.Incarnation(), req)
		if err != nil {
			t.Fatal(err)
		}
		var c Change
		if err := k.Each(&c, func(c *Change) { sessions++ }); err != nil {
			t.Fatal(err)
		}
		if req.ID, req.Index = k.ID, k.Index+1; req.Index == k.Chunks {
			break
		}
	}
	if sessions != 2000 {
		t.Errorf("%d sessions in the snapshot", sessions)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Error("no goodbye")
	}
	if _, err := FetchSnapshot(t.Context(), b, "edge", r.Incarnation(), req); !errors.Is(err, bus.ErrNoResponder) && !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("somebody answers for an edge that is gone: %v", err)
	}
}

// TestExitIsTold has the directory told of who leaves, but for the invisible.
func TestExitIsTold(t *testing.T) {
	t.Parallel()
	b := openBus(t)
	told := make(chan directory.Seen, 10)
	sub, err := api.Handle(t.Context(), b, directory.ServiceSaw, nil, func(_ context.Context, r directory.SawRequest) (directory.SawReply, error) {
		for _, one := range r.Seen {
			told <- one
		}
		return directory.SawReply{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop()
	r := NewReporter(b, ReporterConfig{Edge: "e1"}, func(func(Session) bool) {})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	begun := time.Now().UnixMilli()
	for i, status := range []Status{Invisible, Online} {
		s := Session{ID: uint64(i), User: "user-" + string(status), Status: status}
		r.Enter(s)
		r.Exit(s)
	}
	for i, status := range []Status{Online, Invisible} { // two sockets, one of which hid the user
		s := Session{ID: uint64(10 + i), User: "both", Status: status}
		r.Enter(s)
		r.Exit(s)
	}
	r.Saw("hiding")
	cancel() // what is left is told at the end
	if err := <-done; err != nil {
		t.Error(err)
	}
	close(told)
	all := map[string]bool{}
	for one := range told {
		if all[one.User] = true; one.At < begun {
			t.Errorf("%s was seen at %d", one.User, one.At)
		}
	}
	if len(all) != 2 || !all["user-online"] || !all["hiding"] {
		t.Errorf("told of %v", all)
	}
}

func TestReporterWantsAName(t *testing.T) {
	t.Parallel()
	if err := NewReporter(nil, ReporterConfig{Edge: "no name"}, nil).Run(t.Context()); err == nil {
		t.Error("an edge runs under a name that the bus cannot carry")
	}
}

// BenchmarkJoin is what an event loop pays for telling.
func BenchmarkJoin(b *testing.B) {
	tally := NewTally("edge", 1, nil)
	user, room := "018f2f6e-7c1e-7000-8000-000000000001", "018f2f6e-7c1e-7000-8000-000000000002"
	b.ReportAllocs()
	for i := range b.N {
		tally.Join(uint64(i), user, room)
		if i%1000 == 0 {
			tally.Changes()
		}
	}
}
