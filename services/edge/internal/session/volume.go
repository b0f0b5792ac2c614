package session

import (
	"sync"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/uptime"
)

// PerMessage is what a message takes in the log and in the record beside its text, in bytes.
const PerMessage = 200

// day is the time in which what a user has sent is forgotten, in seconds.
const day = 24 * 60 * 60

// AtOnce is the part of it that a user may send at once, and in a minute: so much text that
// everybody in a room is sent would make them wait.
const AtOnce = 16

// volumes count what users have sent on this edge in the last day, in bytes: what a user may send
// comes back evenly over a day, and what a user may send at once over a minute. They are kept in
// parts, so that loops seldom meet. The zero value is ready; safe for concurrent use.
type volumes [64]struct {
	mu   sync.Mutex
	sent map[uint64]volume // by hash of the user
}

type volume struct {
	bytes  int64  // that have not come back
	at     uint32 // seconds
	lately uint32 // when recent was counted, in seconds
	recent int64  // of what may be sent at once
	quota  int64
}

// left returns what of a volume has not come back at a time.
func (v volume) left(now uint32) int64 { return max(0, v.bytes-int64(now-v.at)*v.quota/day) }

// burst returns what of that which was sent at once has not come back at a time.
func (v volume) burst(now uint32) int64 {
	return max(0, v.recent-int64(now-v.lately)*v.quota/(60*AtOnce))
}

// charge counts n more bytes of a user who may send quota a day. If that is too much it counts
// nothing, and returns how long the user has to wait; fast: only because the user sends too fast.
func (t *volumes) charge(user string, n, quota int64) (wait time.Duration, fast bool) {
	h := ring.Hash(user)
	p := &t[h%uint64(len(t))]
	p.mu.Lock()
	defer p.mu.Unlock()
	now := uptime.Seconds()
	v := p.sent[h]
	left := v.left(now)
	if left+n > quota && left > 0 { // one message may always be sent, however small the quota is
		return time.Duration((left+n-quota)*day/quota+1) * time.Second, false
	}
	burst := v.burst(now)
	if over := burst + n - quota/AtOnce; over > 0 && burst > 0 {
		return time.Duration(over*60*AtOnce/quota+1) * time.Second, true
	}
	if p.sent == nil {
		p.sent = make(map[uint64]volume)
	}
	// What comes back in less than a second is not lost by counting often.
	if left < v.bytes || v.quota != quota {
		v.at = now
	}
	lately := now
	if burst > 0 && burst == v.recent {
		lately = v.lately
	}
	p.sent[h] = volume{bytes: left + n, at: v.at, lately: lately, recent: burst + n, quota: quota}
	return 0, false
}

// sweep forgets users of whom everything has come back.
func (t *volumes) sweep() {
	for i := range t {
		p := &t[i]
		p.mu.Lock()
		now := uptime.Seconds()
		for h, v := range p.sent {
			if v.left(now) == 0 && v.burst(now) == 0 {
				delete(p.sent, h)
			}
		}
		p.mu.Unlock()
	}
}

// ChargeText counts the text of a command against what the session's user may send in a day, and
// returns the error if that is used up.
func (s *Shard) ChargeText(slot uint32, length int) *chat.Error {
	return s.hub.ChargeText(s.Sender(slot), length)
}

// ChargeText counts the text of a command of a user's, over whatever it came: see Shard.ChargeText.
// It may be called from any goroutine.
func (h *Hub) ChargeText(from Sender, length int) *chat.Error {
	quota := h.Options.UserBytes
	if from.Guest {
		quota = h.Options.GuestBytes
	}
	if quota == 0 {
		return nil
	}
	wait, fast := h.volumes.charge(from.User, int64(length)+PerMessage, quota)
	switch {
	case wait == 0:
		return nil
	case fast:
		h.Metrics.Limited.WithLabelValues("user_bytes_minute").Inc()
		return &chat.Error{Code: chat.CodeRateLimited, Message: "you have sent as much text as you may in a minute", RetryAfter: wait}
	}
	h.Metrics.Limited.WithLabelValues("user_bytes").Inc()
	return &chat.Error{Code: chat.CodeTooMany, Message: "you have sent as much as you may in a day", RetryAfter: wait}
}
