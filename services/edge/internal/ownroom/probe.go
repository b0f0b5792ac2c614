package ownroom

import (
	"hubbub.internal/libs/bus"
	"hubbub.internal/services/edge/internal/conn"
)

// A Probe shows the tests of the layers above what a shard hides, and starts what it does by
// itself.
type Probe struct{ s *Shard }

// Probe returns the shard's probe.
func (s *Shard) Probe() Probe { return Probe{s} }

// Reads returns how many sessions read their own rooms.
func (p Probe) Reads() int { return len(p.s.reads) }

// Reading reports whether a session reads its own room.
func (p Probe) Reading(slot uint32) bool { return p.s.reads[slot] != nil }

// Seq returns through which Seq a session's client has its own room.
func (p Probe) Seq(slot uint32) uint64 { return p.s.cursors.At(slot).seq() }

// Replay starts the replay of what a session's client misses.
func (p Probe) Replay(slot uint32) { p.s.replayMissed(slot) }

// Compare starts a comparison with the log.
func (p Probe) Compare() { p.s.compareAll() }

// Compared ends one for a session, with what the log has answered.
func (p Probe) Compared(slot uint32, head bus.Head) {
	p.s.compared([]conn.Ref{p.s.conn.Ref(slot)}, []bus.Head{head}, nil)
}
