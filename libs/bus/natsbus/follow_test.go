package natsbus_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/bus/natsbus"
)

// blocked is a follower that does what none may: it waits, so that live entries are dropped in this
// process.
type blocked struct {
	recorder
	once         sync.Once
	inside, wait chan struct{}
}

func (b *blocked) Entry(e bus.Entry) {
	b.once.Do(func() {
		close(b.inside)
		<-b.wait
	})
	b.recorder.Entry(e)
}

func TestSlowFollower(t *testing.T) {
	box := newBox(t)
	appender := box.open(natsbus.Config{})
	reg := prometheus.NewRegistry()
	slow, err := natsbus.Open(t.Context(), natsbus.Config{
		// or it would subscribe anew, and the old entries are nobody's
		InProcess: box, Follow: follow.Options{CompareEvery: time.Hour},
	}, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slow.Close() })
	f := &blocked{inside: make(chan struct{}), wait: make(chan struct{})}
	_, s, err := slow.Follow(within(t), "room", f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	release := sync.OnceFunc(func() { close(f.wait) })
	t.Cleanup(release) // else Stop would wait for ever
	const n = 20_000
	// One that certainly comes live: were entries of the many repeated, they might come from the
	// log, and block only that.
	if _, err := bus.Append(within(t), appender, entry("room", n)); err != nil {
		t.Fatal(err)
	}
	<-f.inside
	appendMany(t, appender, "room", n)
	eventually(t, "live entries are dropped", func() bool { return metric(t, reg, "hubbub_bus_nats_slow_consumer_total") > 0 })
	release()
	eventually(t, "the follower has everything", func() bool { return len(f.ids()) > n })
	var want []uint64
	for _, e := range readAll(t, appender, "room") {
		want = append(want, e.Seq)
	}
	if got := f.seqs(); !slices.Equal(got, want) || f.rewound() != 0 {
		t.Errorf("%d entries and %d rewinds, not the log's %d", len(got), f.rewound(), len(want))
	}
}

func metric(t *testing.T, reg prometheus.Gatherer, name string) float64 {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// TestRepeatedAppendIsTold holds that a repeat makes followers look at the log: a leader that
// stored the first try may have died before it republished it. The entry here was never
// republished, since it came while nothing was.
func TestRepeatedAppendIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	b, err := natsbus.Open(t.Context(), natsbus.Config{
		Servers: s.URL(),
		Follow:  follow.Options{CompareEvery: time.Hour}, // which would find it too
	}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	f := followRoom(t, b, "room")
	js := jetStream(t, s)
	stream, err := js.Stream(within(t), "HUB")
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	republish := cfg.RePublish
	cfg.RePublish = nil
	if _, err := js.UpdateStream(within(t), cfg); err != nil {
		t.Fatal(err)
	}
	first := mustAppend(t, b, entry("room", 1))
	cfg.RePublish = republish
	if _, err := js.UpdateStream(within(t), cfg); err != nil {
		t.Fatal(err)
	}
	if got := f.ids(); len(got) != 0 {
		t.Fatalf("the entry was republished: %v", got)
	}
	e := entry("room", 1)
	e.Data = []byte("not what the first try said")
	again := mustAppend(t, b, e)
	if !again.Duplicate || again.Seq != first.Seq {
		t.Errorf("the repeat got %+v, the first %+v", again, first)
	}
	eventually(t, "the follower has it", func() bool { return len(f.ids()) == 1 })
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := string(f.got[0].Data); got != "data 1" {
		t.Errorf("the follower got %q", got)
	}
}
