package conn

import "time"

// clock is the time of a shard.
type clock struct {
	elapsed func() time.Duration // since the process started
	at      time.Duration        // that, of this turn
	now     uint32               // the same in ms, which wraps around after 49 days
}

// Now returns the time of this turn, in ms since the process started, which wraps around.
func (c *clock) Now() uint32 { return c.now }

// At returns the time of this turn since the process started.
func (c *clock) At() time.Duration { return c.at }

// Elapsed returns the time since the process started, now.
func (c *clock) Elapsed() time.Duration { return c.elapsed() }

// read takes the time for this turn.
func (c *clock) read() {
	c.at = c.elapsed()
	c.now = ms(c.at)
}

// ticks returns the tick of a time from now. It is counted from c.at: c.now in ticks would not wrap
// around as they do, and timers from before that would be late by as long again.
func (c *clock) ticks(ahead time.Duration) uint32 { return uint32((c.at + ahead) / TickEvery) }
