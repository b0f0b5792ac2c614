// Package queue keeps messages for a while before anybody is told of them, by room: so that who
// looks at them meanwhile is not told, and what a room has together is told together.
//
// It is bounded, decides nothing, and knows no person and no bus.
package queue

import (
	"slices"
	"sync"
	"time"
)

// maxRoom is how many events of a room wait; of more, those that came first go.
const maxRoom = 200

// Kind says why people are told of a message. A greater one is the better reason.
type Kind uint8

// The kinds.
const (
	Everything Kind = iota + 1 // they want to be told of all in the room
	Word                       // it has a word of theirs
	Mention                    // it mentions them
	Direct                     // it is in a direct room of theirs
)

// Event is a message that people may be told of.
type Event struct {
	Room, ID     string
	Seq          uint64 // of the message
	Sender, Name string // who wrote it
	Text         string // its beginning; empty: not known
	Kind         Kind
	Users        []string // who may be told
	All          bool     // all members may, and not Users
	Thread       bool     // it is in a thread, which the read position of the room says nothing of
	Taken        time.Time
}

// Batch is what a room has that is due.
type Batch struct {
	Room   string
	Events []Event // in the order in which they came
}

// Queue keeps events. Its methods are safe for concurrent use.
type Queue struct {
	delay time.Duration
	most  int

	mu    sync.Mutex
	rooms map[string]*pending
	count int
}

type pending struct {
	due    time.Time
	events []Event
}

// New returns an empty queue in which events of a room become due so long after the first, and
// which has at most so many.
func New(delay time.Duration, most int) *Queue {
	return &Queue{delay: delay, most: most, rooms: make(map[string]*pending)}
}

// Add keeps an event, and reports how many were dropped for it, or were instead of it.
func (q *Queue) Add(e Event, now time.Time) (dropped int) { return q.Again(e, now.Add(q.delay)) }

// Again keeps an event that is not due before a time.
func (q *Queue) Again(e Event, due time.Time) (dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.rooms[e.Room]
	if q.count >= q.most && (p == nil || len(p.events) == 0) {
		return 1
	}
	if p == nil {
		p = &pending{due: due}
		q.rooms[e.Room] = p
	}
	// what one person has to wait for keeps the others from nothing
	if due.Before(p.due) {
		p.due = due
	}
	if len(p.events) == maxRoom || q.count >= q.most {
		p.events = slices.Delete(p.events, 0, 1)
		q.count--
		dropped = 1
	}
	p.events = append(p.events, e)
	q.count++
	return dropped
}

// Cancel drops the events of a room that match, which may also change one.
func (q *Queue) Cancel(room string, match func(*Event) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.rooms[room]
	if p == nil {
		return
	}
	before := len(p.events)
	kept := p.events[:0]
	for i := range p.events {
		if !match(&p.events[i]) {
			kept = append(kept, p.events[i])
		}
	}
	clear(p.events[len(kept):])
	p.events = kept
	q.count -= before - len(kept)
	if len(kept) == 0 {
		delete(q.rooms, room)
	}
}

// Due takes what is due at a time.
func (q *Queue) Due(now time.Time) (all []Batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for room, p := range q.rooms {
		if now.Before(p.due) {
			continue
		}
		all = append(all, Batch{room, p.events})
		q.count -= len(p.events)
		delete(q.rooms, room)
	}
	return all
}

// Len returns how many events wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}
