package announce

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/services/presence/roster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scene is an announcer over a roster, under the clock of synctest, and what the watchers of rooms
// got.
type scene struct {
	t     *testing.T
	a     *Announcer
	first atomic.Bool

	mu     sync.Mutex
	roster *roster.Roster
	edge   *roster.Edge
	got    []message
}

type message struct {
	room string
	presence.Changed
}

// Publish implements bus.Live.
func (s *scene) Publish(channel string, data []byte) error {
	m := message{room: channel[len(presence.ChannelOf("")):]}
	if err := json.Unmarshal(data, &m.Changed); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, m)
	return nil
}

// Subscribe implements bus.Live.
func (s *scene) Subscribe(context.Context, string, func([]byte)) (bus.Subscription, error) {
	panic("an announcer does not listen")
}

func stage(t *testing.T, test func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, edge: roster.NewEdge()}
		s.first.Store(true)
		s.a = New(
			Config{Coalesce: 250 * time.Millisecond, Flap: 5 * time.Second, Big: 5, BigEvery: time.Second, Takeover: 7 * time.Second},
			Deps{Live: s, Log: zap.NewNop(), First: s.first.Load, Update: func(f func(*roster.Roster)) {
				s.mu.Lock()
				defer s.mu.Unlock()
				f(s.roster)
			}})
		s.roster = roster.New(func(at roster.Seat) { s.a.Changed(s.roster, at) })
		ctx, cancel := context.WithCancel(context.Background())
		var wait sync.WaitGroup
		wait.Go(func() { _ = s.a.Run(ctx) })
		test(s)
		cancel()
		wait.Wait()
	})
}

func (s *scene) enter(id uint64, status presence.Status, room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := fmt.Sprint("u", id%100)
	s.roster.Apply(s.edge, &presence.Change{
		Kind: presence.Entered, ID: id, User: []byte(user), Name: []byte("N" + user), Status: status, Rooms: [][]byte{[]byte(room)},
	})
}

func (s *scene) exit(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roster.Apply(s.edge, &presence.Change{Kind: presence.Exited, ID: id})
}

func (s *scene) status(id uint64, status presence.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roster.Apply(s.edge, &presence.Change{Kind: presence.StatusChanged, ID: id, Status: status})
}

// drain returns what watchers got since the last call, after some time, as room:count[users].
func (s *scene) drain(after time.Duration) []string {
	time.Sleep(after)
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, m := range s.got {
		var users []string
		for _, p := range m.Users {
			users = append(users, fmt.Sprint(p.User, "=", p.Status))
		}
		slices.Sort(users)
		out = append(out, fmt.Sprintf("%s:%d%v", m.room, m.Count, users))
	}
	s.got = nil
	slices.Sort(out)
	return out
}

func (s *scene) want(what string, after time.Duration, want ...string) {
	s.t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := gocmp.Diff(want, s.drain(after)); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestChangesAreToldTogether(t *testing.T) {
	stage(t, func(s *scene) {
		s.enter(1, presence.Online, "a")
		s.enter(2, presence.DND, "a")
		s.enter(3, presence.Online, "b")
		s.want("joins", 300*time.Millisecond, "a:2[u1=online u2=dnd]", "b:1[u3=online]")
		s.want("nothing new", time.Minute)
		s.status(1, presence.Idle)
		s.status(1, presence.DND)
		s.status(2, presence.Invisible)
		s.want("statuses: the last, and the invisible as offline", 300*time.Millisecond, "a:1[u1=dnd u2=offline]")
		s.status(1, presence.Online)
		s.status(1, presence.DND)
		s.want("there and back, for those who asked in between", 300*time.Millisecond, "a:1[u1=dnd]")
		s.enter(4, presence.Online, "c")
		s.exit(4)
		s.want("came and went, for those who asked in between", 300*time.Millisecond, "c:0[u4=offline]")
		s.enter(4, presence.Invisible, "c")
		s.exit(4)
		s.want("the invisible came and went", time.Minute)
		s.enter(101, presence.Online, "a") // a second device of u1
		s.want("a second device", 300*time.Millisecond)
		s.exit(101)
		s.want("which goes", time.Minute)
		s.exit(2) // whom nobody sees
		s.want("the invisible leaves", time.Minute)
		s.exit(1)
		s.exit(3)
		s.want("the last ones leave", time.Minute, "a:0[u1=offline]", "b:0[u3=offline]")
	})
}

func TestFlappingIsNotTold(t *testing.T) {
	stage(t, func(s *scene) {
		s.enter(1, presence.Online, "a")
		s.enter(2, presence.Online, "a")
		s.want("joins", time.Second, "a:2[u1=online u2=online]")
		for range 20 {
			s.exit(1)
			s.want("gone for a moment", 4*time.Second)
			s.enter(1, presence.Online, "a")
			s.want("back", time.Second)
		}
		s.exit(1)
		s.want("gone for a moment", 3*time.Second)
		s.enter(3, presence.Online, "a")
		s.want("the count is of whom watchers know", 300*time.Millisecond, "a:3[u3=online]")
		s.want("gone for good", 3*time.Second, "a:2[u1=offline]")
		s.exit(3)
		s.want("gone for a moment", 4*time.Second)
		s.enter(3, presence.DND, "a")
		s.want("back with another status", 2*time.Second, "a:2[u3=dnd]")
		s.exit(3)
		time.Sleep(3 * time.Second)
		s.enter(3, presence.DND, "a")
		time.Sleep(time.Second)
		s.exit(3)
		s.want("the time counts from the last leaving", 4500*time.Millisecond)
		s.want("gone for good", time.Second, "a:1[u3=offline]")
	})
}

func TestBigRoomsAreToldCounts(t *testing.T) {
	stage(t, func(s *scene) {
		for i := range uint64(5) {
			s.enter(i, presence.Online, "a")
		}
		s.want("still small", 300*time.Millisecond, "a:5[u0=online u1=online u2=online u3=online u4=online]")
		for i := range uint64(40) {
			s.enter(10+i, presence.Online, "a")
			time.Sleep(100 * time.Millisecond)
		}
		told := s.drain(0)
		if n := len(told); n < 3 || n > 5 {
			t.Errorf("%d messages in 4 s", n)
		}
		for _, m := range told {
			if !strings.HasSuffix(m, "[]") {
				t.Errorf("a big room is told of people: %s", m)
			}
		}
		s.want("the last count", 2*time.Second, "a:45[]")
		s.status(10, presence.DND)
		s.want("a status", 2*time.Second, "a:45[]")
		for i := range uint64(40) {
			s.exit(10 + i)
		}
		got := s.drain(10 * time.Second)
		if len(got) != 1 || len(got[0]) < 40*len("u10=offline") {
			t.Errorf("small again: %v", got)
		}
	})
}

func TestOneReplicaTellsAndAnotherTakesOver(t *testing.T) {
	stage(t, func(s *scene) {
		s.first.Store(false)
		s.enter(9, presence.Online, "old")
		s.want("not the first", 10*time.Second)
		s.enter(1, presence.Online, "a")
		s.enter(2, presence.Online, "a")
		time.Sleep(time.Second)
		s.status(1, presence.DND)
		s.want("not the first", time.Second)
		s.first.Store(true)
		s.want("what the one before may not have told, as it is now", 300*time.Millisecond, "a:2[u1=dnd u2=online]")
		s.want("once", time.Minute)
		s.first.Store(false)
		s.exit(1)
		s.exit(2)
		s.want("not the first", 6*time.Second)
		s.first.Store(true)
		s.want("of a room that is gone", 300*time.Millisecond, "a:0[u1=offline u2=offline]")
	})
}

func TestManyAtOnceAreToldInParts(t *testing.T) {
	stage(t, func(s *scene) {
		s.a.cfg.Big = 100_000
		s.mu.Lock()
		for i := range uint64(3 * maxUsers) {
			s.roster.Apply(s.edge, &presence.Change{
				Kind: presence.Entered, ID: i, User: fmt.Append(nil, "user", i), Name: []byte("Name"), Rooms: [][]byte{[]byte("a")},
			})
		}
		s.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		told := map[string]bool{}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, m := range s.got {
			if len(m.Users) > maxUsers || m.Count != 3*maxUsers {
				t.Errorf("%d users in a message, count %d", len(m.Users), m.Count)
			}
			for _, p := range m.Users {
				told[p.User] = true
			}
		}
		if len(told) != 3*maxUsers {
			t.Errorf("%d users told", len(told))
		}
	})
}
