package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

var followTests = map[string]func(*testing.T, *suite){
	"follow: an empty room":                           checkFollowEmpty,
	"follow: head and replay miss nothing":            checkFollowAndReplay,
	"follow: two buses see one order":                 checkFollowFromTwoBuses,
	"follow: several followers of one room, and Stop": checkFollowTogether,
	"follow: again after everybody has stopped":       checkFollowAgain,
	"follow: many rooms at once":                      checkFollowManyRooms,
	"follow: what is refused":                         checkFollowRefuses,
}

// follower records what it gets.
type follower struct {
	room string
	on   bus.Interface // the bus that it follows on, where that matters
	head uint64
	stop bus.Subscription

	mu      sync.Mutex
	got     []bus.Entry
	rewinds int
	missed  int
	busy    bool
	overlap bool
	done    bool // Stop has returned
	late    bool // and a callback came after that
}

func (f *follower) Entry(e bus.Entry) {
	f.mu.Lock()
	f.overlap = f.overlap || f.busy
	f.busy = true
	f.late = f.late || f.done
	e.Data = bytes.Clone(e.Data)
	f.got = append(f.got, e)
	f.mu.Unlock()
	f.mu.Lock()
	f.busy = false
	f.mu.Unlock()
}

func (f *follower) Rewound(string, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rewinds++
}

func (f *follower) Missed(string, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.missed++
}

// follow follows a room until the test ends.
func (s *suite) follow(t testing.TB, b bus.Log, room string) *follower {
	t.Helper()
	f := &follower{room: room}
	var err error
	if f.head, f.stop, err = b.Follow(within(t), room, f); err != nil {
		t.Fatalf("follow: %v", err)
	}
	t.Cleanup(f.stop.Stop)
	return f
}

func (f *follower) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.got)
}

// end stops the follower; no callback may come any more.
func (f *follower) end() {
	f.stop.Stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = true
}

// has waits until the follower has the entries of a log after its head, and checks that it got each
// once, in order, with a true Prev.
func (f *follower) has(t testing.TB, log []bus.Entry) {
	t.Helper()
	var want []bus.Entry
	prev := f.head
	for _, e := range log {
		if e.Seq > f.head {
			e.Prev = prev
			prev = e.Seq
			want = append(want, e)
		}
	}
	eventually(t, fmt.Sprintf("a follower of %s hears of %d entries", f.room, len(want)), func() bool { return f.count() >= len(want) })
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(want, f.got, cmp.Comparer(bytes.Equal)); diff != "" {
		t.Errorf("room %s from head %d on, log (-) and follower (+):\n%s", f.room, f.head, diff)
	}
	if f.rewinds > 0 || f.missed > 0 || f.overlap || f.late {
		t.Errorf("room %s: %d rewinds; told %d times that entries are missing; called by two goroutines at once: %v; called after Stop: %v",
			f.room, f.rewinds, f.missed, f.overlap, f.late)
	}
}

func checkFollowEmpty(t *testing.T, s *suite) {
	room := name("room")
	f := s.follow(t, s.bus, room)
	if f.head != 0 {
		t.Errorf("the head of an empty room is %d", f.head)
	}
	f.has(t, fill(t, s.bus, room, 3))
}

func checkFollowAndReplay(t *testing.T, s *suite) {
	const senders, each = 4, 50
	room := name("room")
	buses := []bus.Interface{s.bus, s.open(t)}
	var wg sync.WaitGroup
	for n := range senders {
		wg.Go(func() {
			for i := range each {
				put(t, buses[n%2], entry(room, fmt.Sprint("sender", n), fmt.Sprint("id", i)))
			}
		})
	}
	var followers []*follower
	var pasts [][]bus.Entry
	for i := range 20 {
		b := buses[i%2]
		f := s.follow(t, b, room)
		var past []bus.Entry
		for _, e := range readAll(t, b, room) {
			if e.Seq <= f.head {
				past = append(past, e)
			}
		}
		followers, pasts = append(followers, f), append(pasts, past)
	}
	wg.Wait()
	log := readAll(t, s.bus, room)
	if len(log) != senders*each {
		t.Fatalf("%d entries in the log, want %d", len(log), senders*each)
	}
	for i, f := range followers {
		f.has(t, log)
		if n := len(pasts[i]) + f.count(); n != len(log) {
			t.Errorf("replay up to the head and what followed are %d entries of %d", n, len(log))
		}
	}
}

func checkFollowFromTwoBuses(t *testing.T, s *suite) {
	room := name("room")
	a, b := s.open(t), s.open(t)
	fa, fb := s.follow(t, a, room), s.follow(t, b, room)
	var wg sync.WaitGroup
	for n, b := range []bus.Interface{a, b} {
		wg.Go(func() {
			for range 100 {
				put(t, b, entry(room, fmt.Sprint("sender", n), chat.NewID()))
			}
		})
	}
	wg.Wait()
	log := readAll(t, s.bus, room)
	fa.has(t, log)
	fb.has(t, log)
}

func checkFollowTogether(t *testing.T, s *suite) {
	room := name("room")
	log := fill(t, s.bus, room, 1)
	fs := []*follower{s.follow(t, s.bus, room), s.follow(t, s.bus, room), s.follow(t, s.bus, room)}
	log = append(log, fill(t, s.bus, room, 3)...)
	for _, f := range fs {
		f.has(t, log)
	}
	fs[1].end()
	fs[1].stop.Stop() // the second Stop
	upto := len(log)
	log = append(log, fill(t, s.bus, room, 3)...)
	fs[0].has(t, log)
	fs[2].has(t, log)
	fs[1].has(t, log[:upto])
}

func checkFollowAgain(t *testing.T, s *suite) {
	room := name("room")
	var log []bus.Entry
	for range 5 {
		f := s.follow(t, s.bus, room)
		if n := len(log); n > 0 && f.head != log[n-1].Seq {
			t.Errorf("head %d, want %d", f.head, log[n-1].Seq)
		}
		log = append(log, fill(t, s.bus, room, 2)...)
		f.has(t, log)
		f.end()
		log = append(log, fill(t, s.bus, room, 1)...)
	}
}

func checkFollowManyRooms(t *testing.T, s *suite) {
	const n = 300
	b := s.open(t)
	followers := make([]*follower, n)
	var wg sync.WaitGroup
	for i := range followers {
		wg.Go(func() { followers[i] = s.follow(t, b, name("room")) })
	}
	wg.Wait()
	for _, f := range followers {
		wg.Go(func() { f.has(t, fill(t, s.bus, f.room, 2)) })
	}
	wg.Wait()
}

func checkFollowRefuses(t *testing.T, s *suite) {
	if _, _, err := s.bus.Follow(within(t), "a.b", &follower{}); !errors.Is(err, bus.ErrBadName) {
		t.Errorf("%v, want ErrBadName", err)
	}
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	if _, _, err := s.bus.Follow(ctx, name("room"), &follower{}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("a context that has ended: %v, want ErrUnavailable", err)
	}
}
