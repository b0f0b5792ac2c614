package redisbus_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// tagOf returns the hash tag of a room's partition, for the default number of partitions.
func tagOf(room string) string {
	h := uint32(2166136261)
	for i := range len(room) {
		h = (h ^ uint32(room[i])) * 16777619
	}
	return "{" + strconv.Itoa(int(h%16)) + "}"
}

// TestSlotsMove: while slots move from master to master and back, nothing is missing, for followers
// and watchers neither.
func TestSlotsMove(t *testing.T) {
	t.Parallel()
	r := bustest.Cluster(t)
	tr := startTraffic(t, redisbus.Config{URL: r.URL(), Follow: never})
	w := &watcher{hints: make(map[string]uint64)}
	if _, err := tr.buses[0].Watch(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	tr.flow()
	for round := range 2 {
		for i := range 6 {
			tag := tagOf("room" + strconv.Itoa(i))
			to := r.Nodes[(i+round)%3]
			if r.Master(tag) == to {
				to = r.Nodes[(i+round+1)%3]
			}
			r.Migrate(tag, to)
		}
		tr.flow()
		for i := range 6 { // of the partitions that moved, among others
			room := "u-" + strconv.Itoa(i)
			seq := put(t, tr.buses[1], room, round, 1)[0]
			eventually(t, "a hint of a personal room, or of heads to ask for", func() bool {
				if w.has(room, seq) {
					return true
				}
				heads, err := tr.buses[0].Heads(t.Context(), []string{room})
				return err == nil && heads[0].Seq == seq && w.suspicious()
			})
		}
	}
	tr.check()
	// a probe may be lost whose slot has just moved, as anything that is not in the log
	for _, b := range tr.buses {
		eventually(t, "a probe comes back", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			return b.Probe(ctx) == nil
		})
	}
}

// watcher keeps the hints that it gets, and forgets them when they may be wrong.
type watcher struct {
	mu      sync.Mutex
	hints   map[string]uint64
	suspect bool
}

func (w *watcher) Hint(room string, seq uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hints[string([]byte(room))] = seq
}

func (w *watcher) Suspect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.suspect = true
}

func (w *watcher) has(room string, seq uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hints[room] == seq
}

// suspicious reports whether there was a reason to ask for heads since it was last called.
func (w *watcher) suspicious() (was bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was, w.suspect = w.suspect, false
	return was
}

// TestMastersFail: with WAIT nothing that was acknowledged is lost when a master is killed, or
// frozen for longer than the cluster waits, and its replica takes over.
func TestMastersFail(t *testing.T) {
	t.Parallel()
	r := bustest.Cluster(t)
	tr := startTraffic(t, redisbus.Config{URL: r.URL(), Replicas: 2, Follow: never})
	serve, err := tr.buses[0].Serve(t.Context(), "echo", echo)
	if err != nil {
		t.Fatal(err)
	}
	defer serve.Stop()
	tr.flow()
	tag := tagOf("room0")
	old := r.Master(tag)
	old.Kill()
	r.Promoted(tag, old)
	old.Start() // as a replica: the others tell it
	tr.flow()
	old = r.Master(tag)
	old.Pause()
	r.Promoted(tag, old)
	old.Resume()
	tr.flow()
	tr.check()
	eventually(t, "the service works", func() bool {
		_, err := tr.buses[1].Request(t.Context(), "echo", nil)
		return err == nil
	})
}

// TestWholeClusterOfServices: every service and channel works, whatever node has its slot.
func TestWholeClusterOfServices(t *testing.T) {
	t.Parallel()
	r := bustest.Cluster(t)
	a, b := open(t, redisbus.Config{URL: r.URL()}), open(t, redisbus.Config{URL: r.URL()})
	for i := range 20 {
		name := "s" + strconv.Itoa(i)
		if _, err := a.Serve(t.Context(), name, echo); err != nil {
			t.Fatal(err)
		}
		if answer, err := b.Request(t.Context(), name, []byte(name)); err != nil || string(answer) != name {
			t.Errorf("%s: %q, %v", name, answer, err)
		}
		got := make(chan string, 1)
		if _, err := a.Subscribe(t.Context(), name, func(data []byte) { got <- string(data) }); err != nil {
			t.Fatal(err)
		}
		if err := b.Publish(name, []byte(name)); err != nil {
			t.Fatal(err)
		}
		if heard := <-got; heard != name {
			t.Errorf("heard %q on %s", heard, name)
		}
	}
	if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "id"}); err != nil {
		t.Error(err)
	}
	// Every master is checked at the start.
	c := raw(t, r.Nodes[2])
	if err := errors.Join(c.ConfigSet(t.Context(), "maxmemory", "1gb").Err(), c.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err()); err != nil {
		t.Fatal(err)
	}
	_, err := redisbus.Open(t.Context(), redisbus.Config{URL: r.URL()}, nil, nil)
	if !errors.Is(err, redisbus.ErrUnsuitable) || !strings.Contains(err.Error(), r.Nodes[2].Addr()) {
		t.Errorf("a master that throws away keys: %v", err)
	}
}
