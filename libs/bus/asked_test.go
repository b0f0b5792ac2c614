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

// TestStoppedByAnother: a subscriber that is stopped while an event is on its way to it hears it no
// more; one that gave up before the channel was there never does.
func TestStoppedByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var receive func([]byte)
		open := make(chan struct{})
		b := over(t, &fake{listen: func(_ context.Context, r func([]byte)) (func(), error) {
			receive = r
			<-open
			return func() {}, nil
		}})
		heard := ""
		var second Subscription
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := b.Subscribe(t.Context(), "chan", func([]byte) { heard += "1"; second.Stop() }); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.Subscribe(short, "chan", func([]byte) { heard += "x" }); !errors.Is(err, ErrUnavailable) {
			t.Errorf("who gave up: %v", err)
		}
		close(open)
		wg.Wait()
		var err error
		if second, err = b.Subscribe(t.Context(), "chan", func([]byte) { heard += "2" }); err != nil {
			t.Fatal(err)
		}
		if receive([]byte("e")); heard != "1" {
			t.Errorf("heard by %q", heard)
		}
	})
}

// TestSubscribeFails: of a channel that the driver cannot listen to nothing is kept.
func TestSubscribeFails(t *testing.T) {
	t.Parallel()
	b := over(t, &fake{listen: func(context.Context, func([]byte)) (func(), error) { return nil, errFinal }})
	if _, err := b.Subscribe(t.Context(), "chan", nil); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errFinal) {
		t.Error(err)
	}
	if len(b.topics.all) != 0 || len(b.subs) != 0 {
		t.Errorf("%d channels and %d subscriptions are kept", len(b.topics.all), len(b.subs))
	}
}

// TestProbesAreToldApart: two at the same time have tokens of their own; one that waits when the
// bus is closed says so.
func TestProbesAreToldApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		b := over(t, f)
		var mu sync.Mutex
		var tokens []string
		f.probe = func(token string) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			tokens = append(tokens, token)
			return 1, nil
		}
		ended := make(chan error, 2)
		for range 2 {
			go func() { ended <- b.Probe(t.Context()) }()
		}
		synctest.Wait()
		if tokens[0] == tokens[1] {
			t.Error("two probes have the same token")
		}
		f.host.Returned(tokens[0])
		f.host.Returned(tokens[0])
		synctest.Wait()
		if len(ended) != 1 {
			t.Errorf("%d probes have ended, of which one came back", len(ended))
		}
		_ = b.Close()
		if first, second := <-ended, <-ended; first != nil || !errors.Is(second, ErrClosed) {
			t.Errorf("%v, and when the bus was closed %v", first, second)
		}
	})
}

// TestRequestsEnd: a request without a deadline has one, and ends with the bus.
func TestRequestsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		b := over(t, f)
		f.request = func(ctx context.Context) (driver.Reply, error) { <-ctx.Done(); return driver.Reply{}, ctx.Err() }
		began := time.Now()
		if _, err := b.Request(t.Context(), "service", nil); !errors.Is(err, ErrUnavailable) || time.Since(began) != requestTimeout {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		ended := make(chan error)
		go func() { _, err := b.Request(ctx, "service", nil); ended <- err }()
		time.Sleep(2 * requestTimeout)
		_ = b.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) || time.Since(began) != 2*requestTimeout {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// TestEmptyReplies: a reply may have no data, and an error that cannot be read says so.
func TestEmptyReplies(t *testing.T) {
	t.Parallel()
	f := &fake{}
	b := over(t, f)
	f.request = func(context.Context) (driver.Reply, error) { return driver.Reply{}, nil }
	if data, err := b.Request(t.Context(), "service", nil); err != nil || len(data) != 0 {
		t.Errorf("%q, %v", data, err)
	}
	f.request = func(context.Context) (driver.Reply, error) { return driver.Reply{Error: []byte("nonsense")}, nil }
	_, err := b.Request(t.Context(), "service", nil)
	if e, ok := errors.AsType[*Error](err); !ok || e.Message == "" {
		t.Errorf("%v", err)
	}
}

// TestServerTakesTurns: requests that wait are answered in their order, as many bytes of them as
// may be; what a handler says for itself is told, and what went wrong inside is not.
func TestServerTakesTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		var mu sync.Mutex
		order, replies, left := "", "", 0
		s := &server{b: over(t, &fake{}), service: "s", leave: func() { left++ }, handle: func(_ context.Context, data []byte) ([]byte, error) {
			<-leave
			switch string(data) {
			case "coded":
				return nil, &Error{Code: "not_found", Message: "no such thing"}
			case "inside":
				return nil, errors.New("secret of the store")
			case "large":
				return make([]byte, MaxData+1), nil
			}
			mu.Lock()
			defer mu.Unlock()
			order += string(data[:min(1, len(data))])
			return nil, nil
		}}
		s.idle.L = &s.mu
		call := func(data []byte) {
			s.receive(driver.Call{Data: data, Deadline: time.Now().Add(time.Minute), Answer: func(r driver.Reply) {
				mu.Lock()
				defer mu.Unlock()
				if len(r.Data) > 0 {
					replies += "data "
				}
				if r.Busy {
					replies += "busy "
				}
				replies += string(r.Error)
			}})
		}
		for _, data := range []string{"coded", "inside", "large"} {
			call([]byte(data))
		}
		for range serveLimit - 4 {
			call(nil)
		}
		call([]byte("0")) // the last that is handled at once
		for _, c := range "abcd" {
			call([]byte(string(c)))
		}
		full := make([]byte, serveBytes-4)
		full[0] = 'e'
		call(full)
		call([]byte("f")) // a byte too much
		mu.Lock()
		if replies != "busy " {
			t.Errorf("told %q", replies)
		}
		mu.Unlock()
		// One at a time from here on, or they would overtake each other.
		leave <- struct{}{}
		synctest.Wait()
		for range serveLimit + 5 - 1 {
			leave <- struct{}{}
			synctest.Wait()
		}
		s.Stop()
		s.Stop()
		if !ordered(order, "abcde") {
			t.Errorf("answered in the order %q", order)
		}
		if left != 1 {
			t.Errorf("left %d times", left)
		}
		if !strings.Contains(replies, `"not_found"`) || strings.Contains(replies, "secret") || strings.Contains(replies, "data") || strings.Count(replies, `"internal"`) != 2 {
			t.Errorf("told %q", replies)
		}
	})
}

// ordered reports whether the letters of want stand in s in this order, whatever else does.
func ordered(s, want string) bool {
	for _, c := range s {
		if want != "" && string(c) == want[:1] {
			want = want[1:]
		}
	}
	return want == ""
}

// TestServicesAreForgotten: what has stopped is not stopped again when the bus is closed.
func TestServicesAreForgotten(t *testing.T) {
	t.Parallel()
	d := &serving{}
	b, err := Open(t.Context(), d, overOptions())
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Serve(t.Context(), "service", nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Stop(); len(b.subs) != 0 {
		t.Errorf("%d services are kept", len(b.subs))
	}
	_ = b.Close()
}
