package bus

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus/driver"
)

// TestBadArgumentsReachNoDriver: the driver of this test would panic.
func TestBadArgumentsReachNoDriver(t *testing.T) {
	t.Parallel()
	b, large := over(t, &fake{}), make([]byte, MaxData+1)
	ctx := t.Context()
	appendErr := func(e NewEntry) error { _, err := Append(ctx, b, e); return err }
	_, replayErr := b.Replay(ctx, "a b", Position{}, 1)
	_, headsErr := b.Heads(ctx, []string{"room", ""})
	_, _, followErr := b.Follow(ctx, "a.b", nil)
	_, lettersErr := b.DeadLetters(ctx, "", 1)
	_, subscribeErr := b.Subscribe(ctx, "a.b.c.d.e", nil)
	_, requestErr := b.Request(ctx, "", nil)
	_, serveErr := b.Serve(ctx, "x..y", nil)
	for what, err := range map[string]error{
		"append": appendErr(NewEntry{Room: "room", Sender: "ann", ID: "."}), "replay": replayErr, "heads": headsErr, "follow": followErr,
		"remove": b.Remove(ctx, strings.Repeat("x", 65), 1), "consume": b.Consume(ctx, "*", nil), "letters": lettersErr,
		"retire": b.Retire(ctx, ">"), "publish": b.Publish("", nil), "subscribe": subscribeErr, "request": requestErr, "serve": serveErr,
	} {
		if !errors.Is(err, ErrBadName) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, requestErr = b.Request(ctx, "service", large)
	for what, err := range map[string]error{
		"append": appendErr(NewEntry{Room: "room", Sender: "ann", ID: "id", Data: large}), "publish": b.Publish("chan", large), "request": requestErr,
	} {
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, limit := range []int{0, MaxReplay + 1} {
		if _, err := b.Replay(ctx, "room", Position{}, limit); err == nil {
			t.Errorf("a replay of %d entries", limit)
		}
	}
	if _, err := b.Heads(ctx, make([]string, MaxHeads+1)); err == nil {
		t.Error("too many rooms have heads")
	}
	if err := b.Advance(ctx, MaxSeq); err == nil {
		t.Error("the log is advanced to its end")
	}
}

// TestRetry: a call is made again until it succeeds, fails for good, or its time is over.
func TestRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, tries := &fake{}, 0
		b := over(t, f)
		away := errors.New("away")
		f.replay = func() (driver.Replayed, bool, error) {
			if tries++; tries < 4 {
				return driver.Replayed{}, false, away
			}
			return driver.Replayed{Through: 7}, false, nil
		}
		began := time.Now()
		if rep, err := b.Replay(t.Context(), "room", Position{Seq: 1}, 1); err != nil || rep.Through != 7 || tries != 4 {
			t.Errorf("%+v, %v after %d tries", rep, err, tries)
		}
		if waited := time.Since(began); waited != 7*driver.RetryPause {
			t.Errorf("the pauses are %s in all", waited)
		}
		f.replay = func() (driver.Replayed, bool, error) { tries++; return driver.Replayed{}, false, errFinal }
		tries = 0
		if _, err := b.Replay(t.Context(), "room", Position{}, 1); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errFinal) || tries != 1 {
			t.Errorf("%v after %d tries", err, tries)
		}
		f.replay = func() (driver.Replayed, bool, error) { return driver.Replayed{}, false, away }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := b.Replay(ctx, "room", Position{}, 1); !errors.Is(err, ErrUnavailable) || !errors.Is(err, away) {
			t.Errorf("%v when its time is over", err)
		}
		ended := make(chan error)
		go func() { _, err := b.Replay(t.Context(), "room", Position{}, 1); ended <- err }()
		synctest.Wait()
		_ = b.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) || !f.closed {
			t.Errorf("%v, and the driver is closed: %v", err, f.closed)
		}
	})
}

// TestSubscribersShare: all subscribers of a channel share one subscription of the driver's, which
// ends with the last of them. When the one that asked the driver gives up, another asks.
func TestSubscribersShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, asked, stopped := &fake{}, 0, 0
		b := over(t, f)
		var receive func([]byte)
		confirm := make(chan struct{})
		f.listen = func(ctx context.Context, to func([]byte)) (func(), error) {
			asked++
			select {
			case <-confirm:
				receive = to
				return func() { stopped++ }, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		gaveUp := make(chan error, 1)
		go func() { _, err := b.Subscribe(short, "chan", nil); gaveUp <- err }()
		synctest.Wait()
		var mu sync.Mutex
		var got []string
		var wg sync.WaitGroup
		subs := make([]Subscription, 3)
		for i := range subs {
			wg.Go(func() {
				var err error
				subs[i], err = b.Subscribe(t.Context(), "chan", func(data []byte) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, string(data))
					data[0] = 'x' // its own
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := <-gaveUp; !errors.Is(err, ErrUnavailable) {
			t.Errorf("gave up: %v", err)
		}
		synctest.Wait()
		close(confirm)
		wg.Wait()
		if asked != 2 {
			t.Errorf("the driver was asked %d times", asked)
		}
		receive([]byte("hi"))
		subs[0].Stop()
		receive([]byte("ho"))
		if want := "hi hi hi ho ho"; strings.Join(got, " ") != want {
			t.Errorf("got %v", got)
		}
		subs[1].Stop()
		if stopped != 0 {
			t.Error("stopped before the last has gone")
		}
		subs[2].Stop()
		subs[2].Stop()
		if stopped != 1 {
			t.Errorf("the driver was told %d times that the last has gone", stopped)
		}
	})
}

// TestServerIsBounded: as many requests are answered at a time as may be, some wait, the next are
// told that it is busy, and whoever has waited for too long is not answered.
func TestServerIsBounded(t *testing.T) {
	t.Parallel()
	leave := make(chan struct{})
	var mu sync.Mutex
	handled, answered, busy := 0, 0, 0
	s := &server{b: over(t, &fake{}), service: "s", leave: func() {}, handle: func(_ context.Context, data []byte) ([]byte, error) {
		<-leave
		mu.Lock()
		defer mu.Unlock()
		handled++
		return data, nil
	}}
	s.idle.L = &s.mu
	call := func(left time.Duration) driver.Call {
		return driver.Call{Data: []byte("data"), Deadline: time.Now().Add(left), Answer: func(r driver.Reply) {
			mu.Lock()
			defer mu.Unlock()
			if r.Busy {
				busy++
			} else if string(r.Data) == "data" {
				answered++
			}
		}}
	}
	for i := range serveLimit + serveQueue {
		left := time.Minute
		if i == serveLimit {
			left = -time.Second
		}
		s.receive(call(left))
	}
	if s.active != serveLimit || len(s.queue) != serveQueue || s.bytes != 4*serveQueue {
		t.Errorf("%d are answered, and %d wait with %d bytes", s.active, len(s.queue), s.bytes)
	}
	s.receive(call(time.Minute))
	if busy != 1 {
		t.Errorf("%d are told that it is busy", busy)
	}
	close(leave)
	s.Stop()
	if want := serveLimit + serveQueue - 1; handled != want || answered != want || s.bytes != 0 {
		t.Errorf("%d were handled and %d answered, want %d; %d bytes wait", handled, answered, want, s.bytes)
	}
	s.receive(call(time.Minute))
	if s.active != 0 {
		t.Error("a request is answered after the end")
	}
}

// TestReplies: what a driver brings back is a reply, a coded error, or none.
func TestReplies(t *testing.T) {
	t.Parallel()
	f := &fake{}
	b := over(t, f)
	ask := func(r driver.Reply, err error) ([]byte, error) {
		f.request = func(context.Context) (driver.Reply, error) { return r, err }
		return b.Request(t.Context(), "service", nil)
	}
	if data, err := ask(driver.Reply{Data: []byte("x")}, nil); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
	for text, code := range map[string]string{`{"code":"not_found","message":"x"}`: "not_found", `nonsense`: codeInternal} {
		_, err := ask(driver.Reply{Error: []byte(text)}, nil)
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != code {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ask(driver.Reply{Busy: true}, nil); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errBusy) {
		t.Errorf("busy: %v", err)
	}
	if _, err := ask(driver.Reply{}, ErrNoResponder); !errors.Is(err, ErrNoResponder) || errors.Is(err, ErrUnavailable) {
		t.Errorf("nobody: %v", err)
	}
}

// TestProbe: a probe has to come back every way that it was sent.
func TestProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		b := over(t, f)
		for back := range 4 {
			f.probe = func(token string) (int, error) {
				for range back {
					f.host.Returned(token)
				}
				f.host.Returned("another")
				return 3, nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := b.Probe(ctx)
			cancel()
			if back == 3 && err != nil || back < 3 && !errors.Is(err, ErrUnavailable) {
				t.Errorf("back %d of 3 ways: %v", back, err)
			}
		}
		if len(b.probes.waiting) > 0 {
			t.Error("probes are remembered")
		}
	})
}
