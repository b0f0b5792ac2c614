package presence

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	presenceapi "hubbub.internal/libs/api/presence"
)

// watcher is one who watches a room as an edge does: it knows what it asked for once, and what it
// was told since.
type watcher struct {
	mu     sync.Mutex
	people map[string]presenceapi.Status
	count  int
	told   int
}

func watch(t *testing.T, srv *server, room string) *watcher {
	t.Helper()
	w := &watcher{people: map[string]presenceapi.Status{}}
	sub, err := srv.open(t).Subscribe(t.Context(), presenceapi.ChannelOf(room), func(data []byte) {
		var c presenceapi.Changed
		if err := json.Unmarshal(data, &c); err != nil {
			t.Error(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told++
		w.count = c.Count
		for _, p := range c.Users {
			if p.Status == presenceapi.Offline {
				delete(w.people, p.User)
			} else {
				w.people[p.User] = p.Status
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Stop)
	return w
}

func (w *watcher) knows(want presenceapi.Who) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]presenceapi.Status{}
	for _, p := range want.Users {
		all[p.User] = p.Status
	}
	if !maps.Equal(all, w.people) || w.count != want.Count {
		return fmt.Errorf("knows %v, count %d; want %v", w.people, w.count, all)
	}
	return nil
}

// TestWatchers: what a watcher is told adds up to who is there, whichever replica tells, and
// through its death.
func TestWatchers(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		a, b := startEdge(t, srv.open(t), "edge-a"), startEdge(t, srv.open(t), "edge-b")
		firstBus := srv.open(t)
		s1, _ := startService(t, firstBus, quick(), nil, nil)
		ready(t, s1)
		eventually(t, "first", func() error {
			if !s1.peers.First() {
				return fmt.Errorf("not the first")
			}
			return nil
		})
		s2, stop2 := startService(t, srv.open(t), quick(), nil, nil)
		ready(t, s2)
		eventually(t, "second", func() error {
			if s2.peers.First() || s1.peers.Count() != 2 {
				return fmt.Errorf("both speak")
			}
			return nil
		})
		w := watch(t, srv, "lobby")
		told := func(what string) {
			t.Helper()
			eventually(t, what, func() error { return w.knows(online("lobby", a, b)) })
		}
		var ids []uint64
		for i := range 30 {
			ids = append(ids, a.enter(fmt.Sprint("u", i), presenceapi.Online, "lobby"))
			b.enter(fmt.Sprint("u", i+20), presenceapi.Idle, "lobby")
		}
		told("entered")
		for i, id := range ids {
			switch i % 3 {
			case 0:
				a.exit(id)
			case 1:
				a.setStatus(id, presenceapi.DND)
			default:
				a.setStatus(id, presenceapi.Invisible)
			}
		}
		told("changed")

		// The one that speaks dies as by kill -9, and things go on changing.
		_ = firstBus.Close()
		for i := range 10 {
			a.enter(fmt.Sprint("late", i), presenceapi.Online, "lobby")
		}
		told("by the second")

		// One that goes in order is followed at once: its signs of life would be missed only much
		// later.
		s3, _ := startService(t, srv.open(t), quick(), nil, nil)
		ready(t, s3)
		stop2()
		a.enter("last", presenceapi.Online, "lobby")
		told("by the third")
		b.kill()
		eventually(t, "an edge is killed", func() error { return w.knows(online("lobby", a)) })
	})
}

// TestWatchingBegunMeanwhile: who begins to watch while others reconnect is told neither that they
// left nor that they came back. The answer about the room says of whom that is so.
func TestWatchingBegunMeanwhile(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		cfg := quick()
		cfg.Flap = time.Minute
		a := startEdge(t, srv.open(t), "edge")
		s, _ := startService(t, srv.open(t), cfg, nil, nil)
		ready(t, s)
		before := watch(t, srv, "lobby")
		ann, bob := a.enter("ann", presenceapi.DND, "lobby"), a.enter("bob", presenceapi.Online, "lobby")
		a.enter("cyd", presenceapi.Online, "lobby")
		eventually(t, "entered", func() error { return before.knows(online("lobby", a)) })
		if who, err := s.who(context.Background(), presenceapi.WhoRequest{Room: "lobby"}); err != nil || who.Going != nil || who.GoingMS != 0 {
			t.Errorf("nobody has left: %+v, %v", who, err)
		}
		a.exit(ann)
		a.exit(bob)
		agree(t, "two have left", []string{"lobby"}, []*Service{s}, a)

		// From here on watches one who has asked.
		w := watch(t, srv, "lobby")
		who, err := s.who(context.Background(), presenceapi.WhoRequest{Room: "lobby"})
		slices.SortFunc(who.Going, func(a, b presenceapi.Person) int { return strings.Compare(a.User, b.User) })
		if err != nil || who.Count != 1 || len(who.Users) != 1 || who.GoingMS < cfg.Flap.Milliseconds() || !slices.Equal(who.Going, []presenceapi.Person{
			{User: "ann", Name: "Name of ann", Status: presenceapi.DND}, {User: "bob", Name: "Name of bob", Status: presenceapi.Online},
		}) {
			t.Fatalf("who is %+v, %v", who, err)
		}
		w.mu.Lock()
		// as if nothing were told of those who go
		for _, p := range append(who.Users, who.Going...) {
			w.people[p.User] = p.Status
		}
		w.mu.Unlock()
		a.enter("ann", presenceapi.DND, "lobby")
		a.enter("bob", presenceapi.Idle, "lobby") // as somebody else: that is told
		a.enter("dan", presenceapi.Online, "lobby")
		eventually(t, "back", func() error { return w.knows(online("lobby", a)) })
	})
}

// TestReconnectIsNotTold: watchers hear nothing of sessions that move from a draining edge to
// another.
func TestReconnectIsNotTold(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		cfg := quick()
		cfg.Flap = time.Minute
		a, b := startEdge(t, srv.open(t), "edge-a"), startEdge(t, srv.open(t), "edge-b")
		s, _ := startService(t, srv.open(t), cfg, nil, nil)
		ready(t, s)
		w := watch(t, srv, "lobby")
		users := []string{"ann", "bob", "cyd"}
		for _, u := range users {
			a.enter(u, presenceapi.Online, "lobby")
		}
		eventually(t, "entered", func() error { return w.knows(online("lobby", a)) })
		w.mu.Lock()
		before := w.told
		w.mu.Unlock()
		a.stop()
		agree(t, "answers are exact meanwhile", []string{"lobby"}, []*Service{s})
		for _, u := range users {
			b.enter(u, presenceapi.Online, "lobby")
		}
		b.enter("dan", presenceapi.Online, "lobby")
		eventually(t, "moved", func() error { return w.knows(online("lobby", b)) })
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.told != before+1 || !slices.Contains(slices.Collect(maps.Keys(w.people)), "dan") {
			t.Errorf("told %d times, want once, of dan alone", w.told-before)
		}
	})
}
