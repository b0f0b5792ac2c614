package follow_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/follow"
)

// TestWhateverHappens lets hints be lost, repeated and disordered, calls fail, entries be removed, and the log be
// rewound, in any order, and then wants every follower to have what the log has.
func TestWhateverHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { whatever(rt) })
	})
}

func whatever(rt *rapid.T) {
	m := newModel()
	e := follow.New(m, follow.Options{Metrics: prometheus.NewRegistry(), HoldBack: 4, Batch: 2, Workers: 2})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Run(ctx)
	}()
	defer func() {
		cancel()
		<-done
	}()
	w := &world{rt: rt, m: m, e: e, followers: make(map[string][]*follower)}
	rt.Repeat(map[string]func(*rapid.T){
		"append":  w.append,
		"late":    w.late,
		"follow":  w.follow,
		"wait":    func(rt *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(0, 200).Draw(rt, "ms")) * time.Millisecond) },
		"suspect": func(*rapid.T) { e.Suspect("test") },
		"fail":    func(rt *rapid.T) { m.fail(rapid.IntRange(1, 3).Draw(rt, "calls")) },
		"rewind":  w.rewind,
		"remove":  w.remove,
	})
	m.fail(0)
	time.Sleep(2 * time.Minute) // fills, retries and comparisons come to an end
	synctest.Wait()
	w.check()
}

type world struct {
	rt        *rapid.T
	m         *model
	e         *follow.Engine
	followers map[string][]*follower
	withheld  []bus.Entry // hints that come late
	removed   map[string]bool
}

func (w *world) room(rt *rapid.T) string {
	return fmt.Sprint("r", rapid.IntRange(0, 3).Draw(rt, "room"))
}

func (w *world) append(rt *rapid.T) {
	room := w.room(rt)
	n := rapid.IntRange(1, 8).Draw(rt, "entries")
	for range n {
		h := w.m.append(room)
		switch rapid.SampledFrom([]string{"deliver", "deliver", "deliver", "lose", "withhold", "repeat", "forget prev"}).Draw(rt, "hint") {
		case "deliver":
			w.hint(h)
		case "repeat":
			w.hint(h)
			w.hint(h)
		case "forget prev":
			h.Prev, h.Data = 0, nil
			w.hint(h)
		case "withhold":
			w.withheld = append(w.withheld, h)
		}
	}
}

func (w *world) hint(h bus.Entry) {
	if w.m.subscribed(h.Room) {
		w.e.Deliver(h)
	}
}

func (w *world) late(rt *rapid.T) {
	for len(w.withheld) > 0 && rapid.Bool().Draw(rt, "one more") {
		i := rapid.IntRange(0, len(w.withheld)-1).Draw(rt, "which")
		w.hint(w.withheld[i])
		w.withheld = append(w.withheld[:i], w.withheld[i+1:]...)
	}
}

func (w *world) follow(rt *rapid.T) {
	room := w.room(rt)
	f := &follower{t: rt}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	head, s, err := w.e.Follow(ctx, room, f)
	if err != nil {
		rt.Fatal(err)
	}
	f.joined(head)
	if rapid.IntRange(0, 3).Draw(rt, "stay") == 0 {
		s.Stop()
		f.mu.Lock()
		f.stopped = true
		f.mu.Unlock()
		return
	}
	w.followers[room] = append(w.followers[room], f)
}

func (w *world) rewind(rt *rapid.T) {
	back := rapid.Uint64Range(1, 5).Draw(rt, "entries")
	w.m.mu.Lock()
	seq := w.m.seq
	w.m.mu.Unlock()
	if seq-back < 1000 {
		return
	}
	w.m.rewind(seq - back)
	w.withheld = nil // of a log that is no more: such a hint cannot be told from a true one until the next comparison
	w.e.Suspect("the test has rewound the log")
	synctest.Wait()
}

func (w *world) remove(rt *rapid.T) {
	room := w.room(rt)
	if n := len(w.m.log(room)); n > 0 {
		i := rapid.IntRange(0, n-1).Draw(rt, "entry")
		if w.removed == nil {
			w.removed = make(map[string]bool)
		}
		w.removed[w.m.log(room)[i].ID] = true
		w.m.remove(room, i)
	}
}

// check holds every follower against the log. An entry that was removed may have been delivered before or not.
func (w *world) check() {
	for room, all := range w.followers {
		for i, f := range all {
			head, got, _ := f.seen()
			var kept []bus.Entry
			for _, e := range strip(got) {
				if !w.removed[e.ID] {
					kept = append(kept, e)
				}
			}
			if diff := cmp.Diff(after(w.m.log(room), head), kept); diff != "" {
				w.rt.Errorf("room %s, follower %d from %d on, log (-) and follower (+):\n%s", room, i, head, diff)
			}
		}
	}
}
