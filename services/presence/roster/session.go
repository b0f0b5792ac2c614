package roster

// session is one socket. 64 bytes.
type session struct {
	id         uint64 // the edge's number of it
	since      int64
	rooms      []uint32 // sorted
	user       uint32
	device     uint32
	next, prev uint32 // the user's other sessions
	mark       uint32 // the snapshot that named it last
	status     uint8
}

// sessions are those of all edges, by index.
type sessions struct {
	items []session
	free  []uint32 // indexes of sessions that are gone
}

// alloc returns an index for a new session.
func (s *sessions) alloc() uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	s.items = append(s.items, session{})
	return uint32(len(s.items) - 1)
}

// release gives the index of a session that is gone to the next one.
func (s *sessions) release(i uint32) {
	s.items[i] = session{}
	s.free = append(s.free, i)
}

// len returns how many sessions there are.
func (s *sessions) len() int { return len(s.items) - len(s.free) }

// hash is that of a member of Edge.sessions.
func (s *sessions) hash(i uint32) uint64 { return mixBits(s.items[i-1].id) }

// find returns the index of a session by its edge and the edge's number of it.
func (s *sessions) find(e *Edge, id uint64) (uint32, bool) {
	at := e.sessions.find(mixBits(id), func(i uint32) bool { return s.items[i-1].id == id })
	if at < 0 {
		return 0, false
	}
	return e.sessions.slots[at] - 1, true
}

// Edge is what the roster holds of one process of an edge. It belongs to one Roster.
type Edge struct {
	sessions set[uint32] // index + 1
	digest   uint64
	mark     uint32
}

// NewEdge returns an edge without sessions.
func NewEdge() *Edge { return &Edge{} }

// Count returns how many sessions the edge has.
func (e *Edge) Count() int { return e.sessions.n }

// Digest returns the sum of the facts of all sessions, as package presence defines it.
func (e *Edge) Digest() uint64 { return e.digest }

// all returns the indexes of the edge's sessions.
func (e *Edge) all() []uint32 {
	out := make([]uint32, 0, e.sessions.n)
	for _, i := range e.sessions.slots {
		if i != 0 {
			out = append(out, i-1)
		}
	}
	return out
}
