package redisbus_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// blocked is a follower that does what none may: it waits, so that the server gives this process
// up.
type blocked struct {
	follower
	once sync.Once
	wait chan struct{}
}

func (b *blocked) Entry(e bus.Entry) {
	b.once.Do(func() { <-b.wait })
	b.follower.Entry(e)
}

// TestSlowFollower: a process that reads too slowly is cut off by the server, by its limit on what
// may wait for it. That is counted, and what was missed comes from the log, in order, before
// anything newer.
func TestSlowFollower(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t, "--client-output-buffer-limit", "pubsub 64kb 64kb 1")
	writer := open(t, redisbus.Config{URL: s.URL()})
	reg := prometheus.NewRegistry()
	slow, err := redisbus.Open(t.Context(), redisbus.Config{URL: s.URL(), Follow: never}, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slow.Close() })
	f := &blocked{wait: make(chan struct{})}
	_, sub, err := slow.Follow(t.Context(), "room", f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Stop)
	release := sync.OnceFunc(func() { close(f.wait) })
	t.Cleanup(release) // else Stop would wait for ever
	subscribed := func() int {
		list, err := raw(t, s).Do(t.Context(), "CLIENT", "LIST", "TYPE", "pubsub").Text()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(list, "\n")
	}
	before := subscribed()
	var seqs []uint64
	data := make([]byte, 100<<10)
	for i := 0; subscribed() == before; i++ {
		if i > 1000 {
			t.Fatal("the server lets 100 MiB wait")
		}
		a, err := bus.Append(t.Context(), writer, bus.NewEntry{Room: "room", Sender: "ann", ID: fmt.Sprint("big", i), Data: data})
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, a.Seq)
	}
	release()
	seqs = append(seqs, put(t, writer, "room", 0, 5)...)
	eventually(t, "the follower has everything", func() bool {
		got, rewinds := f.seen()
		return slices.Equal(got, seqs) && rewinds == 0
	})
	eventually(t, "it is counted", func() bool { return counter(t, reg, "hubbub_bus_redis_disconnects_total") > 0 })
}

func counter(t *testing.T, reg prometheus.Gatherer, name string) float64 {
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
