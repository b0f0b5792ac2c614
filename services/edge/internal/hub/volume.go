package hub

import (
	"sync"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/ring"
)

// perMessage is what a message takes in the log and in the record beside its text, in bytes.
const perMessage = 200

// day is the time in which what a user has sent is forgotten, in seconds.
const day = 24 * 60 * 60

// volumes count what users have sent on this edge in the last day, in bytes: what a user may send comes back evenly over a day.
// They are kept in parts, so that loops seldom meet. The zero value is ready; safe for concurrent use.
type volumes [64]struct {
	mu   sync.Mutex
	sent map[uint64]volume // by hash of the user
}

type volume struct {
	bytes int64  // that have not come back
	at    uint32 // seconds
	quota int64
}

// left returns what of a volume has not come back at a time.
func (v volume) left(now uint32) int64 { return max(0, v.bytes-int64(now-v.at)*v.quota/day) }

// take counts n more bytes of a user who may send quota a day. If that is too much it counts nothing, and returns after how long it
// would not be.
func (t *volumes) take(user string, n, quota int64) (wait time.Duration) {
	h := ring.Hash(user)
	p := &t[h%uint64(len(t))]
	p.mu.Lock()
	defer p.mu.Unlock()
	now := seconds()
	v := p.sent[h]
	left := v.left(now)
	if left+n > quota && left > 0 { // one message may always be sent, however small the quota is
		return time.Duration((left+n-quota)*day/quota+1) * time.Second
	}
	if p.sent == nil {
		p.sent = make(map[uint64]volume)
	}
	// What comes back in less than a second is not lost by counting often.
	if left < v.bytes || v.quota != quota {
		v.at = now
	} else {
		left = v.bytes
	}
	p.sent[h] = volume{left + n, v.at, quota}
	return 0
}

// sweep forgets users of whom everything has come back.
func (t *volumes) sweep() {
	for i := range t {
		p := &t[i]
		p.mu.Lock()
		now := seconds()
		for h, v := range p.sent {
			if v.left(now) == 0 {
				delete(p.sent, h)
			}
		}
		p.mu.Unlock()
	}
}

// tooMuch counts the text of a command against what its user may send in a day, and returns the error if that is used up.
func (s *Shard) tooMuch(who *person, c *wire.Command) *chat.Error {
	quota := s.hub.opts.UserBytes
	if who.guest() {
		quota = s.hub.opts.GuestBytes
	}
	if quota == 0 {
		return nil
	}
	wait := s.hub.volumes.take(who.user(), int64(c.TextLen)+perMessage, quota)
	if wait == 0 {
		return nil
	}
	s.hub.metrics.limited.WithLabelValues("user_bytes").Inc()
	return &chat.Error{Code: chat.CodeTooMany, Message: "you have sent as much as you may in a day", RetryAfter: wait}
}
