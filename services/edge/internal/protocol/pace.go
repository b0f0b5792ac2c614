package protocol

const (
	typingEvery = 1000 // ms between typing events of a socket in a room that are passed on
	readEvery   = 1000 // ms between read positions of a socket in a room that are passed on
)

// pace is when a session last published typing and a read position in a room, so that it does so
// once a second at most.
type pace struct {
	slot      uint32 // of the session
	room      string
	typed     uint32 // ms; when typing was last passed on
	read      uint32 // ms; when a read position was last passed on
	seq       uint64 // the greatest read position
	published uint64 // the greatest that was passed on
	reading   bool   // read and published are set
	typing    bool   // typed is set
}

// ownPace makes, of a session's slot, the key of its pace in its user's own room.
func ownPace(slot uint32) uint32 { return slot | 1<<31 }

// paces are those of a shard, by subscription or ownPace.
type paces map[uint32]*pace

// of returns the pace with a key, which it makes.
func (p paces) of(key, slot uint32, room string) *pace {
	at := p[key]
	if at == nil {
		at = &pace{slot: slot, room: room}
		p[key] = at
	}
	return at
}

// sweepPaces passes on the read positions whose time has come, and forgets the paces that are over.
func (s *Shard) sweepPaces() {
	for key, p := range s.paces {
		if p.reading && p.seq > p.published && s.conn.Now()-p.read >= readEvery {
			s.publishRead(p)
		}
		if (!p.typing || s.conn.Now()-p.typed >= typingEvery) && (!p.reading || p.seq <= p.published && s.conn.Now()-p.read >= readEvery) {
			delete(s.paces, key)
		}
	}
}
