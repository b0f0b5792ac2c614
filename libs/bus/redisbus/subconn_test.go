package redisbus

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus/bustest"
)

// TestUnaskedUnsubscribe: the server's word that it ended a subscription that we did not end starts
// a new connection. A single Redis server never says so, so the test says it in its place.
func TestUnaskedUnsubscribe(t *testing.T) {
	f := newSubConn(nil, "test", 0)
	f.channels["a"] = &channel{name: "a", wanted: true, state: on}
	for _, m := range []redis.Subscription{
		{Kind: "sunsubscribe", Channel: "a"}, {Kind: "ssubscribe", Channel: "a"}, {Kind: "ssubscribe", Channel: "b"},
	} {
		if _, err := f.answered(&m); !errors.Is(err, errUnasked) {
			t.Errorf("%s %s: %v, want errUnasked", m.Kind, m.Channel, err)
		}
	}
}

// TestSubscribedWhatNobodyWants: a channel that is not wanted any more when the server confirms it
// is left, and one that is wanted again when the server has ended it is subscribed to again.
func TestSubscribedWhatNobodyWants(t *testing.T) {
	f := newSubConn(nil, "test", 0)
	due := func(what string, subscribe, unsubscribe []string) {
		t.Helper()
		if s, u, _ := f.due(); !slices.Equal(s, subscribe) || !slices.Equal(u, unsubscribe) {
			t.Errorf("%s: to subscribe to are %q, to leave %q", what, s, u)
		}
	}
	answered := func(kind string) {
		t.Helper()
		if _, err := f.answered(&redis.Subscription{Kind: kind, Channel: "a"}); err != nil {
			t.Error(err)
		}
	}
	a := []string{"a"}
	want := func() []<-chan struct{} { return f.want(a, func(string, string) {}) }
	want()
	due("wanted", a, nil)
	f.unsubscribe(a)
	due("given up before it is confirmed", nil, nil)
	answered("ssubscribe")
	due("confirmed", nil, a)
	wait := want()
	if len(wait) != 1 {
		t.Fatal("a channel that is being left counts as subscribed to")
	}
	due("wanted while it is being left", nil, nil)
	answered("sunsubscribe")
	due("left", a, nil)
	answered("ssubscribe")
	select {
	case <-wait[0]:
	default:
		t.Error("who waits is not told that it is subscribed to")
	}
	f.unsubscribe(a)
	due("given up", nil, a)
	answered("sunsubscribe")
	due("left for good", nil, nil)
	if len(f.channels) != 0 {
		t.Errorf("%d channels that nobody wants are kept", len(f.channels))
	}
}

// TestLastOneIsNotWanted: a connection that took the place of a lost one is told to be back also
// when the channel that was still to be confirmed is not wanted any more; once.
func TestLastOneIsNotWanted(t *testing.T) {
	f := newSubConn(nil, "test", 0)
	a, b := []string{"a"}, []string{"b"}
	f.want(append(a, b...), func(string, string) {})
	f.due()
	if n := f.reset(); n != 2 {
		t.Fatalf("%d channels are to be confirmed", n)
	}
	f.unsubscribe(a)
	if subscribe, _, all := f.due(); all || !slices.Equal(subscribe, b) {
		t.Errorf("back is told: %v; to subscribe to are %q", all, subscribe)
	}
	f.reset() // lost again
	f.unsubscribe(b)
	for _, want := range []bool{true, false} {
		if subscribe, _, all := f.due(); all != want || len(subscribe) > 0 {
			t.Errorf("back is told: %v, want %v; to subscribe to are %q", all, want, subscribe)
		}
	}
}

// TestSubscribeAndUnsubscribeQuickly: whoever subscribes while an unsubscribe is under way is
// subscribed in the end.
func TestSubscribeAndUnsubscribeQuickly(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := openBoth(t, Config{URL: s.URL()}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := make(chan string, 1000)
	for range 200 {
		names := []string{"hub:{0}:chan:a", "hub:{0}:chan:b"}
		gone, end := context.WithCancel(ctx)
		end()
		_ = b.Driver.channels.subscribe(gone, names, func(string, string) {}) // does not wait
		b.Driver.channels.unsubscribe(names)
		if err := b.Driver.channels.subscribe(ctx, names, func(_, m string) { got <- m }); err != nil {
			t.Fatal(err)
		}
		if n, err := b.Driver.at(0).PubSubShardNumSub(ctx, names...).Result(); err != nil || n[names[0]] != 1 || n[names[1]] != 1 {
			t.Fatalf("subscribed: %v, %v", n, err)
		}
		b.Driver.channels.unsubscribe(names)
	}
	for ctx.Err() == nil {
		f := b.Driver.channels.all[0]
		f.mu.Lock()
		n := len(f.channels)
		f.mu.Unlock()
		if n == 2 { // the probe's and that for replies
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("channels that nobody wants are kept")
}
