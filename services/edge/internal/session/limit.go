package session

import (
	"sync"

	"hubbub.internal/services/edge/internal/bucket"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/uptime"
)

// socketTable counts the sockets of each user, in parts, so that loops seldom meet. Safe for
// concurrent use.
type socketTable [64]struct {
	mu    sync.Mutex
	count map[uint64]int32 // by hash of the user
}

// reserve counts one more socket of a user, unless the user has most already.
func (t *socketTable) reserve(user string, most int) bool {
	h := ring.Hash(user)
	p := &t[h%uint64(len(t))]
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(p.count[h]) >= most {
		return false
	}
	if p.count == nil {
		p.count = make(map[uint64]int32)
	}
	p.count[h]++
	return true
}

// release undoes a reserve.
func (t *socketTable) release(user string) {
	h := ring.Hash(user)
	p := &t[h%uint64(len(t))]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[h]--; p.count[h] <= 0 {
		delete(p.count, h)
	}
}

// userTable holds the buckets of users who have sent something lately, in parts, so that loops
// seldom meet. Safe for concurrent use.
type userTable [64]struct {
	mu      sync.Mutex
	buckets map[uint64]bucket.Bucket // by hash of the user
}

// charge takes a token from the user's bucket: see bucket.Bucket.Take.
func (t *userTable) charge(user string, l bucket.Limit) (ok bool, waitMS uint32) {
	h := ring.Hash(user)
	p := &t[h%uint64(len(t))]
	p.mu.Lock()
	defer p.mu.Unlock()
	now := uptime.MS() // not the loop's: another's may be ahead, and time must not go back
	b, ok := p.buckets[h]
	if !ok {
		b = bucket.New(now)
		if p.buckets == nil {
			p.buckets = make(map[uint64]bucket.Bucket)
		}
	}
	ok, waitMS = b.Take(l, now)
	p.buckets[h] = b
	return ok, waitMS
}

// sweep forgets the buckets that are full.
func (t *userTable) sweep(l bucket.Limit) {
	for i := range t {
		p := &t[i]
		p.mu.Lock()
		now := uptime.MS()
		for h, b := range p.buckets {
			if b.Full(l, now) {
				delete(p.buckets, h)
			}
		}
		p.mu.Unlock()
	}
}

// ChargeUser counts a command against the rate of the session's user, over all sockets on this
// edge. If that is used up it returns after how many milliseconds the next is within it.
func (s *Shard) ChargeUser(slot uint32) (ok bool, waitMS uint32) {
	who := s.sessions.At(slot).who
	if who == nil {
		return true, 0
	}
	return s.hub.ChargeUser(who.user())
}

// ChargeUser counts a command of a user's, over whatever it came: see Shard.ChargeUser. It may be
// called from any goroutine.
func (h *Hub) ChargeUser(user string) (ok bool, waitMS uint32) {
	if h.Options.UserRate == 0 {
		return true, 0
	}
	if ok, waitMS = h.users.charge(user, h.userRate); !ok {
		h.Metrics.Limited.WithLabelValues("user_rate").Inc()
	}
	return ok, waitMS
}

// FreeJoin reports whether a session may join a room at no cost, as it may so many times, and
// counts that.
func (s *Shard) FreeJoin(slot uint32, most int) bool {
	ses := s.sessions.At(slot)
	if int(ses.joins) >= most {
		return false
	}
	ses.joins++
	return true
}
