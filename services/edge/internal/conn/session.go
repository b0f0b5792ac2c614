package conn

import (
	"hubbub.internal/services/edge/internal/bucket"
	"hubbub.internal/services/edge/internal/buffer"
	"hubbub.internal/services/edge/internal/slab"
	"hubbub.internal/services/edge/internal/wheel"
)

// State is how far a connection has come.
type State uint8

// The states of a connection, in their order.
const (
	Free      State = iota
	Handshake       // bytes of the HTTP request are coming
	Open            // a WebSocket that has not said hello
	Greeting        // hello was said and is being checked
	Ready           // logged in
	Closing         // a close frame was written, or waits to be: what comes in is dropped
)

type flag uint16

const (
	flQueued   flag = 1 << iota // in the shard's list of those to flush
	flBlocked                   // the kernel takes no more; Writable will tell
	flLagging                   // the source may have more than it has enqueued the slot for
	flFragment                  // a message in fragments is under way
	flPinged                    // a ping was sent since anything was heard
	flFinish                    // close the stream once everything is written
	// in the middle of a frame that is too long: what comes in is dropped unread
	flDiscard
	flPacks  // compression was agreed on (RFC 7692)
	flPacked // the message in fragments that is under way is compressed
	flNotify // the handler wants to know when everything is written
)

// session is a connection of a shard. It is small, and has pointers only to what an idle one does
// not need: a million of them are to be held on one machine.
type session struct {
	in   *buffer.Buffer // what has arrived of a handshake or frame
	out  *buffer.Buffer // what is to be written before anything else
	more *extras

	bucket     bucket.Bucket
	timer      wheel.Timer
	gen        uint32 // counts the connections of the slot
	heard      uint32 // when anything came last, in ms
	since      uint32 // when the present state, or being blocked, began, in ms
	addr       uint32 // of its address in addrTable; 0: not counted
	violations uint16 // commands over the rate, lately
	state      State
	flags      flag
}

// extras is what few sessions have, or have for a short time.
type extras struct {
	token string         // of the upgrade request, until PopToken
	part  *buffer.Buffer // what has arrived of a message in fragments
}

// table has the sessions of a shard, by slot.
type table struct{ sessions slab.Slab[session] }

// Ref names a connection across goroutines: its slot is used again, the reference is not.
type Ref struct{ Slot, gen uint32 }

// Ref returns the reference of the connection that has the slot now.
func (t *table) Ref(slot uint32) Ref { return Ref{slot, t.sessions.At(slot).gen} }

// Alive reports whether the connection that r names goes on.
func (t *table) Alive(r Ref) bool {
	ses := t.sessions.At(r.Slot)
	return ses.gen == r.gen && ses.state != Free && ses.state != Closing
}

// Slots returns how many slots there are, used or not.
func (t *table) Slots() uint32 { return t.sessions.Len() }

// State returns how far a connection has come.
func (t *table) State(slot uint32) State { return t.sessions.At(slot).state }

// SetState says that the client has said hello (Greeting) or was let in (Ready). The time of being
// Ready begins now.
func (s *Shard) SetState(slot uint32, state State) {
	ses := s.sessions.At(slot)
	if ses.state = state; state == Ready {
		ses.since = s.now
		s.keepAlive(slot)
	}
}

// Packs reports whether the client takes compressed messages.
func (t *table) Packs(slot uint32) bool { return t.sessions.At(slot).flags&flPacks != 0 }

// Blocked reports whether the kernel takes no more for a connection.
func (t *table) Blocked(slot uint32) bool { return t.sessions.At(slot).flags&flBlocked != 0 }

// Unsent returns how many bytes that were pushed wait to be written.
func (t *table) Unsent(slot uint32) int { return t.sessions.At(slot).out.Len() }

// PopToken returns the token of the upgrade request, once; empty: there was none.
func (t *table) PopToken(slot uint32) (token string) {
	ses := t.sessions.At(slot)
	if ses.more != nil {
		token, ses.more.token = ses.more.token, ""
		ses.compact()
	}
	return token
}

// extra returns the session's extras, which it makes.
func (ses *session) extra() *extras {
	if ses.more == nil {
		ses.more = &extras{}
	}
	return ses.more
}

// slim drops extras that hold nothing.
func (ses *session) compact() {
	if m := ses.more; m != nil && m.token == "" && m.part == nil {
		ses.more = nil
	}
}
