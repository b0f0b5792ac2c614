package protocol

import (
	"slices"

	"hubbub.internal/libs/api/presence"
)

// presenceOf returns a session as the presence service is told of it.
func (s *Shard) presenceOf(slot uint32) presence.Session {
	p := s.sess.Presence(slot)
	p.Rooms = s.rooms.Of(slot)
	return p
}

// snapshotPart is how many sessions a shard looks at in one turn for a snapshot.
const snapshotPart = 1024

// sessions yields all sessions that have said hello, for the reporter; it is called by other
// goroutines.
func (h *Hub) sessions(yield func(presence.Session) bool) {
	for _, s := range h.shards {
		for from, more := uint32(0), true; more; from += snapshotPart {
			part := make(chan []presence.Session, 1)
			s.conn.Post(func() {
				var all []presence.Session
				end := min(from+snapshotPart, s.conn.Slots())
				for slot := from; slot < end; slot++ {
					if s.sess.Present(slot) {
						p := s.presenceOf(slot)
						p.Rooms = slices.Clip(p.Rooms)
						all = append(all, p)
					}
				}
				more = end == from+snapshotPart
				part <- all
			})
			select {
			case all := <-part:
				for _, p := range all {
					if !yield(p) {
						return
					}
				}
			case <-h.ended:
				return
			}
		}
	}
}
