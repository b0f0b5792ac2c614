package redisbus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// TestLeaseIsTaken: a member that was taken for dead while its handler works is told so, and cannot
// acknowledge what another has by then. The test plays the other member.
func TestLeaseIsTaken(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: s.URL(), Partitions: 1, MemberEvery: bustest.MemberEvery})
	seqs := put(t, b, "room", 0, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := make(chan struct{})
	told := make(chan struct{})
	again := make(chan []bus.Entry, 10)
	var once sync.Once
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, "group", func(ctx context.Context, batch []bus.Entry) error {
			mine := false
			once.Do(func() {
				mine = true
				close(first)
				<-ctx.Done()
				close(told)
			})
			if !mine {
				again <- batch
			}
			return nil // the first time too: but that is not its to say any more
		})
	}()
	<-first
	c := raw(t, s)
	if err := c.Set(t.Context(), "hub:{0}:lease:group", "another", 300*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	<-told
	eventually(t, "the entries come again when the other member's lease has expired", func() bool { return len(again) > 0 })
	if batch := <-again; len(batch) != 2 || batch[0].Seq != seqs[0] {
		t.Errorf("%+v came, want both entries", batch)
	}
	eventually(t, "they are acknowledged", func() bool {
		read, err := c.HGet(t.Context(), "hub:{0}:read", "group").Result()
		return err == nil && read == fmt.Sprint(seqs[1])
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n, err := c.Exists(t.Context(), "hub:{0}:lease:group").Result(); err != nil || n != 0 {
		t.Errorf("the lease is left behind: %d, %v", n, err)
	}
	if n, err := c.ZCard(t.Context(), "hub:{0}:members:group").Result(); err != nil || n != 0 {
		t.Errorf("the member is left on the list: %d, %v", n, err)
	}
}

// TestLeaseOutlivesSlowHandler: a handler may take longer than a lease lasts.
func TestLeaseOutlivesSlowHandler(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	// leases last 1 s: a busy disk may hold up renewing one
	cfg := redisbus.Config{URL: s.URL(), Partitions: 1, MemberEvery: 250 * time.Millisecond}
	a, b := open(t, cfg), open(t, cfg)
	put(t, a, "room", 0, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := make(chan struct{}, 100)
	var wg sync.WaitGroup
	for _, b := range []*bus.Bus{a, b} {
		wg.Go(func() {
			err := b.Consume(ctx, "group", func(ctx context.Context, _ []bus.Entry) error {
				calls <- struct{}{}
				select {
				case <-time.After(2500 * time.Millisecond):
				case <-ctx.Done():
					t.Error("the lease was lost")
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	c := raw(t, s)
	eventually(t, "the entry is acknowledged", func() bool {
		n, err := c.HLen(t.Context(), "hub:{0}:read").Result()
		return err == nil && n == 1
	})
	cancel()
	wg.Wait()
	if len(calls) != 1 {
		t.Errorf("the entry was handed over %d times", len(calls))
	}
}

// TestParkedOnce: parking and acknowledging are one step, so an entry that is handed over again is
// not parked again.
func TestParkedOnce(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: s.URL(), MemberEvery: bustest.MemberEvery})
	put(t, b, "room", 0, 1)
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- b.Consume(ctx, "group", func(context.Context, []bus.Entry) error { return errors.New("poison") })
		}()
		eventually(t, "the entry is parked", func() bool {
			letters, err := b.DeadLetters(t.Context(), "group", 10)
			return err == nil && len(letters) == 1 && letters[0].Reason == "poison"
		})
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
