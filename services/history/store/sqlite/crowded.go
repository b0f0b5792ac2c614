package sqlite

import (
	"database/sql"
	"sync"
)

// crowded keeps, for rooms by number, a Seq that has more than chat.MaxUnread messages behind it:
// for a user who read less far, nobody has to count them. What is added to a room leaves that true.
// A transaction that takes messages away calls lose before it is committed, and settle afterwards.
// Its methods are safe for concurrent use.
type crowded struct {
	mu      sync.Mutex
	before  map[int64]int64 // read positions below it have that many messages behind them
	losing  map[*sql.Tx]bool
	changes uint64 // of losing
}

// ask lets f ask the file with the Seqs of rooms, 0 where none is known, and keeps those that f
// finds. It calls f again, with none, if messages were taken away meanwhile.
func (c *crowded) ask(rooms []int64, f func(before []int64) (found map[int64]int64, err error)) error {
	before, changes := c.look(rooms)
	found, err := f(before)
	if err != nil || c.learn(found, changes) {
		return err
	}
	_, err = f(make([]int64, len(rooms)))
	return err
}

func (c *crowded) look(rooms []int64) (before []int64, changes uint64) {
	before = make([]int64, len(rooms))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, room := range rooms {
		before[i] = c.before[room]
	}
	return before, c.changes
}

// learn keeps what was found since look returned. It reports whether nothing was taken away since.
func (c *crowded) learn(found map[int64]int64, changes uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes != c.changes {
		return false
	}
	if len(c.losing) > 0 || len(found) == 0 {
		return true
	}
	if c.before == nil || len(c.before)+len(found) > maxKnown {
		c.before = make(map[int64]int64)
	}
	for room, seq := range found {
		c.before[room] = max(c.before[room], seq)
	}
	return true
}

// lose forgets a room whose messages a transaction takes away.
func (c *crowded) lose(tx *sql.Tx, room int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.before, room)
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
