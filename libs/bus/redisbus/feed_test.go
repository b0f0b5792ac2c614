package redisbus

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus/bustest"
)

// TestUnaskedUnsubscribe: the server's word that it ended a subscription that we did not end starts a new connection.
// A single Redis server never says so, so the test says it in its place.
func TestUnaskedUnsubscribe(t *testing.T) {
	f := newFeed(nil, "test", 0)
	f.channels["a"] = &channel{name: "a", wanted: true, state: on}
	for _, m := range []redis.Subscription{
		{Kind: "sunsubscribe", Channel: "a"}, {Kind: "ssubscribe", Channel: "a"}, {Kind: "ssubscribe", Channel: "b"},
	} {
		if _, err := f.answered(&m); !errors.Is(err, errUnasked) {
			t.Errorf("%s %s: %v, want errUnasked", m.Kind, m.Channel, err)
		}
	}
}

// TestSubscribeAndUnsubscribeQuickly: whoever subscribes while an unsubscribe is under way is subscribed in the end.
func TestSubscribeAndUnsubscribeQuickly(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, err := Open(t.Context(), Config{URL: s.URL()}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := make(chan string, 1000)
	for range 200 {
		names := []string{"hub:{0}:chan:a", "hub:{0}:chan:b"}
		gone, end := context.WithCancel(ctx)
		end()
		_ = b.channels.subscribe(gone, names, func(string, string) {}) // does not wait
		b.channels.unsubscribe(names)
		if err := b.channels.subscribe(ctx, names, func(_, m string) { got <- m }); err != nil {
			t.Fatal(err)
		}
		if n, err := b.at(0).PubSubShardNumSub(ctx, names...).Result(); err != nil || n[names[0]] != 1 || n[names[1]] != 1 {
			t.Fatalf("subscribed: %v, %v", n, err)
		}
		b.channels.unsubscribe(names)
	}
	for ctx.Err() == nil {
		f := b.channels.all[0]
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
