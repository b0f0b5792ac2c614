package sqlite

import (
	"database/sql"
	"sync"

	"hubbub.internal/libs/chat"
)

// crowded keeps, for rooms by number, who sent the first of many messages: where a user read less
// far, and more than chat.MaxUnread of those are of others than the user and whom they hide, nobody
// has to count what is unread. What is added to a room leaves that true. A transaction that takes
// messages away calls lose before it is committed, and settle afterwards. Its methods are safe for
// concurrent use.
type crowded struct {
	mu      sync.Mutex
	crowds  map[int64]crowd
	losing  map[*sql.Tx]bool
	changes uint64 // of losing
}

// crowd is who sent the first messages from a Seq on, crowdSize at most.
type crowd struct {
	from    int64
	senders []int64 // one for each message, in order
}

const (
	// crowdSize leaves more than chat.MaxUnread messages where who is passed over sent a third.
	crowdSize = 150
	// maxCrowds is how many are kept, of 1.2 kB. All are forgotten when there are more.
	maxCrowds = 10_000
	// newCrowds is how many one question reads at most, so that it takes little longer.
	newCrowds = 50
)

// ask lets f ask the file with a Seq for each of the rooms, and keeps the crowds that f finds. Who
// read less far than to the Seq has more than chat.MaxUnread messages unread, not counting those of
// the users who are passed over; it is 0 where nothing is known. passed is in order. ask calls f
// again, with none, if messages were taken away meanwhile.
func (c *crowded) ask(rooms, passed []int64, f func(before []int64) (found map[int64]crowd, err error)) error {
	before, changes := c.look(rooms, passed)
	found, err := f(before)
	if err != nil || c.learn(found, changes) {
		return err
	}
	_, err = f(make([]int64, len(rooms)))
	return err
}

func (c *crowded) look(rooms, passed []int64) (before []int64, changes uint64) {
	before = make([]int64, len(rooms))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, room := range rooms {
		if crowd := c.crowds[room]; crowd.without(passed) > chat.MaxUnread {
			before[i] = crowd.from
		}
	}
	return before, c.changes
}

// without counts the messages of others than those who are passed over, who are in order.
func (c crowd) without(passed []int64) int {
	n := 0
	for _, sender := range c.senders {
		for len(passed) > 0 && passed[0] < sender {
			passed = passed[1:]
		}
		if len(passed) == 0 || passed[0] != sender {
			n++
		}
	}
	return n
}

// learn keeps what was found since look returned. It reports whether nothing was taken away since.
func (c *crowded) learn(found map[int64]crowd, changes uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes != c.changes {
		return false
	}
	if len(c.losing) > 0 || len(found) == 0 {
		return true
	}
	if c.crowds == nil || len(c.crowds)+len(found) > maxCrowds {
		c.crowds = make(map[int64]crowd)
	}
	for room, crowd := range found {
		if crowd.from >= c.crowds[room].from {
			c.crowds[room] = crowd
		}
	}
	return true
}

// lose forgets a room whose messages a transaction takes away.
func (c *crowded) lose(tx *sql.Tx, room int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.crowds, room)
	if c.losing == nil {
		c.losing = make(map[*sql.Tx]bool)
	}
	c.losing[tx] = true
	c.changes++
}

// settle notes that a transaction is committed or rolled back.
func (c *crowded) settle(tx *sql.Tx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.losing[tx] {
		delete(c.losing, tx)
		c.changes++
	}
}
