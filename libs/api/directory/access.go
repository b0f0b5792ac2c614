package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

const (
	// maxAsks is how often the directory is asked again because of a change that came meanwhile.
	maxAsks = 5
	// retryAccess is how long a client waits when permissions cannot be had.
	retryAccess = time.Second
)

// Cached returns what is known of a user's access to a room. It never blocks on the bus and
// allocates nothing. False: ask Access.
func (c *Cache) Cached(user, room string) (Access, bool) {
	if a, ok := byName(user, room); ok {
		return a, true
	}
	if !c.current() {
		return Access{}, false
	}
	return c.answers.get(user, room)
}

// Access returns what a user may do in a room, and asks the directory service if it has to: once
// for all who want to know at the same time. Errors have a *chat.Error in their chain.
func (c *Cache) Access(ctx context.Context, user, room string) (Access, error) {
	if err := bus.CheckName(user, room); err != nil {
		return Access{}, chat.E(chat.CodeBadRequest, "that is not an id")
	}
	if a, ok := c.Cached(user, room); ok {
		return a, nil
	}
	a, err := c.asks.once(ctx, key{strings.Clone(user), strings.Clone(room)}, c.ask)
	if err != nil {
		return Access{}, fmt.Errorf("access of a user to a room: %w", err)
	}
	return a, nil
}

// ask asks until no change came between the question and the answer, which may be from before it.
func (c *Cache) ask(ctx context.Context, k key) (Access, error) {
	if a, ok := c.Cached(k.user, k.room); ok {
		return a, nil // the last question ended just before this one began
	}
	for range maxAsks {
		m := c.answers.now(k)
		a, err := c.asks.client.Access(ctx, k.user, k.room)
		if err != nil {
			return Access{}, err
		}
		// Without contact nothing would correct the answer later: it is good for this call only.
		if c.answers.holds(k, m, a, c.current()) {
			return a, nil
		}
	}
	return Access{}, chat.Unavailable("the room's permissions are changing", retryAccess)
}

// byName answers for the rooms whose name says it all: a user's own, and those of the services.
func byName(user, room string) (Access, bool) {
	if own, ok := strings.CutPrefix(room, "u-"); ok {
		return Access{Read: own == user}, true
	}
	return Access{}, chat.Reserved(room)
}

// asks are the questions under way.
type asks struct {
	client *Client

	mu   sync.Mutex
	open map[key]*asked
}

// asked is a question. done is closed when access and err may be read.
type asked struct {
	done   chan struct{}
	access Access
	err    error
}

func (s *asks) init(client *Client) { s.client, s.open = client, make(map[key]*asked) }

// once runs ask, or waits for another's that is under way.
func (s *asks) once(ctx context.Context, k key, ask func(context.Context, key) (Access, error)) (Access, error) {
	for {
		q, mine := s.join(k)
		if mine {
			defer s.end(k, q)
			q.access, q.err = ask(ctx, k)
			return q.access, q.err
		}
		select {
		case <-q.done:
			// That the other gave up says nothing of the answer.
			if !errors.Is(q.err, context.Canceled) && !errors.Is(q.err, context.DeadlineExceeded) {
				return q.access, q.err
			}
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return Access{}, errors.Join(err, chat.Unavailable("permissions are not known yet", retryAccess))
		}
	}
}

// join returns the question under way, or else a new one that is the caller's to ask.
func (s *asks) join(k key) (q *asked, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q, ok := s.open[k]; ok {
		return q, false
	}
	q = &asked{done: make(chan struct{})}
	s.open[k] = q
	return q, true
}

func (s *asks) end(k key, q *asked) {
	s.mu.Lock()
	delete(s.open, k)
	s.mu.Unlock()
	close(q.done)
}
