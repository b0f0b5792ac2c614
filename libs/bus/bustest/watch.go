package bustest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"hubbub.internal/libs/bus"
)

var watchTests = map[string]func(*testing.T, *suite){
	"heads: of rooms with and without entries":       checkHeadsOfRooms,
	"heads: what is refused":                         checkHeadsRefuse,
	"watch: every personal room, whoever follows it": checkWatchPersonal,
	"watch: nothing after Stop":                      checkWatchStops,
}

// watcher records its hints.
type watcher struct {
	mu       sync.Mutex
	hints    map[string]uint64 // the greatest Seq by room
	suspects int
	done     bool // Stop has returned
	late     bool // and a hint came after that
}

func (w *watcher) Hint(room string, seq uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = w.late || w.done
	room = strings.Clone(room)
	w.hints[room] = max(w.hints[room], seq)
}

func (w *watcher) Suspect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.suspects++
}

func (w *watcher) has(room string, seq uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hints[room] == seq
}

func (w *watcher) told(room string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hints[room] != 0
}

func watchAll(t *testing.T, b bus.Log) (*watcher, bus.Subscription) {
	t.Helper()
	w := &watcher{hints: make(map[string]uint64)}
	sub, err := b.Watch(within(t), w)
	if err != nil {
		t.Fatalf("watch: %v", err)
	}
	t.Cleanup(sub.Stop)
	return w, sub
}

func checkHeadsOfRooms(t *testing.T, s *suite) {
	const n = 60
	rooms := make([]string, n)
	want := make([]bus.Position, n)
	for i := range rooms {
		rooms[i] = name([]string{"room", "u"}[i%2])
		if i%3 > 0 {
			log := fill(t, s.bus, rooms[i], i%3)
			want[i] = bus.Position{Seq: log[len(log)-1].Seq, ID: log[len(log)-1].ID}
		}
	}
	rooms, want = append(rooms, rooms[1]), append(want, want[1]) // which is asked for twice
	heads, err := s.open(t).Heads(within(t), rooms)
	if err != nil || len(heads) != n+1 {
		t.Fatalf("%d heads, %v", len(heads), err)
	}
	for i, h := range heads {
		if h.Position != want[i] || h.Through < h.Seq {
			t.Errorf("the head of room %d is %+v, want %+v", i, h, want[i])
		}
		// Later entries are after Through.
		if seq := put(t, s.bus, entry(rooms[i], "ann", "later")); seq <= h.Through {
			t.Errorf("room %d got Seq %d after its head was complete through %d", i, seq, h.Through)
		}
	}
}

func checkHeadsRefuse(t *testing.T, s *suite) {
	if _, err := s.bus.Heads(within(t), []string{"good", "a.b"}); !errors.Is(err, bus.ErrBadName) {
		t.Errorf("%v, want ErrBadName", err)
	}
	if _, err := s.bus.Heads(within(t), make([]string, 1001)); err == nil {
		t.Error("1,001 rooms at once are not refused")
	}
	if heads, err := s.bus.Heads(within(t), nil); err != nil || len(heads) != 0 {
		t.Errorf("no room: %v, %v", heads, err)
	}
}

func checkWatchPersonal(t *testing.T, s *suite) {
	b := s.open(t)
	w, _ := watchAll(t, b)
	followed := name("u")
	f := s.follow(t, b, followed)
	for range 3 {
		for i := range 20 { // rooms of many partitions
			room := name(fmt.Sprint("u-", i))
			seq := put(t, s.bus, entry(room, "ann", "1"))
			eventually(t, "a hint of a personal room", func() bool { return w.has(room, seq) })
		}
		ordinary := name("room")
		put(t, s.bus, entry(ordinary, "ann", "1"))
		log := fill(t, s.bus, followed, 2)
		eventually(t, "a hint of a room that is followed too", func() bool { return w.has(followed, log[1].Seq) })
		if w.told(ordinary) {
			t.Error("a hint of a room that is not personal")
		}
	}
	f.has(t, readAll(t, s.bus, followed))
	f.end() // ending it must not end the hints
	seq := put(t, s.bus, entry(followed, "ann", "last"))
	eventually(t, "a hint after the last follower has stopped", func() bool { return w.has(followed, seq) })
}

func checkWatchStops(t *testing.T, s *suite) {
	b := s.open(t)
	first, sub := watchAll(t, b)
	second, _ := watchAll(t, b)
	sub.Stop()
	sub.Stop()
	first.mu.Lock()
	first.done = true
	first.mu.Unlock()
	room := name("u")
	seq := put(t, s.bus, entry(room, "ann", "1"))
	eventually(t, "the other watcher's hint", func() bool { return second.has(room, seq) })
	if first.late {
		t.Error("a hint came after Stop")
	}
}
