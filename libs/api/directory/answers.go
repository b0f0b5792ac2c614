package directory

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const (
	// generation is how many answers a generation of the cache holds; it keeps two.
	generation = 100_000
	// counters is how many counters of changes the rooms share, and how many the pairs of a user and a room.
	counters = 1024
)

type key struct{ user, room string }

// answers are the directory's answers by user and room. Its methods are safe for concurrent use.
type answers struct {
	seed  maphash.Seed
	rooms [counters]atomic.Uint64 // changes of rules, by a hash of the room; an answer from before one is void
	pairs [counters]atomic.Uint64 // changes of one user's access, by a hash of user and room

	mu         sync.RWMutex
	young, old map[key]answer
}

type answer struct {
	access Access
	stamp  uint64 // the room's counter when it was asked for
}

// moment is when an answer was asked for, as far as changes are concerned.
type moment struct{ room, pair uint64 }

func (s *answers) init() {
	s.seed = maphash.MakeSeed()
	s.young, s.old = make(map[key]answer), make(map[key]answer)
}

func (s *answers) room(room string) *atomic.Uint64 {
	return &s.rooms[maphash.String(s.seed, room)%counters]
}

func (s *answers) pair(k key) *atomic.Uint64 {
	return &s.pairs[maphash.Comparable(s.seed, k)%counters]
}

// get returns what is known. It allocates nothing.
func (s *answers) get(user, room string) (Access, bool) {
	k := key{user, room}
	s.mu.RLock()
	a, ok := s.young[k]
	if !ok {
		a, ok = s.old[k]
	}
	s.mu.RUnlock()
	return a.access, ok && a.stamp == s.room(room).Load()
}

// now returns the moment for an answer that is about to be asked for.
func (s *answers) now(k key) moment { return moment{s.room(k.room).Load(), s.pair(k).Load()} }

// holds reports whether an answer that was asked for at m is still one: no change came since then. If keep is true it is
// also stored.
func (s *answers) holds(k key, m moment, a Access, keep bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now(k) != m {
		return false
	}
	if keep {
		if len(s.young) >= generation {
			s.old, s.young = s.young, make(map[key]answer)
		}
		s.young[k] = answer{a, m.room}
	}
	return true
}

func (s *answers) drop(k key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pair(k).Add(1)
	delete(s.young, k)
	delete(s.old, k)
}

// dropRoom makes all answers for a room void, however many there are, at once.
func (s *answers) dropRoom(room string) { s.room(room).Add(1) }

func (s *answers) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.rooms {
		s.rooms[i].Add(1)
	}
	s.young, s.old = make(map[key]answer), make(map[key]answer)
}
