package follow_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
)

// TestWhateverHappens lets hints be lost, repeated and disordered, calls fail, entries be removed
// and trimmed, and the log be rewound, in any order, and then wants every follower to have what the
// log has, to have been told of what it missed, and of no rewind that was none.
func TestWhateverHappens(t *testing.T) {
	for name, coarse := range map[string]bool{"exact": false, "coarse": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { whatever(rt, coarse) })
			})
		})
	}
}

func whatever(rt *rapid.T, coarse bool) {
	m := newModel()
	m.coarse = coarse
	e := follow.New(m, follow.Options{Metrics: prometheus.NewRegistry(), HoldBack: 4, Batch: 2, Workers: 2, Coarse: coarse})
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
	w := &world{rt: rt, m: m, e: e, trims: rapid.Bool().Draw(rt, "trims"), followers: make(map[string][]*follower)}
	rt.Repeat(map[string]func(*rapid.T){
		"append":  w.append,
		"late":    w.late,
		"follow":  w.follow,
		"wait":    func(rt *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(0, 200).Draw(rt, "ms")) * time.Millisecond) },
		"suspect": func(*rapid.T) { e.Suspect("test") },
		"fail":    func(rt *rapid.T) { m.fail(rapid.IntRange(1, 3).Draw(rt, "calls")) },
		"rewind":  w.rewind,
		"remove":  w.remove,
		"trim":    w.trim,
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
	withheld  []driver.Entry // hints that come late
	removed   map[string]bool
	gone      map[string]bool           // trimmed
	trimmed   map[string][]driver.Entry // by room, since the log was last rewound
	trims     bool                      // some runs
	rewound   bool
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

func (w *world) hint(h driver.Entry) {
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
	f := &follower{t: rt, m: w.m, base: w.m.end()}
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
	seq, front := w.m.seq, w.m.front
	w.m.mu.Unlock()
	if seq-back < 1000 || front > 0 { // of a place that was trimmed nobody knows which entry it was
		return
	}
	if w.trims { // nor of one that will be, before the rooms are compared
		w.m.fail(0)
		defer func() {
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}()
	}
	w.m.rewind(seq - back)
	w.rewound, w.trimmed = true, nil // a follower that is told of it knows no place before
	// of a log that is no more: such a hint cannot be told from a true one until the next
	// comparison
	w.withheld = nil
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

// trim takes the beginning of the log. A coarse driver has said before that hints were lost, as it
// has to.
func (w *world) trim(rt *rapid.T) {
	if !w.trims {
		return
	}
	if w.m.coarse {
		w.e.Suspect("hints may be lost")
	}
	w.m.mu.Lock()
	to := rapid.Uint64Range(max(1000, w.m.front), w.m.seq).Draw(rt, "to")
	if w.trimmed == nil {
		w.trimmed = make(map[string][]driver.Entry)
	}
	if w.gone == nil {
		w.gone = make(map[string]bool)
	}
	for room, log := range w.m.logs {
		for _, e := range log {
			if e.Seq <= to {
				w.trimmed[room] = append(w.trimmed[room], e)
				w.gone[e.ID] = true
			}
		}
	}
	w.m.mu.Unlock()
	w.m.trimTo(to)
}

// check holds every follower against the log. An entry that was removed or trimmed may have been
// delivered before or not; of one that was trimmed the follower was told then.
func (w *world) check() {
	for room, all := range w.followers {
		for i, f := range all {
			head, got, rewinds := f.seen()
			if rewinds > 0 && !w.rewound {
				w.rt.Errorf("room %s, follower %d: told of %d rewinds of a log that was never rewound", room, i, rewinds)
			}
			for _, e := range w.trimmed[room] {
				if !w.removed[e.ID] && e.Seq > max(head, f.base) && !slices.ContainsFunc(got, func(o driver.Entry) bool { return o.ID == e.ID }) {
					w.rt.Errorf("room %s, follower %d from %d on: not told that entry %d is missing", room, i, head, e.Seq)
				}
			}
			var kept []driver.Entry
			for _, e := range strip(got) {
				if !w.removed[e.ID] && !w.gone[e.ID] {
					kept = append(kept, e)
				}
			}
			if diff := cmp.Diff(after(w.m.log(room), head), kept); diff != "" {
				w.rt.Errorf("room %s, follower %d from %d on, log (-) and follower (+):\n%s", room, i, head, diff)
			}
		}
	}
}
