package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/bus"
)

// checkServerAway makes every call while the server is away: each fails when its context ends, with
// bus.ErrUnavailable, and works when the server is back.
func checkServerAway(t *testing.T, s *suite) {
	b := s.open(t)
	log := fill(t, b, "room", 2)
	busy := s.Log(t, Retention{}).Open(t, "")
	serve(t, busy, name("service"), echo)
	listen(t, busy, name("chan"))
	consume(t, busy, "group", nil)
	s.follow(t, busy, name("room"))
	s.Kill()
	var wg sync.WaitGroup
	wg.Go(func() {
		began := time.Now()
		if err := busy.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if d := time.Since(began); d > patience {
			t.Errorf("close took %s", d)
		}
	})
	for what, call := range calls(b) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			err := call(ctx)
			if what == "Append" && errors.Is(err, context.DeadlineExceeded) {
				return // bus.Append returns when its context ends
			}
			if !errors.Is(err, bus.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", what, err)
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			publish(t, b, "chan", "into the void")
		}
	})
	began := time.Now()
	done := make(chan error, 1)
	e := entry("room", "ann", "while-away")
	b.Append(e, func(_ bus.Appended, err error) { done <- err })
	wg.Go(func() {
		if err := <-done; !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("append: %v, want ErrUnavailable", err)
		}
		if d := time.Since(began); d > bus.AppendTimeout+time.Second {
			t.Errorf("append took %s", d)
		}
	})
	wg.Wait()
	s.Start()
	eventually(t, "the bus works again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return b.Probe(ctx) == nil
	})
	put(t, b, e) // with the same id: it is in the log once, whatever became of the first try
	var got []bus.Entry
	for _, e := range readAll(t, b, "room") {
		if e.ID == log[0].ID || e.ID == log[1].ID || e.ID == "while-away" {
			got = append(got, e)
		}
	}
	if len(got) != 3 || got[2].ID != "while-away" {
		t.Errorf("the log: %+v", got)
	}
	for what, call := range calls(b) {
		if err := call(within(t)); err != nil && (what != "Request" || !errors.Is(err, bus.ErrNoResponder)) {
			t.Errorf("%s, with the server back: %v", what, err)
		}
	}
}

// checkRemovedAndKilled kills the server after the log's last entry was removed: it still
// recognises repeats of earlier entries.
func checkRemovedAndKilled(t *testing.T, s *suite) {
	b := s.open(t)
	room := name("room")
	log := fill(t, b, room, 5)
	if err := b.Remove(within(t), room, log[4].Seq); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start()
	for _, e := range log[:4] {
		if seq := put(t, b, entry(room, e.Sender, e.ID)); seq != e.Seq {
			t.Errorf("a repeat of %d was stored again: %d", e.Seq, seq)
		}
	}
	if got := len(readAll(t, b, room)); got != 4 {
		t.Errorf("the log has %d entries, want 4", got)
	}
}

// writer is a sender that repeats failed appends, with the same id.
type writer struct {
	room, sender string
	acked        []bus.Entry // Seq and ID, in order
}

func (w *writer) run(ctx context.Context, t testing.TB, b bus.Log, total *atomic.Int64) {
	for i := 0; ctx.Err() == nil; i++ {
		e := entry(w.room, w.sender, fmt.Sprint(w.sender, "-", i))
		for {
			a, err := bus.Append(context.Background(), b, e)
			if err == nil {
				w.acked = append(w.acked, bus.Entry{Seq: a.Seq, ID: e.ID})
				total.Add(1)
				break
			}
			if !errors.Is(err, bus.ErrUnavailable) {
				t.Errorf("append: %v", err)
				return
			}
		}
	}
}

// checkServerKilled kills the server twice while messages flow. Every acknowledged append is in the
// log once, in its sender's order; followers and consumers got each of them; channels and services
// work again by themselves.
func checkServerKilled(t *testing.T, s *suite) {
	open := s.opener(t, Retention{Groups: []string{"group"}})
	buses := []bus.Interface{open(t), open(t)}
	rooms := []string{name("room"), name("room"), name("room")}
	channel, service := name("chan"), name("service")
	var followers []*follower
	for _, r := range rooms {
		for _, b := range buses {
			followers = append(followers, s.follow(t, b, r), s.follow(t, b, r))
		}
	}
	l := listen(t, buses[0], channel)
	serve(t, buses[0], service, echo)
	members := []*consumer{consume(t, buses[0], "group", nil), consume(t, buses[1], "group", nil)}

	ctx, cancel := context.WithCancel(t.Context())
	var total atomic.Int64
	var writers []*writer
	var wg sync.WaitGroup
	for n := range 6 {
		w := &writer{room: rooms[n%len(rooms)], sender: fmt.Sprint("sender", n)}
		writers = append(writers, w)
		wg.Go(func() { w.run(ctx, t, buses[n%2], &total) })
	}
	flows := func() {
		t.Helper()
		from := total.Load()
		eventually(t, "messages flow", func() bool { return total.Load() >= from+300 })
	}
	for range 2 {
		flows()
		s.Kill()
		s.Start()
		flows()
	}
	cancel()
	wg.Wait()

	logs := make(map[string][]bus.Entry)
	for _, r := range rooms {
		logs[r] = readAll(t, buses[0], r)
	}
	for _, w := range writers {
		var got []bus.Entry
		for _, e := range logs[w.room] {
			if e.Sender == w.sender {
				got = append(got, bus.Entry{Seq: e.Seq, ID: e.ID})
			}
		}
		if diff := cmp.Diff(w.acked, got); diff != "" {
			t.Errorf("%s, acknowledged (-) and in the log (+):\n%s", w.sender, diff)
		}
	}
	for _, f := range followers {
		f.has(t, logs[f.room])
	}
	for _, r := range rooms {
		eventually(t, "all of room "+r+" is consumed", func() bool {
			return distinct(members[0].room(r), members[1].room(r)) >= len(logs[r])
		})
	}
	eventually(t, "the channel works again", func() bool {
		publish(t, buses[1], channel, "after")
		return slices.Contains(l.all(), "after")
	})
	eventually(t, "the service works again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := buses[1].Request(ctx, service, nil)
		return err == nil
	})
}
