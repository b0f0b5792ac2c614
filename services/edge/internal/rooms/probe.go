package rooms

// A Probe shows the tests of the layers above what a shard hides, and puts sessions into rooms.
type Probe struct{ s *Shard }

// Probe returns the shard's probe.
func (s *Shard) Probe() Probe { return Probe{s} }

// Joins returns how many joins are under way.
func (p Probe) Joins() int { return len(p.s.joins) }

// Wanted returns how many sessions want to follow what they have no subscription to yet.
func (p Probe) Wanted() int { return len(p.s.wanted) }

// Waits returns of how many sessions joins wait for their turn, or to begin.
func (p Probe) Waits() int { return len(p.s.waits) + len(p.s.queue.sessions) }

// Rechecks returns how many rooms wait for permissions to be asked for again.
func (p Probe) Rechecks() int { return len(p.s.rechecks) }

// Parked returns how many joins of a session wait for their turn.
func (p Probe) Parked(slot uint32) int {
	if w := p.s.waits[slot]; w != nil {
		return len(w.parked)
	}
	return 0
}

// Rooms returns how many rooms a session counts as joined.
func (p Probe) Rooms(slot uint32) int { return int(p.s.counts.At(slot).rooms) }

// Watches returns how many rooms' presence a session counts as watched.
func (p Probe) Watches(slot uint32) int { return int(p.s.counts.At(slot).watches) }

// Find returns a session's subscription to a room, or fanout.None.
func (p Probe) Find(slot uint32, k Kind, room string) uint32 { return p.s.findTopic(slot, k, room) }

// Seat puts a session into a room, as a join would, and returns the position that it begins at.
func (p Probe) Seat(slot uint32, room string) (id uint32, seq uint64) {
	s := p.s
	id = s.addSub(slot, Log, room)
	s.counts.At(slot).rooms++
	s.fan.Confirm(id)
	s.Topic(id).Ring().Start(0)
	seq, pos := s.fan.View(id).Head()
	s.fan.Seek(id, pos)
	s.fan.Listen(id)
	return id, seq
}

// Unseat takes a session out of a room again.
func (p Probe) Unseat(slot, id uint32) {
	p.s.dropSub(id)
	p.s.counts.At(slot).rooms--
}

// Open returns the topic of a room, which stays, as if the bus had begun to follow it.
func (h *Hub) Open(room string) *RoomTopic {
	f := h.acquire(Log, room)
	f.Ring().Start(0)
	return f
}

// Listening returns how many channels of what is live only the edge listens to.
func (h *Hub) Listening() (n int) {
	for i := range h.live {
		if h.live[i].sub != nil {
			n++
		}
	}
	return n
}
