package fanout

import "time"

// A Probe shows the tests of the layers above what a shard hides, and sets what it does with care.
type Probe struct{ s *Shard }

// Probe returns the shard's probe.
func (s *Shard) Probe() Probe { return Probe{s} }

// Bounds returns the bounds of a turn, which may be changed.
func (p Probe) Bounds() *Bounds { return &p.s.pass.bounds }

// SetEach replaces CoalesceEach.
func (p Probe) SetEach(d time.Duration) { p.s.deferral.each = d }

// Mail returns how many topics have news that the loop has not looked at.
func (p Probe) Mail() int {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return len(p.s.topics)
}

// Dirty returns how many sets have news.
func (p Probe) Dirty() int { return len(p.s.dirty) - p.s.from }

// Waiting returns how many sets wait for more news.
func (p Probe) Waiting() int { return len(p.s.deferral.waiting) }

// Ahead returns how many subscribers have entries that the ring does not have yet.
func (p Probe) Ahead() int { return len(p.s.ahead) }
