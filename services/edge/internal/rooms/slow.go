package rooms

import (
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// Slow mode: a member sends a message to the room every so many seconds at most. The edge where the
// member is decides, by what it has sent for that user and, so that another edge is no way around,
// by the messages of the room that it sees in the log. So it is exact for all sockets of an edge.
// Of two edges each may let one message pass at the same moment, before either has seen the
// other's; and an edge where nobody was in the room when the last message came does not know of it.

// slowUsers is how many users and rooms a generation of the table holds; it keeps two. Of more, the
// oldest are forgotten.
const slowUsers = 100_000

// slowTable remembers when users last sent to rooms in slow mode. Safe for concurrent use.
type slowTable struct {
	seed       maphash.Seed
	mu         sync.Mutex
	young, old map[uint64]int64 // by hash of user and room: UTC milliseconds
	limit      int              // of a generation
}

func newSlowTable() slowTable {
	return slowTable{seed: maphash.MakeSeed(), young: map[uint64]int64{}, old: map[uint64]int64{}, limit: slowUsers}
}

func (t *slowTable) key(user, room string) uint64 {
	return maphash.Comparable(t.seed, [2]string{user, room})
}

// last returns when a user last sent to a room; the caller holds mu.
func (t *slowTable) last(k uint64) (int64, bool) {
	at, ok := t.young[k]
	if !ok {
		at, ok = t.old[k]
	}
	return at, ok
}

func (t *slowTable) put(k uint64, at int64) {
	if len(t.young) >= t.limit {
		t.old, t.young = t.young, make(map[uint64]int64)
	}
	t.young[k] = at
}

// reserve notes that a user sends now, unless the user has done so less than slow seconds ago:
// then it returns how long there is to wait.
func (t *slowTable) reserve(user, room string, slow int, now time.Time) time.Duration {
	k, ms := t.key(user, room), now.UnixMilli()
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.last(k); ok {
		// A clock that was set back must not keep anybody waiting for longer than the rule says.
		if wait := min(at-ms, 0) + int64(slow)*1000; wait > 0 {
			return time.Duration(wait) * time.Millisecond
		}
	}
	t.put(k, ms)
	return 0
}

// giveBack forgets what reserve noted of a message that did not get into the log.
func (t *slowTable) giveBack(user, room string) {
	k := t.key(user, room)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.young, k)
	delete(t.old, k)
}

// noteSent notes a message in the log. One that this edge has sent is noted already, as of when it
// was sent.
func (t *slowTable) noteSent(user, room string, slow int, now time.Time) {
	k, ms := t.key(user, room), now.UnixMilli()
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.last(k); !ok || ms-at >= int64(slow)*1000 {
		t.put(k, ms)
	}
}

// noteSent notes who has sent a message, if the room is in slow mode as far as this edge knows.
func (f *RoomTopic) noteSent(e bus.Entry) {
	if slow := f.slow.Load(); slow > 0 {
		f.hub.slow.noteSent(e.Sender, f.Room, int(slow), time.Now())
	}
}

// SlowMode notes what a member's Access says of the room's slow mode. Access says
// nothing of it to those who need not wait.
func (f *RoomTopic) SlowMode(a directory.Access) {
	if slow := int32(a.Slow); (slow > 0 || a.Role == directory.RoleMember) && f.slow.Load() != slow {
		f.slow.Store(slow)
	}
}

// SlowMode notes what a member's Access says of a room's slow mode, if the edge follows the room.
func (h *Hub) SlowMode(room string, a directory.Access) {
	if f := h.lookup([]byte(room)); f != nil {
		f.SlowMode(a)
	}
}

// ReserveTurn notes that a user sends to a room in slow mode, a message in so many seconds, or
// returns why that has to wait.
func (h *Hub) ReserveTurn(user, room string, seconds int) error {
	wait := h.slow.reserve(user, room, seconds, time.Now())
	if wait > 0 {
		return &chat.Error{
			Code: chat.CodeRateLimited, RetryAfter: wait,
			Message: fmt.Sprintf("this room is in slow mode: one message every %d s", seconds),
		}
	}
	return nil
}

// GiveTurnBack undoes ReserveTurn, for a message that did not get into the log.
func (h *Hub) GiveTurnBack(user, room string) { h.slow.giveBack(user, room) }
