package bustest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"hubbub.internal/libs/bus"
)

var propertyTests = map[string]func(*testing.T, *suite){
	"any calls in any order": checkAnyCalls,
}

// world is a model of a few rooms, and their followers.
type world struct {
	t         *testing.T
	rt        *rapid.T
	s         *suite
	buses     []bus.Interface
	open      func(t testing.TB) bus.Interface
	rooms     []string
	logs      map[string][]bus.Entry     // with Prev unset
	removed   map[string]map[uint64]bool // by room
	followers []*follower
	crashed   bool
}

// checkAnyCalls makes random calls over two buses, compares every answer with the model, and checks
// what every follower got.
func checkAnyCalls(t *testing.T, s *suite) {
	buses, checks := []bus.Interface{s.open(t), s.open(t)}, 40
	if s.Replicas {
		checks = 25 // each call takes the servers some milliseconds
	}
	rapid.Check(t, func(rt *rapid.T) {
		if checks--; checks >= 0 {
			newWorld(t, rt, s, buses).run(nil)
		}
	})
}

// checkAnyFaults is anyCalls with faults in between: servers that are killed and started again, and
// buses that are closed and opened again.
func checkAnyFaults(t *testing.T, s *suite) {
	checks, crashes := 4, 3
	if s.Addr == "" { // several servers take seconds to find each other again
		checks, crashes = 1, 1
	}
	buses := []bus.Interface{s.open(t), s.open(t)}
	rapid.Check(t, func(rt *rapid.T) {
		if checks--; checks < 0 {
			return // the library has one number of checks, for all tests
		}
		w, left := newWorld(t, rt, s, buses), crashes
		w.run(map[string]func(*rapid.T){
			"reopen": w.reopen,
			"crash": func(*rapid.T) {
				if left--; left >= 0 {
					w.crashed = true
					s.Kill()
					s.Start()
				}
			},
		})
	})
}

func newWorld(t *testing.T, rt *rapid.T, s *suite, buses []bus.Interface) *world {
	w := &world{
		t: t, rt: rt, s: s, buses: buses, open: s.open, rooms: []string{name("room"), name("room")},
		logs: make(map[string][]bus.Entry), removed: make(map[string]map[uint64]bool),
	}
	for _, r := range w.rooms {
		w.removed[r] = make(map[uint64]bool)
	}
	return w
}

// run makes random calls; some may contain these.
func (w *world) run(more map[string]func(*rapid.T)) {
	actions := map[string]func(*rapid.T){
		"append":  w.append,
		"append ": w.append, // more often than the others
		"append.": w.append,
		"replay":  w.replay,
		"replay ": w.replay,
		"follow":  w.follow,
		"stop":    w.stop,
		"remove":  w.remove,
	}
	maps.Copy(actions, more)
	w.rt.Repeat(actions)
	w.end()
}

// reopen closes a bus, with all its followers, and opens another in its place.
func (w *world) reopen(rt *rapid.T) {
	i := rapid.IntRange(0, len(w.buses)-1).Draw(rt, "bus")
	w.followers = slices.DeleteFunc(w.followers, func(f *follower) bool {
		if f.on != w.buses[i] {
			return false
		}
		f.end()
		w.account(f, false)
		return true
	})
	if err := w.buses[i].Close(); err != nil {
		rt.Fatal(err)
	}
	w.buses[i] = w.open(w.t)
}

func (w *world) pick(rt *rapid.T) (bus.Interface, string) {
	return w.buses[rapid.IntRange(0, len(w.buses)-1).Draw(rt, "bus")], w.rooms[rapid.IntRange(0, len(w.rooms)-1).Draw(rt, "room")]
}

func (w *world) append(rt *rapid.T) {
	b, room := w.pick(rt)
	e := bus.NewEntry{
		Room: room, Sender: rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "sender"),
		ID:   fmt.Sprint("id", rapid.IntRange(0, 20).Draw(rt, "id")),
		Data: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "data"),
	}
	a, again, err := requestWithRetry(w.t, b, e)
	if err != nil {
		rt.Fatal(err)
	}
	log := w.logs[room]
	first := len(log) - 1
	for ; first >= 0 && (log[first].Sender != e.Sender || log[first].ID != e.ID); first-- {
	}
	if first >= 0 && w.crashed && w.removed[room][log[first].Seq] && !a.Duplicate {
		first = -1 // a server may forget the key of what was removed when it starts again
	}
	switch {
	case first >= 0 && (!a.Duplicate || a.Seq != log[first].Seq):
		rt.Fatalf("a repeat of %+v: %+v", log[first], a)
	case first < 0 && (a.Duplicate && !again || len(log) > 0 && a.Seq <= log[len(log)-1].Seq || a.Seq > bus.MaxSeq):
		rt.Fatalf("a new entry: %+v after %+v", a, log)
	case first < 0:
		w.logs[room] = append(log, bus.Entry{Room: room, Seq: a.Seq, Sender: e.Sender, ID: e.ID, Data: e.Data})
	}
}

func (w *world) replay(rt *rapid.T) {
	b, room := w.pick(rt)
	log := w.logs[room]
	var after bus.Position
	rewound := false
	if i := rapid.IntRange(0, len(log)).Draw(rt, "after"); i > 0 {
		after = at(log[i-1])
		switch rapid.SampledFrom([]string{"its id", "no id", "another id"}).Draw(rt, "with") {
		case "no id":
			after.ID = ""
		case "another id":
			if w.removed[room][after.Seq] {
				return // the model cannot know
			}
			after.ID = "another"
			rewound = true
		}
	}
	limit := rapid.IntRange(1, 10).Draw(rt, "limit")
	want := w.after(room, after.Seq)
	more := len(want) > limit
	want = want[:min(limit, len(want))]
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		rep, err := b.Replay(within(w.t), room, after, limit)
		if err != nil {
			rt.Fatal(err)
		}
		if rep.Rewound != rewound || rep.Truncated {
			rt.Fatalf("after %v: %+v", after, rep)
		}
		if rewound {
			return
		}
		diff := cmp.Diff(want, rep.Entries, cmpopts.EquateEmpty())
		if diff == "" && rep.More == more {
			return
		}
		if !w.s.Replicas || len(w.removed[room]) == 0 || time.Now().After(end) {
			rt.Fatalf("after %v, limit %d: more %v, model (-) and log (+):\n%s", after, limit, rep.More, diff)
		}
	}
}

// after returns a room's entries after a Seq, with Prev.
func (w *world) after(room string, prev uint64) []bus.Entry {
	var out []bus.Entry
	from := prev
	for _, e := range w.logs[room] {
		if e.Seq > from && !w.removed[room][e.Seq] {
			e.Prev = prev
			prev = e.Seq
			out = append(out, e)
		}
	}
	return out
}

func (w *world) follow(rt *rapid.T) {
	b, room := w.pick(rt)
	f := &follower{room: room, on: b}
	var err error
	if f.head, f.stop, err = b.Follow(within(w.t), room, f); err != nil {
		rt.Fatal(err)
	}
	if log := w.logs[room]; len(log) > 0 && f.head > log[len(log)-1].Seq || len(log) == 0 && f.head != 0 {
		rt.Fatalf("head %d of %+v", f.head, log)
	}
	w.followers = append(w.followers, f)
}

func (w *world) stop(rt *rapid.T) {
	if len(w.followers) > 0 {
		i := rapid.IntRange(0, len(w.followers)-1).Draw(rt, "follower")
		w.followers[i].end()
		w.account(w.followers[i], false)
		w.followers = slices.Delete(w.followers, i, i+1)
	}
}

func (w *world) remove(rt *rapid.T) {
	b, room := w.pick(rt)
	if log := w.logs[room]; len(log) > 0 {
		seq := log[rapid.IntRange(0, len(log)-1).Draw(rt, "entry")].Seq
		if err := b.Remove(within(w.t), room, seq); err != nil {
			rt.Fatal(err)
		}
		w.removed[room][seq] = true
	}
}

func (w *world) end() {
	for _, f := range w.followers {
		w.account(f, true)
		f.stop.Stop()
	}
}

// account checks what a follower got: everything after its head, or, if it was stopped, a beginning
// of that. It may have got removed entries before they were removed.
func (w *world) account(f *follower, all bool) {
	log := w.logs[f.room]
	kept := func() (got []bus.Entry) {
		f.mu.Lock()
		defer f.mu.Unlock()
		prev := f.head
		for _, e := range f.got {
			if e.Prev != prev {
				w.rt.Fatalf("an entry with Prev %d came after %d", e.Prev, prev)
			}
			prev, e.Prev = e.Seq, 0
			if !w.removed[f.room][e.Seq] {
				got = append(got, e)
			}
		}
		return got
	}
	var want []bus.Entry
	for _, e := range log {
		if e.Seq > f.head && !w.removed[f.room][e.Seq] {
			want = append(want, e)
		}
	}
	if all {
		eventually(w.t, "a follower hears of everything", func() bool { return len(kept()) >= len(want) })
	}
	got := kept()
	if !all {
		want = want[:min(len(got), len(want))]
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.rt.Errorf("room %s from head %d on, log (-) and follower (+):\n%s", f.room, f.head, diff)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rewinds > 0 || f.missed > 0 || f.late {
		w.rt.Errorf("room %s: %d rewinds, told %d times that entries are missing, called after Stop: %v", f.room, f.rewinds, f.missed, f.late)
	}
}
