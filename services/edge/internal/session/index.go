package session

import (
	"bytes"
	"sync"

	"hubbub.internal/services/edge/internal/ring"
)

// index finds the sessions of a user on a loop. It costs a session four bytes.
type index struct {
	mu sync.RWMutex // the loop's goroutine alone writes
	// by userHash: the slot of a session; session.peer is the next one with that hash
	first map[uint32]uint32
}

func newIndex() index { return index{first: make(map[uint32]uint32)} }

// userHash is short: EachOf compares the ids of users who share one.
func userHash[T string | []byte](user T) uint32 {
	h := ring.Hash(user)
	return uint32(h>>32 ^ h)
}

// add enters a session.
func (x *index) add(s *Shard, slot uint32) {
	ses := s.sessions.At(slot)
	h := userHash(ses.who.user())
	x.mu.Lock()
	defer x.mu.Unlock()
	first, ok := x.first[h]
	if !ok {
		first = none
	}
	ses.peer = first
	x.first[h] = slot
}

// remove takes a session out.
func (x *index) remove(s *Shard, slot uint32) {
	ses := s.sessions.At(slot)
	h := userHash(ses.who.user())
	x.mu.Lock()
	defer x.mu.Unlock()
	switch at, ok := x.first[h]; {
	case !ok:
	case at == slot && ses.peer == none:
		delete(x.first, h)
	case at == slot:
		x.first[h] = ses.peer
	default:
		for at != none {
			before := s.sessions.At(at)
			if at = before.peer; at == slot {
				before.peer = ses.peer
			}
		}
	}
}

// has reports whether the loop may have a session of the user with this hash. It may be called by
// any goroutine.
func (x *index) has(hash uint32) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, ok := x.first[hash]
	return ok
}

// EachOf calls do for every session of a user on this loop.
func (s *Shard) EachOf(user string, do func(slot uint32)) {
	slot, ok := s.index.first[userHash(user)]
	if !ok {
		return
	}
	var slots []uint32 // do may end sessions
	for slot != none {
		ses := s.sessions.At(slot)
		if ses.who.user() == user {
			slots = append(slots, slot)
		}
		slot = ses.peer
	}
	for _, slot := range slots {
		if s.Present(slot) {
			do(slot)
		}
	}
}

// LoopsOf returns the loops that may have sessions of a user, a bit each. It may be called by any
// goroutine.
func LoopsOf[T string | []byte](h *Hub, user T) (mask uint64) {
	hash := userHash(user)
	for i, s := range h.shards {
		if s.index.has(hash) {
			mask |= 1 << i
		}
	}
	return mask
}

// PushTo pushes an event to all sessions of a user. It may be called by any goroutine.
func (h *Hub) PushTo(user, event []byte) {
	mask := LoopsOf(h, user)
	if mask == 0 {
		return
	}
	to, event := string(user), bytes.Clone(event)
	h.EachLoop(mask, func(i int) {
		s := h.shards[i]
		s.conn.Post(func() { s.EachOf(to, func(slot uint32) { s.conn.Push(slot, event) }) })
	})
}
