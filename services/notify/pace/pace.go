// Package pace limits how often a person gets a notice: of one room only after a pause, and of all
// rooms only so often an hour. Its memory is bounded, and it knows no message.
package pace

import (
	"sync"
	"time"
)

// maxKept bounds the persons and rooms that are remembered. If there are more, it forgets those
// that have no limit any more, and then any others.
const maxKept = 200_000

// Pace remembers when people got notices. Its methods are safe for concurrent use.
type Pace struct {
	again time.Duration
	every time.Duration // the time in which a person gains one notice
	burst time.Duration // bounds the notices that a person can save up, as a time
	most  int           // bound of each map

	mu sync.Mutex
	// rooms: until when a person gets no further notice of a room; people: when a person will have
	// saved up all notices again
	rooms  map[[2]string]time.Time
	people map[string]time.Time
}

// New returns a pace with a least time between two notices of a room, and a number of notices per
// hour of all rooms, a sixth of which may come at once.
func New(again time.Duration, perHour int) *Pace {
	every := time.Hour / time.Duration(perHour)
	return &Pace{again: again, every: every, burst: time.Duration(max(perHour/6, 1)) * every, most: maxKept, rooms: make(map[[2]string]time.Time), people: make(map[string]time.Time)}
}

// Wait returns how long a person has to wait for a notice of a room. If that is 0, the notice
// counts as sent.
func (p *Pace) Wait(user, room string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := [2]string{user, room}
	if until := p.rooms[k]; now.Before(until) {
		return until.Sub(now)
	}
	full := p.people[user] // when the person will have saved up all notices
	if full.Before(now) {
		full = now
	}
	if full = full.Add(p.every); full.Sub(now) > p.burst {
		return full.Sub(now) - p.burst
	}
	forget(p.rooms, now, p.most)
	forget(p.people, now, p.most)
	p.rooms[k], p.people[user] = now.Add(p.again), full
	return 0
}

// forget makes room for one more entry.
func forget[K comparable](m map[K]time.Time, now time.Time, most int) {
	if len(m) < most {
		return
	}
	for k, until := range m {
		if !now.Before(until) {
			delete(m, k)
		}
	}
	for k := range m {
		if len(m) < most {
			return
		}
		delete(m, k)
	}
}
