package directory

import (
	"fmt"
	"sync"
	"time"

	"hubbub.internal/libs/chat"
)

// maxThrottled is how many keys a throttle remembers. Beyond it the throttle drops expired keys,
// and if that is not enough, all.
const maxThrottled = 100_000

// throttle allows limit events per key in a time. Its methods are safe for concurrent use.
type throttle struct {
	limit int
	per   time.Duration

	mu    sync.Mutex
	since map[string]window
}

type window struct {
	start time.Time
	n     int
}

func newThrottle(limit int, per time.Duration) *throttle {
	return &throttle{limit: limit, per: per, since: make(map[string]window)}
}

// count counts one event for each of the keys, or returns full's error.
func (t *throttle) count(now time.Time, what string, keys ...string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.fullNow(now, what, keys); err != nil {
		return err
	}
	t.tidy(now)
	for _, k := range keys {
		w := t.since[k]
		if now.Sub(w.start) >= t.per {
			w = window{start: now}
		}
		w.n++
		t.since[k] = w
	}
	return nil
}

// giveBack undoes a count of these keys.
func (t *throttle) giveBack(keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		if w, ok := t.since[k]; ok && w.n > 0 {
			w.n--
			t.since[k] = w
		}
	}
}

// full returns a chat.CodeRateLimited error if one of the keys is at its limit.
func (t *throttle) full(now time.Time, what string, keys ...string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fullNow(now, what, keys)
}

// fullNow is full for callers that hold mu.
func (t *throttle) fullNow(now time.Time, what string, keys []string) error {
	for _, k := range keys {
		w := t.since[k]
		if wait := w.start.Add(t.per).Sub(now); w.n >= t.limit && wait > 0 {
			return &chat.Error{Code: chat.CodeRateLimited, Message: fmt.Sprintf("too many %s: wait a little", what), RetryAfter: wait}
		}
	}
	return nil
}

// tidy keeps the number of keys within maxThrottled. The caller holds mu.
func (t *throttle) tidy(now time.Time) {
	if len(t.since) < maxThrottled {
		return
	}
	for k, w := range t.since {
		if now.Sub(w.start) >= t.per {
			delete(t.since, k)
		}
	}
	if len(t.since) >= maxThrottled {
		clear(t.since)
	}
}
