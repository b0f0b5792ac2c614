package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/bus"
)

var rpcTests = map[string]func(*testing.T, *suite){
	"rpc: reply":                          checkRpcReply,
	"rpc: errors":                         checkRpcErrors,
	"rpc: no responder":                   checkRpcNobody,
	"rpc: the deadline is carried":        checkRpcDeadline,
	"rpc: no reply in time":               checkRpcTimeout,
	"rpc: servers share":                  checkRpcShared,
	"rpc: a hundred at the same time":     checkRpcParallel,
	"rpc: Stop waits for what is in hand": checkRpcStop,
	"rpc: no request is lost by a Stop":   checkRpcHandOver,
	"rpc: what is refused":                checkRpcRefuses,
}

type handler = func(context.Context, []byte) ([]byte, error)

func serve(t testing.TB, b bus.RPC, service string, h handler) bus.Subscription {
	t.Helper()
	sub, err := b.Serve(within(t), service, h)
	if err != nil {
		t.Fatalf("serve: %v", err)
	}
	t.Cleanup(sub.Stop)
	return sub
}

func echo(_ context.Context, data []byte) ([]byte, error) { return data, nil }

func checkRpcReply(t *testing.T, s *suite) {
	service := name("service") + ".echo"
	serve(t, s.open(t), service, echo)
	for _, data := range [][]byte{{}, []byte("hello"), {0, '\r', '\n', 0xff}, bytes.Repeat([]byte("x"), bus.MaxData)} {
		got, err := s.bus.Request(within(t), service, data)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes were answered with %d, %v", len(data), len(got), err)
		}
	}
}

func checkRpcErrors(t *testing.T, s *suite) {
	service := name("service")
	want := &bus.Error{Code: "slow_down", Message: "not so fast,\r\nä", RetryAfter: 1500 * time.Millisecond}
	serve(t, s.open(t), service, func(_ context.Context, data []byte) ([]byte, error) {
		switch string(data) {
		case "coded":
			return []byte("ignored"), want
		case "wrapped":
			return nil, fmt.Errorf("context: %w", want)
		case "large":
			return make([]byte, bus.MaxData+1), nil
		}
		return nil, errors.New("the password is secret")
	})
	for _, q := range []string{"coded", "wrapped"} {
		_, err := s.bus.Request(within(t), service, []byte(q))
		got, _ := errors.AsType[*bus.Error](err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", q, diff)
		}
	}
	for _, q := range []string{"plain", "large"} {
		_, err := s.bus.Request(within(t), service, []byte(q))
		if got, _ := errors.AsType[*bus.Error](err); got == nil || *got != (bus.Error{Code: "internal"}) {
			t.Errorf("%s: %v, want code internal and no detail", q, err)
		}
	}
}

func checkRpcNobody(t *testing.T, s *suite) {
	service := name("service")
	nobody := func() {
		t.Helper()
		// A cluster's servers tell each other who serves no more, which takes a moment: until then
		// requests get no answer.
		eventually(t, "nobody serves", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := s.bus.Request(ctx, service, nil)
			if !errors.Is(err, bus.ErrNoResponder) && (s.Addr != "" || !errors.Is(err, bus.ErrUnavailable)) {
				t.Errorf("%v, want ErrNoResponder", err)
			}
			return errors.Is(err, bus.ErrNoResponder)
		})
	}
	nobody()
	serve(t, s.bus, service, echo).Stop()
	nobody()
	b := s.open(t)
	serve(t, b, service, echo)
	if _, err := s.bus.Request(within(t), service, nil); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	nobody()
}

func checkRpcDeadline(t *testing.T, s *suite) {
	service := name("service")
	left := make(chan time.Duration, 1)
	serve(t, s.open(t), service, func(ctx context.Context, _ []byte) ([]byte, error) {
		d, ok := ctx.Deadline()
		if !ok {
			t.Error("the handler has no deadline")
		}
		left <- time.Until(d)
		return nil, nil
	})
	for _, q := range []struct{ give, atMost time.Duration }{{0, 5 * time.Second}, {time.Hour, time.Hour}, {20 * time.Second, 20 * time.Second}} {
		ctx := t.Context()
		if q.give > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, q.give)
			defer cancel()
		}
		if _, err := s.bus.Request(ctx, service, nil); err != nil {
			t.Fatal(err)
		}
		if got := <-left; got > q.atMost || got < q.atMost/2 {
			t.Errorf("of %s the handler had %s", q.atMost, got)
		}
	}
}

func checkRpcTimeout(t *testing.T, s *suite) {
	service := name("service")
	ended, leave := make(chan error, 1), make(chan struct{})
	serve(t, s.open(t), service, func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		ended <- ctx.Err()
		<-leave
		return nil, ctx.Err()
	})
	defer close(leave)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.bus.Request(ctx, service, nil); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the handler's context ended with %v", err)
	}
}

func checkRpcShared(t *testing.T, s *suite) {
	service := name("service")
	var counts [3]atomic.Int64
	for i, b := range []bus.Interface{s.bus, s.open(t), s.open(t)} {
		serve(t, b, service, func(context.Context, []byte) ([]byte, error) {
			counts[i].Add(1)
			return nil, nil
		})
	}
	const n = 300
	for range n {
		if _, err := s.bus.Request(within(t), service, nil); err != nil {
			t.Fatal(err)
		}
	}
	sum := int64(0)
	for i := range counts {
		if counts[i].Load() == 0 {
			t.Errorf("server %d got nothing of %d requests", i, n)
		}
		sum += counts[i].Load()
	}
	if sum != n {
		t.Errorf("%d requests were handled, %d were made", sum, n)
	}
}

func checkRpcParallel(t *testing.T, s *suite) {
	const n = 100
	service := name("service")
	var in sync.WaitGroup
	in.Add(n)
	serve(t, s.open(t), service, func(_ context.Context, data []byte) ([]byte, error) {
		in.Done()
		in.Wait() // no handler returns before all have begun
		return data, nil
	})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			want := fmt.Sprint("request ", i)
			if got, err := s.bus.Request(within(t), service, []byte(want)); err != nil || string(got) != want {
				t.Errorf("%q was answered with %q, %v", want, got, err)
			}
		})
	}
	wg.Wait()
}

func checkRpcStop(t *testing.T, s *suite) {
	service := name("service")
	inside, leave := make(chan struct{}), make(chan struct{})
	var left atomic.Bool
	var once sync.Once
	sub := serve(t, s.open(t), service, func(context.Context, []byte) ([]byte, error) {
		once.Do(func() { close(inside) }) // later requests may still come here
		<-leave
		left.Store(true)
		return []byte("done"), nil
	})
	reply := make(chan string, 1)
	go func() {
		got, err := s.bus.Request(within(t), service, nil)
		reply <- fmt.Sprint(string(got), err)
	}()
	<-inside
	stopped := make(chan bool)
	go func() {
		sub.Stop()
		stopped <- left.Load()
	}()
	eventually(t, "nobody serves any more", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.bus.Request(ctx, service, nil)
		return errors.Is(err, bus.ErrNoResponder)
	})
	close(leave)
	if !<-stopped {
		t.Error("Stop returned before the handler")
	}
	if got := <-reply; got != "done<nil>" {
		t.Errorf("the request in hand was answered with %s", got)
	}
	sub.Stop() // the second Stop
}

func checkRpcHandOver(t *testing.T, s *suite) {
	service := name("service")
	b := s.open(t)
	serve(t, s.bus, service, echo) // this one stays
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := s.bus.Request(within(t), service, []byte("x")); err != nil {
					t.Errorf("while another server comes and goes: %v", err)
					return
				}
			}
		})
	}
	for range 20 {
		serve(t, b, service, echo).Stop()
	}
	cancel()
	wg.Wait()
}

func checkRpcRefuses(t *testing.T, s *suite) {
	for _, bad := range []string{"", "a..b", "a.*", ">", "a b"} {
		if _, err := s.bus.Request(within(t), bad, nil); !errors.Is(err, bus.ErrBadName) {
			t.Errorf("request to %q: %v, want ErrBadName", bad, err)
		}
		if _, err := s.bus.Serve(within(t), bad, echo); !errors.Is(err, bus.ErrBadName) {
			t.Errorf("serve %q: %v, want ErrBadName", bad, err)
		}
	}
	if _, err := s.bus.Request(within(t), "a", make([]byte, bus.MaxData+1)); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
}
