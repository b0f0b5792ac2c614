// Package queue delays messages, by room, before anybody gets a notice of them: so that people who
// read them meanwhile get none, and one notice covers all new messages of a room.
//
// It is bounded, decides nothing, and knows no person and no bus.
package queue

import (
	"slices"
	"sync"
	"time"
)

// maxRoom bounds the events of a room; a further one replaces the oldest.
const maxRoom = 200

// Kind says why people get a notice of a message. A greater one is the better reason.
type Kind uint8

// The kinds.
const (
	Everything Kind = iota + 1 // they want notices of everything in the room
	Word                       // it contains one of their words
	Mention                    // it mentions them
	Direct                     // it is in a direct room of theirs
)

// Event is a message that people may get a notice of.
type Event struct {
	Room, ID     string
	Seq          uint64 // of the message
	Sender, Name string // who wrote it
	Text         string // its beginning; empty: unknown
	Kind         Kind
	Users        []string // who may get a notice
	All          bool     // all members may, rather than Users
	Thread       bool     // it is in a thread, which the room's read position does not cover
	Taken        time.Time
}

// Batch is the due events of a room.
type Batch struct {
	Room   string
	Events []Event // in order of arrival
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

// New returns an empty queue of at most that many events. The events of a room become due a delay
// after the first of them.
func New(delay time.Duration, most int) *Queue {
	return &Queue{delay: delay, most: most, rooms: make(map[string]*pending)}
}

// Add queues an event, and returns how many events were dropped: older ones, or this one.
func (q *Queue) Add(e Event, now time.Time) (dropped int) { return q.Again(e, now.Add(q.delay)) }

// Again queues an event that is due at a time.
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
	// a wait of one person must not delay the others
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

// Cancel drops the events of a room for which match returns true. match may also change an event.
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

// Due removes and returns the rooms that are due at a time.
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
