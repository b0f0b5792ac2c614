package directory

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/chat"
)

const (
	// maxKnown is how many users a generation of what is known of accounts holds; two are kept.
	maxKnown = 50_000
	// departedTimeout bounds a question for accounts; after one that failed none is asked for
	// departedPause: whoever waits for a page waits for that at most once.
	departedTimeout = time.Second
	departedPause   = 5 * time.Second
)

// DepartedRequest asks which users have deleted their accounts; the service is ServiceDeparted.
type DepartedRequest struct {
	Users []string `json:"users"` // at most MaxDeparted
}

// DepartedReply answers DepartedRequest.
type DepartedReply struct {
	Departed []string `json:"departed,omitempty"`
}

// MaxDeparted is how many users one DepartedRequest may name.
const MaxDeparted = 200

// Unnamed returns the data of entries without the names of users who have deleted their accounts:
// see chat.Unnamed. There are n; entry returns the sender and the data of each, and set is called
// with the data of those that change. What is not known is asked of the directory. While that does
// not answer, users of whom nothing is known keep their names.
func (c *Cache) Unnamed(ctx context.Context, n int, entry func(int) (sender string, data []byte), set func(int, []byte)) {
	users := make(map[string]bool) // and whether they are gone
	last := ""                     // most have the same as the one before
	for i := range n {
		user, member := chat.Named(entry(i))
		if user != "" && user != last {
			users[user], last = false, user
		}
		if member != "" {
			users[member] = false
		}
	}
	if !c.departed(ctx, users) {
		return
	}
	for i := range n {
		sender, data := entry(i)
		now, err := chat.Unnamed(sender, data, func(user string) bool { return users[user] })
		// else it is none, and nobody reads it
		if err == nil && (len(now) == 0 || &now[0] != &data[0]) {
			set(i, now)
		}
	}
}

// departed notes which of some users are gone, and reports whether any is.
func (c *Cache) departed(ctx context.Context, users map[string]bool) (found bool) {
	unknown, at := c.departures.look(users, c.current())
	for len(unknown) > 0 && c.departures.mayAsk(time.Now()) {
		some := unknown[:min(len(unknown), MaxDeparted)]
		unknown = unknown[len(some):]
		limited, cancel := context.WithTimeout(ctx, departedTimeout)
		gone, err := c.asks.client.Departed(limited, some)
		cancel()
		if err != nil {
			if ctx.Err() == nil {
				c.departures.failed(time.Now())
				c.log.Warn("cannot find out which accounts are deleted; they keep their names for now", zap.Error(err))
			}
			break
		}
		for _, user := range gone {
			users[user] = true
		}
		c.departures.keep(some, users, at)
	}
	for _, gone := range users {
		found = found || gone
	}
	return found
}

// departures are which users have deleted their accounts, as far as somebody asked. Its methods are
// safe for concurrent use.
type departures struct {
	mu         sync.RWMutex
	young, old map[string]bool // by user: gone
	limit      int             // of a generation
	changes    uint64          // what was asked for before one may be out of date
	silent     time.Time       // until then nothing is asked
}

func (d *departures) init() {
	d.limit = maxKnown
	d.young, d.old = make(map[string]bool), make(map[string]bool)
}

// look notes which of some users are known to be gone, and returns those of whom nothing is known,
// as of a moment. Who is gone is so for ever; who is not is believed only while changes arrive.
func (d *departures) look(users map[string]bool, current bool) (unknown []string, at uint64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for user := range users {
		gone, known := d.young[user]
		if !known {
			gone, known = d.old[user]
		}
		if users[user] = gone; !gone && !(known && current) {
			unknown = append(unknown, user)
		}
	}
	return unknown, d.changes
}

func (d *departures) keep(some []string, gone map[string]bool, at uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, user := range some {
		if !gone[user] && d.changes != at {
			continue
		}
		if len(d.young) >= d.limit {
			d.old, d.young = d.young, make(map[string]bool)
		}
		d.young[user] = gone[user]
	}
}

// drop forgets a user, who may have deleted the account.
func (d *departures) drop(user string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	delete(d.young, user)
	delete(d.old, user)
}

func (d *departures) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	d.young, d.old = make(map[string]bool), make(map[string]bool)
}

func (d *departures) mayAsk(now time.Time) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return !now.Before(d.silent)
}

func (d *departures) failed(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silent = now.Add(departedPause)
}
