package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// memory is a directory that remembers what it was told, over a bus that only carries requests to
// it.
type memory struct {
	mu       sync.Mutex
	down     bool
	requests int
	at       map[string]int64
	handle   func(context.Context, []byte) ([]byte, error)
}

func newMemory(t *testing.T) *memory {
	m := &memory{at: map[string]int64{}}
	_, err := api.Handle(t.Context(), m, ServiceSaw, nil, func(_ context.Context, r SawRequest) (SawReply, error) {
		if len(r.Seen) > MaxSaw {
			return SawReply{}, chat.E(chat.CodeBadRequest, "too many")
		}
		for _, one := range r.Seen {
			m.at[one.User] = max(m.at[one.User], one.At)
		}
		return SawReply{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Serve implements bus.RPC.
func (m *memory) Serve(_ context.Context, _ string, handle func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	m.handle = handle
	return nil, nil
}

// Request implements bus.RPC.
func (m *memory) Request(ctx context.Context, _ string, data []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests++
	if m.down {
		return nil, errors.Join(bus.ErrNoResponder)
	}
	return m.handle(ctx, data)
}

func (m *memory) get(user string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at[user]
}

func (m *memory) set(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

func TestSightings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		s := NewSightings(m, zap.NewNop(), nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()

		base := time.Now()
		s.Saw("ann", base.Add(5*time.Second))
		s.Saw("ann", base)
		for i := range 2 * tellAtOnce {
			s.Saw(fmt.Sprint("u", i), base)
		}
		time.Sleep(tellEvery + time.Millisecond)
		synctest.Wait()
		if m.get("ann") != base.Add(5*time.Second).UnixMilli() || m.get("u7") != base.UnixMilli() || len(m.at) != 2*tellAtOnce+1 || m.requests != 3 {
			t.Errorf("told of %d users by %d requests, ann at %d", len(m.at), m.requests, m.get("ann"))
		}

		m.set(true)
		s.Saw("bob", base)
		time.Sleep(3 * tellEvery)
		s.Saw("bob", base.Add(time.Second))
		m.set(false)
		time.Sleep(tellEvery)
		synctest.Wait()
		if m.get("bob") != base.Add(time.Second).UnixMilli() {
			t.Error("what could not be told is lost")
		}

		m.set(true)
		for i := range maxSightings + 10 {
			s.Saw(fmt.Sprint("v", i), base)
		}
		if len(s.at) != maxSightings {
			t.Errorf("%d users wait to be told of", len(s.at))
		}
		// telling so many takes long
		maps.DeleteFunc(s.at, func(user string, _ int64) bool { return user != "v7" })
		m.set(false)
		s.Saw("v7", base.Add(time.Second)) // of one who waits already
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if m.get("v7") != base.Add(time.Second).UnixMilli() {
			t.Error("what was left at the end is not told")
		}
	})
}

// TestManyLeaveAtOnce: a store that needs 10 ms for each user is told of 1,000 within the timeout
// of each request, once each, and is free for half of the time; when Run ends it waits no longer.
func TestManyLeaveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		var mu sync.Mutex
		told := map[string]int{}
		var busy time.Duration
		_, err := api.Handle(t.Context(), m, ServiceSaw, nil, func(ctx context.Context, r SawRequest) (SawReply, error) {
			took := time.Duration(len(r.Seen)) * 10 * time.Millisecond
			mu.Lock()
			for _, one := range r.Seen {
				told[one.User]++
			}
			busy += took
			mu.Unlock()
			return SawReply{}, await.Sleep(ctx, took)
		})
		if err != nil {
			t.Fatal(err)
		}
		s := NewSightings(m, zap.NewNop(), nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		for i := range 1000 {
			s.Saw(fmt.Sprint("u", i), time.Now())
		}
		time.Sleep(tellEvery + 9500*time.Millisecond) // five of ten parts, of a second each
		synctest.Wait()
		mu.Lock()
		half := busy
		mu.Unlock()
		time.Sleep(10 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if half != 5*time.Second || busy != 10*time.Second {
			t.Errorf("the store was busy for %v in 9.5 s and for %v in all", half, busy)
		}
		for user, times := range told {
			if times != 1 {
				t.Fatalf("the store was told of %s %d times", user, times)
			}
		}
	})
}

// TestSlowStore: a store that needs 50 ms for each user, and so takes no 100 of them within the
// timeout, is told of all of them, of fewer at a time; one that has become fast of 100 again.
func TestSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		each := 50 * time.Millisecond
		told := map[string]bool{}
		parts := map[int]int{} // how often, by their size
		_, err := api.Handle(t.Context(), m, ServiceSaw, nil, func(ctx context.Context, r SawRequest) (SawReply, error) {
			if err := await.Sleep(ctx, time.Duration(len(r.Seen))*each); err != nil {
				return SawReply{}, err
			}
			parts[len(r.Seen)]++
			for _, one := range r.Seen {
				told[one.User] = true
			}
			return SawReply{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s := NewSightings(m, zap.NewNop(), nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		for i := range 300 {
			s.Saw(fmt.Sprint("u", i), time.Now())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(told) != 300 || parts[100] > 0 {
			t.Errorf("told of %d of 300, in parts of %v", len(told), parts)
		}
		each = time.Millisecond
		for i := range 300 {
			s.Saw(fmt.Sprint("v", i), time.Now())
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(told) != 600 || parts[100] == 0 {
			t.Errorf("told of %d of 600, in parts of %v", len(told), parts)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestHiddenAreNotTold: nothing is told of who is hidden, nor of anybody while that cannot be found
// out; at the end everybody is told of whose hiding is not known.
func TestHiddenAreNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		var down atomic.Bool
		s := NewSightings(m, zap.NewNop(), func(_ context.Context, users []string) ([]string, error) {
			if down.Load() {
				return nil, bus.ErrNoResponder
			}
			return slices.DeleteFunc(users, func(user string) bool { return user[0] != 'h' }), nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		now := time.Now()
		wait := func() {
			time.Sleep(tellEvery + time.Millisecond)
			synctest.Wait()
		}
		for _, user := range []string{"ann", "hal", "bob"} {
			s.Saw(user, now)
		}
		s.Forget("bob")
		wait()
		if m.get("ann") == 0 || m.get("hal") != 0 || m.get("bob") != 0 || len(s.at) != 0 {
			t.Errorf("told of %v, %v wait", m.at, s.at)
		}
		s.Saw("hal", now) // alone
		before := m.requests
		wait()
		if m.requests != before {
			t.Error("the directory was told of nobody")
		}
		down.Store(true)
		s.Saw("cyd", now)
		s.Saw("hal", now)
		wait()
		if m.get("cyd") != 0 {
			t.Error("somebody was told of who may be hidden")
		}
		down.Store(false)
		wait()
		if m.get("cyd") == 0 || m.get("hal") != 0 {
			t.Errorf("told of %v", m.at)
		}
		down.Store(true)
		s.Saw("dan", now)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if m.get("dan") == 0 {
			t.Error("what was left at the end is not told")
		}
	})
}
