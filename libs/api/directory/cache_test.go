package directory

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// service is a directory service with a map for its store.
type service struct {
	mu     sync.Mutex
	access map[key]Access
	asked  int
	during func() // called while a request is answered, after the store was read
}

func (s *service) answer(_ context.Context, r AccessRequest) (Access, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	a := s.access[key{r.User, r.Room}]
	if s.during != nil {
		s.during()
	}
	return a, nil
}

func (s *service) set(user, room string, a Access) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access[key{user, room}] = a
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func openBus(t *testing.T) bus.Interface {
	t.Helper()
	b := membus.NewServer(membus.Options{}).Open()
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func start(t *testing.T, b bus.Interface, hook func(Change)) (*Cache, *service) {
	t.Helper()
	s := &service{access: map[key]Access{}}
	sub, err := api.Handle(t.Context(), b, ServiceAccess, nil, s.answer)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCache(b, zap.NewNop())
	// ids may share a counter of changes, and then one's change makes the other's answers unknown
	for a := &c.answers; a.user("ann") == a.user("bob") || a.room("r1") == a.room("r2"); {
		c = NewCache(b, zap.NewNop())
		a = &c.answers
	}
	if hook != nil {
		c.OnChange(hook)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		sub.Stop()
	})
	eventually(t, c.current)
	return c, s
}

func publish(t *testing.T, b bus.Interface, change Change) {
	t.Helper()
	data, err := EncodeChange(change)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: chat.ControlRoom, Sender: "directory", ID: chat.NewID(), Data: data}); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come true")
		}
	}
}

func TestCacheAsksOnceAndFollowsChanges(t *testing.T) {
	b := openBus(t)
	hooked := make(chan Change, 10)
	c, s := start(t, b, func(ch Change) { hooked <- ch })
	member := Access{Role: RoleMember, Read: true, Send: true}
	s.set("ann", "r1", member)

	for range 3 {
		a, err := c.Access(t.Context(), "ann", "r1")
		if err != nil || a != member {
			t.Fatalf("access is %+v, %v", a, err)
		}
		if a, err := c.Access(t.Context(), "bob", "r1"); err != nil || a != (Access{}) {
			t.Fatalf("a stranger's access is %+v, %v", a, err)
		}
	}
	if n := s.count(); n != 2 {
		t.Errorf("asked %d times for two answers", n)
	}

	s.set("ann", "r1", Access{})
	publish(t, b, Change{Kind: ChangeAccess, User: "ann", Room: "r1"})
	if ch := <-hooked; ch.User != "ann" {
		t.Errorf("hook got %+v", ch)
	}
	if a, err := c.Access(t.Context(), "ann", "r1"); err != nil || a.Read {
		t.Errorf("after the change: %+v, %v", a, err)
	}
	if _, ok := c.Cached("bob", "r1"); !ok {
		t.Error("one user's change made another's access unknown")
	}
	s.set("ann", "r1", member)
	publish(t, b, Change{Kind: ChangeRoom, Room: "r1"})
	<-hooked
	if _, ok := c.Cached("ann", "r1"); ok {
		t.Error("a changed room's access is still cached")
	}
	if a, err := c.Access(t.Context(), "ann", "r1"); err != nil || a != member {
		t.Errorf("access is %+v, %v", a, err)
	}
}

// TestNoStaleGrant lets a change arrive between the directory's look into its store and its answer.
func TestNoStaleGrant(t *testing.T) {
	b := openBus(t)
	var changed atomic.Int64
	c, s := start(t, b, func(Change) { changed.Add(1) })
	s.set("ann", "r1", Access{Role: RoleMember, Read: true, Send: true})
	s.mu.Lock()
	s.during = func() {
		s.during = nil
		s.access[key{"ann", "r1"}] = Access{}
		publish(t, b, Change{Kind: ChangeAccess, User: "ann", Room: "r1"})
		eventually(t, func() bool { return changed.Load() == 1 })
	}
	s.mu.Unlock()
	a, err := c.Access(t.Context(), "ann", "r1")
	if err != nil || a.Read {
		t.Errorf("access is %+v, %v: it was taken away meanwhile", a, err)
	}
	if a, ok := c.Cached("ann", "r1"); !ok || a.Read {
		t.Errorf("cached is %+v, %v", a, ok)
	}
}

func TestRoomsByName(t *testing.T) {
	b := openBus(t)
	c, s := start(t, b, nil)
	for _, tt := range []struct {
		user, room string
		want       Access
	}{
		{"ann", "u-ann", Access{Read: true}},
		{"ann", "u-bob", Access{}},
		{"ann", chat.ControlRoom, Access{}},
	} {
		if a, err := c.Access(t.Context(), tt.user, tt.room); err != nil || a != tt.want {
			t.Errorf("%s in %s: %+v, %v", tt.user, tt.room, a, err)
		}
	}
	if s.count() != 0 {
		t.Error("asked for rooms whose name says it all")
	}
	if _, err := c.Access(t.Context(), "ann", "a.b"); chat.CodeOf(err) != chat.CodeBadRequest {
		t.Errorf("a bad room: %v", err)
	}
}

func TestNothingIsCachedWithoutContact(t *testing.T) {
	b := openBus(t)
	c, s := start(t, b, nil)
	s.set("ann", "r1", Access{Read: true})
	if _, err := c.Access(t.Context(), "ann", "r1"); err != nil {
		t.Fatal(err)
	}
	c.contact.Store(int64(time.Since(c.started) - maxAge))
	if _, ok := c.Cached("ann", "r1"); ok {
		t.Error("answered from memory without contact")
	}
	if a, err := c.Access(t.Context(), "ann", "r1"); err != nil || !a.Read {
		t.Errorf("access is %+v, %v", a, err)
	}
	// What was known before the silence is not believed after it.
	c.touch()
	if _, ok := c.Cached("ann", "r1"); ok {
		t.Error("answered from before the silence")
	}
	if _, err := c.Access(t.Context(), "ann", "r1"); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Cached("ann", "r1"); !ok {
		t.Error("with contact again nothing is kept")
	}
}

func TestLostChangesForget(t *testing.T) {
	b := openBus(t)
	hooked := make(chan Change, 1)
	c, s := start(t, b, func(ch Change) { hooked <- ch })
	s.set("ann", "r1", Access{Read: true})
	for name, lose := range map[string]func(string, uint64){"rewound": (*follower)(c).Rewound, "missed": (*follower)(c).Missed} {
		if _, err := c.Access(t.Context(), "ann", "r1"); err != nil {
			t.Fatal(err)
		}
		lose(chat.ControlRoom, 1)
		if _, ok := c.Cached("ann", "r1"); ok {
			t.Errorf("%s: changes may have been lost, and the answer is still cached", name)
		}
		if ch := <-hooked; ch.Kind != ChangeReset {
			t.Errorf("%s: hook got %+v", name, ch)
		}
	}
}

// TestOneQuestionForAll: many ask for the same at once, while the directory takes its time;
// whoever began gives up.
func TestOneQuestionForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &scripted{hold: make(chan struct{}), answer: func(string, string) Access { return Access{Read: true} }}
		c := NewCache(b, zap.NewNop())
		ask := func(ctx context.Context) <-chan error {
			got := make(chan error, 1)
			go func() {
				a, err := c.Access(ctx, "ann", "r1")
				if err == nil && !a.Read {
					t.Error("the answer is another than the directory's")
				}
				got <- err
			}()
			synctest.Wait()
			return got
		}
		first, giveUp := context.WithCancel(t.Context())
		begun := ask(first)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := <-ask(gone); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("one who does not wait: %v", err)
		}
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := <-ask(late); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("one who does not wait for long: %v", err)
		}
		var others []<-chan error
		for range 50 {
			others = append(others, ask(t.Context()))
		}
		if b.asked.Load() != 1 {
			t.Errorf("%d questions for the same", b.asked.Load())
		}
		giveUp()
		if err := <-begun; !errors.Is(err, context.Canceled) {
			t.Errorf("whoever gave up: %v", err)
		}
		synctest.Wait()
		close(b.hold)
		for _, got := range others {
			if err := <-got; err != nil {
				t.Errorf("one who waited for another that gave up: %v", err)
			}
		}
		if b.asked.Load() != 2 {
			t.Errorf("asked %d times", b.asked.Load())
		}
		if len(c.asks.open) != 0 {
			t.Error("questions are remembered that have ended")
		}
	})
}

// TestAccessThatKeepsChanging crosses every answer with a change: nobody is told what may be old.
func TestAccessThatKeepsChanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &scripted{answer: func(string, string) Access { return Access{Read: true} }, followed: func() {}}
		c := NewCache(b, zap.NewNop())
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = c.Run(ctx) })
		defer run.Wait()
		defer cancel()
		synctest.Wait()
		changes := 0
		var cross func()
		cross = func() {
			data, err := EncodeChange(Change{Kind: ChangeAccess, User: "ann", Room: "r1"})
			if err != nil {
				t.Error(err)
			}
			changes++
			b.follow.Entry(bus.Entry{Room: chat.ControlRoom, Seq: uint64(changes), Data: data})
			b.during = cross
		}
		b.during = cross
		if a, err := c.Access(t.Context(), "ann", "r1"); chat.CodeOf(err) != chat.CodeUnavailable || a != (Access{}) {
			t.Errorf("access is %+v, %v", a, err)
		}
		if b.asked.Load() != maxAsks {
			t.Errorf("asked %d times", b.asked.Load())
		}
		b.during = nil
		if a, err := c.Access(t.Context(), "ann", "r1"); err != nil || !a.Read {
			t.Errorf("when it has settled: %+v, %v", a, err)
		}
		// What is no change is passed over, and what comes after it is not.
		b.follow.Entry(bus.Entry{Room: chat.ControlRoom, Seq: 98, Data: []byte("_{")})
		b.follow.Entry(bus.Entry{Room: chat.ControlRoom, Seq: 99, Data: []byte("_")})
		b.follow.Entry(bus.Entry{Room: chat.ControlRoom, Seq: 100, Data: []byte(`_{"kind":"newer","user":"ann","room":"r1"}`)})
		if _, ok := c.Cached("ann", "r1"); !ok {
			t.Error("an entry that is no change of access made it unknown")
		}
		cross()
		if _, ok := c.Cached("ann", "r1"); ok {
			t.Error("a change after a bad entry is not taken in")
		}
	})
}

func TestCachedAllocatesNothing(t *testing.T) {
	b := openBus(t)
	c, s := start(t, b, nil)
	s.set("ann", "r1", Access{Read: true})
	if _, err := c.Access(t.Context(), "ann", "r1"); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := c.Cached("ann", "r1"); !ok {
			t.Error("not cached")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
