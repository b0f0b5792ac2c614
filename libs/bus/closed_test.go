package bus

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus/driver"
)

// TestSubscribedAgain: when the last subscriber has gone the driver is told, and it is asked anew
// for the next one; a subscriber that has stopped hears nothing, and stops once.
func TestSubscribedAgain(t *testing.T) {
	t.Parallel()
	var receive func([]byte)
	listens, stops := 0, 0
	b := over(t, &fake{listen: func(_ context.Context, r func([]byte)) (func(), error) {
		listens++
		receive = r
		return func() { stops++ }, nil
	}})
	for round := 1; round <= 3; round++ {
		heard := [2]int{}
		var subs [2]Subscription
		for i := range subs {
			var err error
			if subs[i], err = b.Subscribe(t.Context(), "chan", func([]byte) { heard[i]++ }); err != nil {
				t.Fatal(err)
			}
		}
		receive([]byte("1"))
		subs[0].Stop()
		subs[0].Stop()
		if receive([]byte("2")); heard != [2]int{1, 2} || stops != round-1 {
			t.Errorf("round %d: heard %v, the driver was told to stop %d times", round, heard, stops)
		}
		subs[1].Stop()
		if receive([]byte("3")); heard != [2]int{1, 2} || listens != round || stops != round {
			t.Errorf("round %d: heard %v, %d times asked, %d times stopped", round, heard, listens, stops)
		}
		if len(b.subs) != 0 || len(b.topics.all) != 0 {
			t.Errorf("round %d: %d subscriptions and %d channels are kept", round, len(b.subs), len(b.topics.all))
		}
	}
}

// serving is a service on a driver that hands it calls.
type serving struct {
	fake
	receive func(driver.Call)
}

func (s *serving) Serve(_ context.Context, _ string, receive func(driver.Call)) (func(), error) {
	s.receive = receive
	return func() {}, nil
}

// TestLateRequests: a request whose time is over before it is its turn is not handled, and one
// whose time ends while it is handled is not answered with the error of that.
func TestLateRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &serving{}
		b, err := Open(t.Context(), d, overOptions())
		if err != nil {
			t.Fatal(err)
		}
		handled := 0
		if _, err := b.Serve(t.Context(), "service", func(ctx context.Context, _ []byte) ([]byte, error) {
			handled++
			<-ctx.Done()
			return nil, ctx.Err()
		}); err != nil {
			t.Fatal(err)
		}
		answers := 0
		call := driver.Call{Deadline: time.Now().Add(-time.Second), Answer: func(driver.Reply) { answers++ }}
		d.receive(call)
		synctest.Wait()
		if handled != 0 {
			t.Error("a request that is over was handled")
		}
		call.Deadline = time.Now().Add(time.Second)
		d.receive(call)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if handled != 1 || answers != 0 {
			t.Errorf("%d handled, %d answered", handled, answers)
		}
		_ = b.Close()
		d.receive(call) // on its way when the service stopped
		synctest.Wait()
		if handled != 1 {
			t.Error("a request was handled after Stop")
		}
	})
}

// TestAdvancedIsRewound: to a follower a log that was advanced past its position is another one;
// to who has nothing of it, it is as good as before.
func TestAdvancedIsRewound(t *testing.T) {
	t.Parallel()
	b := over(t, &fake{replay: func() (driver.Replayed, bool, error) {
		return driver.Replayed{Entries: []Entry{{Seq: 9}}, Through: 9}, true, nil
	}})
	for after, want := range map[uint64]bool{0: false, 1: true} {
		rep, err := source{b: b}.Replay(t.Context(), "room", Position{Seq: after}, 10)
		if err != nil || rep.Rewound != want || rep.Through != 9 || (len(rep.Entries) == 0) != want {
			t.Errorf("after %d: %+v, %v", after, rep, err)
		}
	}
}

// TestRemoveOfNothing asks the driver, which would panic, for no removal where there is no entry.
func TestRemoveOfNothing(t *testing.T) {
	t.Parallel()
	b := over(t, &fake{})
	for _, seq := range []uint64{0, MaxSeq + 1} {
		if err := b.Remove(t.Context(), "room", seq); err != nil {
			t.Errorf("%d: %v", seq, err)
		}
	}
}

// TestCloseWaits: a second Close returns when the first has closed the driver.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{closing: make(chan struct{})}
		b := over(t, f)
		go func() { _ = b.Close() }()
		synctest.Wait()
		go close(f.closing)
		if err := b.Close(); err != nil || !f.closed {
			t.Errorf("closed again: %v, the driver is closed: %v", err, f.closed)
		}
	})
}

// TestAfterClose: every call says that the bus is closed, and closing it again waits and does no
// harm.
func TestAfterClose(t *testing.T) {
	t.Parallel()
	f := &fake{listen: func(context.Context, func([]byte)) (func(), error) { return func() {}, nil }}
	b := over(t, f)
	stopped := 0
	if err := b.keep(&stopper{&stopped}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Close(); err != nil || !f.closed || stopped != 1 {
			t.Errorf("%v; the driver is closed: %v; %d subscriptions stopped", err, f.closed, stopped)
		}
	}
	if err := b.keep(&stopper{&stopped}); !errors.Is(err, ErrClosed) || stopped != 2 {
		t.Errorf("a subscription that came late: %v, stopped %d", err, stopped)
	}
	_, subErr := b.Subscribe(t.Context(), "chan", nil)
	_, reqErr := b.Request(t.Context(), "service", nil)
	_, serveErr := b.Serve(t.Context(), "service", nil)
	_, appendErr := Append(t.Context(), b, NewEntry{Room: "room", Sender: "ann", ID: "id"})
	_, watchErr := b.Watch(t.Context(), nil)
	_, groupsErr := b.Groups(t.Context())
	for what, err := range map[string]error{
		"publish": b.Publish("chan", nil), "subscribe": subErr, "request": reqErr, "serve": serveErr, "append": appendErr, "watch": watchErr,
		"groups": groupsErr, "probe": b.Probe(t.Context()), "remove": b.Remove(t.Context(), "room", 1), "catch up": b.CatchUp(t.Context(), "g"),
		"retire": b.Retire(t.Context(), "g"), "advance": b.Advance(t.Context(), 1), "consume": b.Consume(t.Context(), "g", nil),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

type stopper struct{ stopped *int }

func (s *stopper) Stop() { *s.stopped++ }
