package sends

// A Probe shows the tests of the layers above what a shard hides.
type Probe struct{ s *Shard }

// Probe returns the shard's probe.
func (s *Shard) Probe() Probe { return Probe{s} }

// Pending returns how many sends of a session are not acknowledged.
func (p Probe) Pending(slot uint32) int { return int(*p.s.pending.At(slot)) }

// Mail reports whether the bus has answered sends of which the loop does not know yet.
func (p Probe) Mail() bool { return p.s.ended.Load() != nil }
