package bustest

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

var lifeTests = map[string]func(*testing.T, *suite){
	"close: every call fails after it":      checkCallsAfterClose,
	"close: appends in flight have an end":  checkCloseEndsAppends,
	"close: callbacks end with it":          checkCloseEndsCallbacks,
	"close: whoever is told is told before": checkCloseWaitsForAppends,
	"close: of one bus leaves others alone": checkCloseIsOwn,
	"calls end with their context":          checkCancelled,
}

// calls returns every call that needs the server, by name.
func calls(b bus.Interface) map[string]func(context.Context) error {
	nothing := func([]byte) {}
	return map[string]func(context.Context) error{
		"Append": func(ctx context.Context) error {
			_, err := bus.Append(ctx, b, entry("room", "ann", chat.NewID()))
			return err
		},
		"Replay":      func(ctx context.Context) error { _, err := b.Replay(ctx, "room", bus.Position{}, 1); return err },
		"Follow":      func(ctx context.Context) error { _, _, err := b.Follow(ctx, name("room"), &follower{}); return err },
		"DeadLetters": func(ctx context.Context) error { _, err := b.DeadLetters(ctx, "group", 1); return err },
		"Redrive":     func(ctx context.Context) error { _, err := b.Redrive(ctx, "group", 1); return err },
		"Groups":      func(ctx context.Context) error { _, err := b.Groups(ctx); return err },
		"Retire":      func(ctx context.Context) error { return b.Retire(ctx, "nobody") },
		"Heads":       func(ctx context.Context) error { _, err := b.Heads(ctx, []string{"room"}); return err },
		"Watch": func(ctx context.Context) error {
			_, err := b.Watch(ctx, &watcher{hints: make(map[string]uint64)})
			return err
		},
		"Remove":    func(ctx context.Context) error { return b.Remove(ctx, "room", 1<<50) },
		"Advance":   func(ctx context.Context) error { return b.Advance(ctx, 1) },
		"Subscribe": func(ctx context.Context) error { _, err := b.Subscribe(ctx, name("chan"), nothing); return err },
		"Request":   func(ctx context.Context) error { _, err := b.Request(ctx, "service", nil); return err },
		"Serve":     func(ctx context.Context) error { _, err := b.Serve(ctx, name("service"), echo); return err },
		"Probe":     b.Probe,
	}
}

func checkCallsAfterClose(t *testing.T, s *suite) {
	b := s.open(t)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	all := calls(b)
	all["Publish"] = func(context.Context) error { return b.Publish("chan", nil) }
	all["CatchUp"] = func(ctx context.Context) error { return b.CatchUp(ctx, "group") }
	all["Consume"] = func(ctx context.Context) error { return b.Consume(ctx, "group", nil) }
	for name, call := range all {
		if err := call(within(t)); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
}

// checkCancelled makes calls whose context has ended, or ends while they wait.
func checkCancelled(t *testing.T, s *suite) {
	b := s.open(t)
	for name, call := range calls(b) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		// It may have succeeded all the same: a server answers fast.
		if err := call(ctx); err != nil && !errors.Is(err, bus.ErrUnavailable) && !errors.Is(err, context.Canceled) && !errors.Is(err, bus.ErrNoResponder) {
			t.Errorf("%s: %v, with a context that has ended", name, err)
		}
	}
	service := name("service")
	inside, leave := make(chan struct{}), make(chan struct{})
	serve(t, s.bus, service, func(context.Context, []byte) ([]byte, error) {
		close(inside)
		<-leave
		return nil, nil
	})
	defer close(leave)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.Request(ctx, service, nil)
		done <- err
	}()
	<-inside
	cancel()
	if err := <-done; !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("a request that is cancelled: %v, want ErrUnavailable", err)
	}
	put(t, b, entry(name("room"), "ann", "id")) // the bus is well
}

func checkCloseEndsAppends(t *testing.T, s *suite) {
	b := s.open(t)
	const n = 2000
	var ended atomic.Int64
	room := name("room")
	acked := make(chan string, n)
	for range n {
		id := chat.NewID()
		b.Append(entry(room, "ann", id), func(_ bus.Appended, err error) {
			switch {
			case err == nil:
				acked <- id
			case !errors.Is(err, bus.ErrClosed):
				t.Errorf("%v, want ErrClosed or success", err)
			}
			ended.Add(1)
		})
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if got := ended.Load(); got != n {
		t.Errorf("%d of %d appends had ended when Close returned", got, n)
	}
	close(acked)
	log := make(map[string]bool)
	for _, e := range readAll(t, s.bus, room) {
		log[e.ID] = true
	}
	for id := range acked {
		if !log[id] {
			t.Errorf("%s was acknowledged and is not in the log", id)
		}
	}
}

// checkCloseWaitsForAppends checks that no append's done runs any more when Close returns.
func checkCloseWaitsForAppends(t *testing.T, s *suite) {
	b := s.open(t)
	inside, told := make(chan struct{}), false
	b.Append(entry(name("room"), "ann", "id"), func(bus.Appended, error) {
		close(inside)
		for !errors.Is(b.Probe(t.Context()), bus.ErrClosed) {
		}
		time.Sleep(100 * time.Millisecond) // so that a Close which does not wait fails the test
		told = true
	})
	<-inside
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if !told {
		t.Error("Close returned while a callback ran")
	}
}

func checkCloseEndsCallbacks(t *testing.T, s *suite) {
	b := s.open(t)
	room, channel, service := name("room"), name("chan"), name("service")
	f := &follower{room: room}
	_, sub, err := b.Follow(within(t), room, f)
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t, b, channel)
	server := serve(t, b, service, echo)
	fill(t, b, room, 1)
	eventually(t, "the entry arrives", func() bool { return f.count() == 1 })
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	f.mu.Lock()
	f.done = true
	f.mu.Unlock()
	l.mu.Lock()
	l.done = true
	l.mu.Unlock()
	other := s.follow(t, s.bus, room)
	heard := listen(t, s.bus, channel)
	log := fill(t, s.bus, room, 3)
	publish(t, s.bus, channel, "late")
	other.has(t, log)
	eventually(t, "others hear it", func() bool { return len(heard.all()) == 1 })
	if f.late || l.late {
		t.Error("a callback came after Close")
	}
	for _, s := range []bus.Subscription{sub, l.sub, server} { // harmless
		s.Stop()
	}
}

func checkCloseIsOwn(t *testing.T, s *suite) {
	room, channel := name("room"), name("chan")
	a, b := s.open(t), s.open(t)
	fa, fb := s.follow(t, a, room), s.follow(t, b, room)
	listen(t, a, channel)
	l := listen(t, b, channel)
	log := fill(t, s.bus, room, 2)
	fa.has(t, log)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	fb.has(t, append(log, fill(t, s.bus, room, 2)...))
	heard(t, s.bus, channel, l)
}

func checkCloseLeavesNothing(t *testing.T, s *suite) {
	before, count := goleak.IgnoreCurrent(), goroutines()
	b := s.Log(t, Retention{}).Open(t, "")
	room := name("room")
	if _, _, err := b.Follow(within(t), room, &follower{room: room}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Subscribe(within(t), name("chan"), func([]byte) {}); err != nil {
		t.Fatal(err)
	}
	service := name("service")
	if _, err := b.Serve(within(t), service, echo); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Request(within(t), service, nil); err != nil {
		t.Error(err)
	}
	done := make(chan error, 1)
	inside := make(chan struct{}, 10)
	go func() {
		done <- b.Consume(context.Background(), "group", func(context.Context, []bus.Entry) error {
			inside <- struct{}{}
			return nil
		})
	}()
	put(t, b, entry(room, "ann", "id"))
	<-inside
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, bus.ErrClosed) {
		t.Errorf("consume: %v, want ErrClosed", err)
	}
	if s.Pause == nil { // the server runs in this process, and goes on
		eventually(t, "no goroutine is left", func() bool { return goroutines() <= count })
		return
	}
	goleak.VerifyNone(t, before)
}

// goroutines counts the goroutines that do not belong to a server in this process.
func goroutines() (n int) {
	stacks := make([]byte, 16<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if !strings.Contains(stack, "nats-server") {
			n++
		}
	}
	return n
}
