package redisbus

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/bustest"
)

// TestTopologyAsks: callers at the same time, and those shortly after, share one answer; later ones
// ask again, and so does the topology itself without a reason.
func TestTopologyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		var mu sync.Mutex // of what follows
		var err error
		var questions, came int
		addrs := []string{"b", "a", "b"}
		o := newTopology(addrs, func(context.Context) ([]string, error) {
			mu.Lock()
			defer mu.Unlock()
			questions++
			time.Sleep(10 * time.Millisecond)
			return addrs, err
		}, zap.NewNop())
		set := func(servers []string, fails error) {
			mu.Lock()
			defer mu.Unlock()
			addrs, err = servers, fails
		}
		time.Sleep(time.Second)
		refresh := func(n, want int, wantErr error) {
			t.Helper()
			got := make(chan error, n)
			for range n {
				go func() { got <- o.Refresh(t.Context()) }()
			}
			for range n {
				if err := <-got; !errors.Is(err, wantErr) {
					t.Errorf("the answer is %v, want %v", err, wantErr)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if questions != want {
				t.Errorf("%d questions, want %d", questions, want)
			}
		}
		refresh(3, 1, nil)
		time.Sleep(lookPause - time.Millisecond)
		set(addrs, away)
		refresh(3, 1, nil)
		time.Sleep(time.Millisecond)
		refresh(3, 2, away)
		refresh(1, 2, away)
		if all := o.all(); !slices.Equal(all, []string{"a", "b"}) || !slices.Equal(o.addrs, addrs) {
			t.Errorf("the servers are %v, of the partitions %v", all, o.addrs)
		}

		ctx, cancel := context.WithCancel(t.Context())
		go o.run(ctx, func(context.Context) {
			mu.Lock()
			defer mu.Unlock()
			came++
		})
		synctest.Wait()
		_, changed := o.at(1)
		set([]string{"b", "c", "b"}, nil)
		time.Sleep(lookEvery + time.Second)
		mu.Lock()
		if addr, _ := o.at(1); addr != "c" || came != 1 || questions != 3 {
			t.Errorf("the server is %s after %d questions, and %d changes were told", addr, questions, came)
		}
		mu.Unlock()
		select {
		case <-changed:
		default:
			t.Error("the change is not told")
		}
		time.Sleep(lookEvery)
		mu.Lock()
		if came != 1 || questions != 4 {
			t.Errorf("without a change: %d questions, and %d changes were told", questions, came)
		}
		mu.Unlock()
		cancel()
		synctest.Wait()
	})
}

// TestDiagnosis: whoever gives the URL of the other kind of server is told so.
func TestDiagnosis(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*bustest.RedisServer{"open": bustest.Redis(t), "with a password": bustest.Redis(t, "--requirepass", "sesame")} {
		if got := diagnose(s.Addr(), &tls.Config{MinVersion: tls.VersionTLS12}); got != adviceNoTLS {
			t.Errorf("%s: %q", name, got)
		}
		if got := diagnose(s.Addr(), nil); got != "" {
			t.Errorf("%s, and asked without TLS: %q", name, got)
		}
	}
}
