package directory

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// generation is how many answers a generation of the cache holds; it keeps two. An answer takes
	// some 40 bytes.
	generation = 500_000
	// counters is how many counters of changes the rooms share, and how many the pairs of a user
	// and a room.
	counters = 1024
)

type key struct{ user, room string }

// answers are the directory's answers by user and room. Its methods are safe for concurrent use.
type answers struct {
	seed  maphash.Seed
	seed2 maphash.Seed // of the second half of marks
	// changes of rules, by a hash of the room; an answer from before one is void
	rooms [counters]atomic.Uint64
	// changes of a user's access to all rooms, by a hash of the user; the same holds
	users [counters]atomic.Uint64
	pairs [counters]atomic.Uint64 // changes of one user's access, by a hash of user and room

	limit      int // of a generation
	mu         sync.RWMutex
	young, old map[mark]answer
	// Of those who are muted, who are few: the rest of the answer.
	youngMutes, oldMutes map[mark]mute
}

// mute is until when somebody is muted, in UTC milliseconds, and why.
type mute struct {
	until int64
	why   string
}

// mark stands for a user and a room: a keyed hash of 128 bits, which takes a fifth of the memory of
// the ids. That two of a million pairs share one has a chance of one in 10^26.
type mark [2]uint64

// answer is an Access and, above accessBits, the stamp of when it was asked for.
type answer uint64

const (
	accessBits = 32
	stampMask  = 1<<(64-accessBits) - 1
	roleMask   = 1<<4 - 1 // the role's place in roles
	bitRead    = 1 << 4
	bitSend    = 1 << 5
	bitDirect  = 1 << 6
	bitSmall   = 1 << 7
	bitReact   = 1 << 8
	bitMuted   = 1 << 9 // the rest is in the mutes
	bitAsk     = 1 << 10
	bitArchive = 1 << 11
	slowShift  = 16 // above: Slow
	maxSlow    = 1<<(accessBits-slowShift) - 1
)

// roles are those that can be kept. One that a newer directory knows is asked for each time.
var roles = [...]Role{"", RoleMember, RoleModerator, RoleOwner, RoleReader}

// pack makes an answer; false: of a role that cannot be kept.
func pack(a Access, stamp uint64) (answer, bool) {
	role := slices.Index(roles[:], a.Role)
	if role < 0 || a.Slow < 0 || a.Slow > maxSlow {
		return 0, false
	}
	p := answer(stamp<<accessBits|uint64(role)) | answer(a.Slow)<<slowShift
	if a.Read {
		p |= bitRead
	}
	if a.Send {
		p |= bitSend
	}
	if a.Direct {
		p |= bitDirect
	}
	if a.Small {
		p |= bitSmall
	}
	if a.React {
		p |= bitReact
	}
	if a.Archived {
		p |= bitArchive
	}
	if a.MutedUntil != 0 {
		p |= bitMuted
	}
	if a.Ask {
		p |= bitAsk
	}
	return p, true
}

// access returns the Access but for what is said of a mute.
func (a answer) access() Access {
	return Access{
		Role: roles[a&roleMask], Read: a&bitRead != 0, Send: a&bitSend != 0, Direct: a&bitDirect != 0, Small: a&bitSmall != 0,
		React: a&bitReact != 0, Ask: a&bitAsk != 0, Archived: a&bitArchive != 0, Slow: int(a >> slowShift & maxSlow),
	}
}

// current reports whether nothing has changed since for the room and the user, if their stamp is
// now this.
func (a answer) current(stamp uint64) bool { return uint64(a)>>accessBits == stamp&stampMask }

func (s *answers) mark(k key) mark {
	return mark{maphash.Comparable(s.seed, k), maphash.Comparable(s.seed2, k)}
}

// moment is when an answer was asked for, as far as changes are concerned.
type moment struct{ stamp, pair uint64 }

func (s *answers) init() {
	s.limit = generation
	s.seed, s.seed2 = maphash.MakeSeed(), maphash.MakeSeed()
	s.young, s.old = make(map[mark]answer), make(map[mark]answer)
	s.youngMutes, s.oldMutes = make(map[mark]mute), make(map[mark]mute)
}

func (s *answers) room(room string) *atomic.Uint64 {
	return &s.rooms[maphash.String(s.seed, room)%counters]
}

func (s *answers) user(user string) *atomic.Uint64 {
	return &s.users[maphash.String(s.seed2, user)%counters]
}

// stamp changes when what anybody may do in the room does, or what the user may do anywhere: both
// counters only grow, so their sum stays when both do.
func (s *answers) stamp(user, room string) uint64 {
	return s.room(room).Load() + s.user(user).Load()
}

func (s *answers) pair(k key) *atomic.Uint64 {
	return &s.pairs[maphash.Comparable(s.seed, k)%counters]
}

// get returns what is known. It allocates nothing.
func (s *answers) get(user, room string) (Access, bool) {
	m := s.mark(key{user, room})
	s.mu.RLock()
	a, ok := s.young[m]
	if !ok {
		a, ok = s.old[m]
	}
	var muted mute
	if a&bitMuted != 0 {
		var there bool
		if muted, there = s.youngMutes[m]; !there {
			muted = s.oldMutes[m]
		}
	}
	s.mu.RUnlock()
	if !ok || !a.current(s.stamp(user, room)) {
		return Access{}, false
	}
	access := a.access()
	access.MutedUntil, access.MutedWhy = muted.until, muted.why
	return access, true
}

// now returns the moment for an answer that is about to be asked for.
func (s *answers) now(k key) moment { return moment{s.stamp(k.user, k.room), s.pair(k).Load()} }

// holds reports whether an answer that was asked for at m is still one: no change came since then.
// If keep is true it is also stored.
func (s *answers) holds(k key, m moment, a Access, keep bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now(k) != m {
		return false
	}
	if p, ok := pack(a, m.stamp); ok && keep {
		if len(s.young) >= s.limit {
			s.old, s.young = s.young, make(map[mark]answer)
			s.oldMutes, s.youngMutes = s.youngMutes, make(map[mark]mute)
		}
		at := s.mark(k)
		if s.young[at] = p; p&bitMuted != 0 {
			s.youngMutes[at] = mute{a.MutedUntil, a.MutedWhy}
		}
	}
	return true
}

func (s *answers) drop(k key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pair(k).Add(1)
	m := s.mark(k)
	delete(s.young, m)
	delete(s.old, m)
	delete(s.youngMutes, m)
	delete(s.oldMutes, m)
}

// dropRoom makes all answers for a room void, however many there are, at once.
func (s *answers) dropRoom(room string) { s.room(room).Add(1) }

// dropUser makes all answers for a user void, however many there are, at once.
func (s *answers) dropUser(user string) { s.user(user).Add(1) }

func (s *answers) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.rooms {
		s.rooms[i].Add(1)
	}
	s.young, s.old = make(map[mark]answer), make(map[mark]answer)
	s.youngMutes, s.oldMutes = make(map[mark]mute), make(map[mark]mute)
}
