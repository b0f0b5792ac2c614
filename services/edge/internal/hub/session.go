package hub

import (
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/bucket"
	"hubbub.internal/services/edge/internal/buffer"
	"hubbub.internal/services/edge/internal/wheel"
)

// none is no slot, no sub and no list.
const none = ^uint32(0)

// state is how far a connection has come.
type state uint8

const (
	stFree      state = iota
	stHandshake       // bytes of the HTTP request are coming
	stOpen            // a WebSocket that has not said hello
	stGreeting        // hello was said and is being checked
	stReady           // logged in
	stClosing         // a close frame was written, or waits to be: what comes in is dropped
)

type flag uint16

const (
	flQueued   flag = 1 << iota // in the shard's list of those to flush
	flBlocked                   // the kernel takes no more; Writable will tell
	flLagging                   // more subs than the due ones may have frames
	flFragment                  // a message in fragments is under way
	flPinged                    // a ping was sent since anything was heard
	flFinish                    // close the stream once everything is written
	// in the middle of a frame that is too long: what comes in is dropped unread
	flDeaf
	flPaging // the client pages through what it missed of its own room
	flPacks  // compression was agreed on (RFC 7692)
	flPacked // the message in fragments that is under way is compressed
)

// session is a connection of a shard. It is small, and has pointers only to what an idle one does
// not need: a million of them are to be held on one machine.
type session struct {
	who  *person
	in   *buffer.Buffer // what has arrived of a handshake or frame
	out  *buffer.Buffer // what is to be written before anything else
	more *extras

	number     uint64 // names the session to the presence service
	own        uint64 // the client has its user's own room through this Seq
	bucket     bucket.Bucket
	timer      wheel.Timer
	gen        uint32 // counts the connections of the slot
	heard      uint32 // when anything came last, in ms
	since      uint32 // when the present state, or being blocked, began, in ms
	subs       uint32 // the first of its subs; the rest is linked
	due        uint32 // the first of its subs that have frames in this turn; the rest is linked
	peer       uint32 // another session of the same user: see ownRooms
	addr       uint32 // of its address in addrTable; 0: not counted
	rooms      uint16 // joined
	watches    uint16 // rooms whose presence is watched
	joins      uint16 // that cost nothing
	violations uint16 // commands over the rate, lately
	sending    uint16 // sends that are not acknowledged
	state      state
	flags      flag
}

// extras is what few sessions have, or have for a short time.
type extras struct {
	token     string         // of the upgrade request, until hello
	part      *buffer.Buffer // what has arrived of a message in fragments
	parked    []*joining     // joins that wait for their turn
	replaying int            // joins that are being replayed
}

// ref names a session across goroutines.
type ref struct{ slot, gen uint32 }

// The chunks of sessions and of subs are whole numbers of pages, so that the allocator adds nothing
// to them.
const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
)

// slab holds values in chunks that never move.
type slab[T any] struct{ chunks [][]T }

func (s *slab[T]) at(i uint32) *T { return &s.chunks[i>>chunkBits][i%chunkSize] }

// reach makes index i usable.
func (s *slab[T]) reach(i uint32) {
	for uint32(len(s.chunks)) <= i>>chunkBits {
		s.chunks = append(s.chunks, make([]T, chunkSize))
	}
}

// alive returns the session that r names, or nil if it has ended.
func (s *Shard) alive(r ref) *session {
	ses := s.sessions.at(r.slot)
	if ses.gen != r.gen || ses.state == stFree || ses.state == stClosing {
		return nil
	}
	return ses
}

func (ses *session) ref(slot uint32) ref { return ref{slot, ses.gen} }

// isOwn reports whether a room is the session's user's own.
func (ses *session) isOwn(room []byte) bool {
	return chat.IsUserRoom(string(room)) && string(userOf(room)) == ses.who.user()
}

// extra returns the session's extras, which it makes.
func (ses *session) extra() *extras {
	if ses.more == nil {
		ses.more = &extras{}
	}
	return ses.more
}

// slim drops extras that hold nothing.
func (ses *session) slim() {
	if m := ses.more; m != nil && m.token == "" && m.part == nil && len(m.parked) == 0 && m.replaying == 0 {
		ses.more = nil
	}
}
