package directory

import (
	"sync"
	"time"
)

// maxThrottled is how many keys a throttle remembers; beyond it those whose time is over are dropped, and then all.
const maxThrottled = 100_000

// throttle counts failures by key and refuses more than a number of them in a time. Its methods are safe for concurrent
// use.
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

// wait returns how long to wait before the next try with any of the keys; 0: go ahead.
func (t *throttle) wait(now time.Time, keys ...string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest time.Duration
	for _, k := range keys {
		if w := t.since[k]; w.n >= t.limit {
			longest = max(longest, w.start.Add(t.per).Sub(now))
		}
	}
	return longest
}

// fail counts a failure for each of the keys.
func (t *throttle) fail(now time.Time, keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.since) >= maxThrottled {
		for k, w := range t.since {
			if now.Sub(w.start) >= t.per {
				delete(t.since, k)
			}
		}
		if len(t.since) >= maxThrottled {
			clear(t.since)
		}
	}
	for _, k := range keys {
		w := t.since[k]
		if now.Sub(w.start) >= t.per {
			w = window{start: now}
		}
		w.n++
		t.since[k] = w
	}
}
