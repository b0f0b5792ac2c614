package directory

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

const (
	// maxTokenLife is the longest that a token is good: as long as directory lets it live, and the
	// leeway. An older revocation concerns none.
	maxTokenLife = 24*time.Hour + auth.Leeway
	// maxRevocations is how many revocations a generation holds; two are kept.
	maxRevocations = 100_000
	// recallTimeout bounds one try to read the control log's past.
	recallTimeout = 5 * time.Second
	// recallPage is how many of its entries are read at a time.
	recallPage = 1000
)

// Revoked reports whether a good token must be refused all the same, because its user has logged
// out or was shut out since it was made. It takes no part of the bus, and knows what the control
// log has told so far: let nobody in before Known has returned nil.
func (c *Cache) Revoked(claims auth.Claims) bool { return c.revoked.has(claims) }

// Known waits until what the control log had when the cache was started has been read, so that
// Revoked knows also who was shut out before. If ctx ends first it returns a *chat.Error of
// chat.CodeUnavailable.
func (c *Cache) Known(ctx context.Context) error {
	select {
	case <-c.known:
		return nil
	default:
	}
	select {
	case <-c.known:
		return nil
	case <-ctx.Done():
		return errNotKnown
	}
}

// Ready is Known without the waiting, for the readiness of a process.
func (c *Cache) Ready(context.Context) error {
	select {
	case <-c.known:
		return nil
	default:
		return errNotKnown
	}
}

var errNotKnown = chat.Unavailable("who has been shut out is not known yet", time.Second)

// revocations are the log-ins that have ended while tokens of them may still be good, and the users
// whose older tokens are void. Its methods are safe for concurrent use.
type revocations struct {
	mu         sync.RWMutex
	young, old map[string]time.Time // by session or user id, which are unique together
	since      time.Time            // when young began
	limit      int                  // of a generation
}

func (r *revocations) init() {
	r.limit = maxRevocations
	r.young, r.old = make(map[string]time.Time), make(map[string]time.Time)
}

func (r *revocations) add(c Change, now time.Time) {
	at := time.UnixMilli(c.At)
	id := c.Session
	if id == "" {
		id = c.User
	}
	if id == "" || now.Sub(at) > maxTokenLife {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) > maxTokenLife || len(r.young) >= r.limit {
		r.old, r.young, r.since = r.young, make(map[string]time.Time), now
	}
	if r.young[id].Before(at) {
		r.young[id] = at
	}
}

func (r *revocations) has(c auth.Claims) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, m := range []map[string]time.Time{r.young, r.old} {
		if _, ended := m[c.Session]; ended {
			return true
		}
		if at, ok := m[c.User]; ok && !c.Issued.After(at) {
			return true
		}
	}
	return false
}

// past is how much of what was in the control log at the start has been read.
type past struct {
	at   bus.Position
	head uint64
	read bool // all of it
}

// recall reads the revocations from before the start, and goes on where the last try got to. It
// reports whether all are read.
func (c *Cache) recall(ctx context.Context, p *past) bool {
	limited, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	for p.at.Seq < p.head {
		r, err := c.bus.Replay(limited, chat.ControlRoom, p.at, recallPage)
		if err != nil {
			if ctx.Err() == nil {
				c.log.Warn("cannot load older revocations; trying again", zap.Error(err))
			}
			return false
		}
		for _, e := range r.Entries {
			p.at = bus.Position{Seq: e.Seq, ID: e.ID}
			if change, err := DecodeChange(e.Data); err == nil && change.Kind == ChangeUser {
				c.revoked.add(change, time.Now())
			}
		}
		if !r.More { // also when the log was rewound: what it lost cannot be read
			p.at.Seq = p.head
		}
	}
	if !p.read {
		p.read = true
		close(c.known)
	}
	return true
}
