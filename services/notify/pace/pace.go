// Package pace bounds how often a person is told something: of one room not again at once, and of
// all rooms only so often an hour. It is bounded, and knows no message.
package pace

import (
	"sync"
	"time"
)

// maxKept is how many persons and rooms are remembered; of more, those that are free anyway go, and
// then any.
const maxKept = 200_000

// Pace remembers when people were told. Its methods are safe for concurrent use.
type Pace struct {
	again time.Duration
	every time.Duration // a person gains one notice in
	burst time.Duration // so many of them, at most
	most  int           // how many of each are kept

	mu sync.Mutex
	// rooms has until when a person is not told of a room again, people when a person had told all
	// at once that is allowed
	rooms  map[[2]string]time.Time
	people map[string]time.Time
}

// New returns a pace with so much time between two notices of a room, and so many notices an hour
// of all rooms, a sixth of them at once.
func New(again time.Duration, perHour int) *Pace {
	every := time.Hour / time.Duration(perHour)
	return &Pace{again: again, every: every, burst: time.Duration(max(perHour/6, 1)) * every, most: maxKept, rooms: make(map[[2]string]time.Time), people: make(map[string]time.Time)}
}

// Wait returns how long it is until a person may be told of a room; with 0 the person counts as
// told.
func (p *Pace) Wait(user, room string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := [2]string{user, room}
	if until := p.rooms[k]; now.Before(until) {
		return until.Sub(now)
	}
	full := p.people[user] // when the person has all notices again
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

// forget makes room for one more.
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
