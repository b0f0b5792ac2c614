package hub

import (
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
)

// none is no slot and no subscriber.
const none = fanout.None

// session is who is at a connection, and what for. It is small: a million of them are to be held on
// one machine.
type session struct {
	who     *person
	number  uint64 // names the session to the presence service
	own     uint64 // the client has its user's own room through this Seq
	peer    uint32 // another session of the same user: see ownRooms
	rooms   uint16 // joined
	watches uint16 // rooms whose presence is watched
	joins   uint16 // that cost nothing
	sending uint16 // sends that are not acknowledged
	paging  bool   // the client pages through what it missed of its own room
}

// waits are the joins of a session that wait for their turn, and how many are being replayed.
type waits struct {
	parked    []*joining
	replaying int
}

// alive returns the session that r names, or nil if it has ended.
func (s *Shard) alive(r conn.Ref) *session {
	if !s.conn.Alive(r) {
		return nil
	}
	return s.sessions.At(r.Slot)
}

// isOwn reports whether a room is the session's user's own.
func (ses *session) isOwn(room []byte) bool {
	return chat.IsUserRoom(string(room)) && string(userOf(room)) == ses.who.user()
}

// waitsOf returns the waits of a session, which it makes.
func (s *Shard) waitsOf(slot uint32) *waits {
	w := s.waits[slot]
	if w == nil {
		w = &waits{}
		s.waits[slot] = w
	}
	return w
}

// slim drops waits that hold nothing.
func (s *Shard) slim(slot uint32) {
	if w := s.waits[slot]; w != nil && len(w.parked) == 0 && w.replaying == 0 {
		delete(s.waits, slot)
	}
}
