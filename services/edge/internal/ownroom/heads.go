package ownroom

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// headBatcher asks the bus for the ends of own rooms, for all who want to know at the same time.
type headBatcher struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting []headRequest
}

type headRequest struct {
	room string
	then func(through uint64, err error)
}

// watchTimeout is how long the bus may take to confirm that personal rooms are watched, and to tell
// their heads.
const watchTimeout = 5 * time.Second

// headsPart is how many rooms are asked for at once.
const headsPart = 500

// request calls then, from another goroutine, with the Seq through which the room is complete:
// entries that are appended after the request are after it, and the loops get a hint of each.
func (b *headBatcher) request(room string, then func(through uint64, err error)) {
	b.mu.Lock()
	b.waiting = append(b.waiting, headRequest{room, then})
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *headBatcher) next(n int) []headRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, len(b.waiting))
	part := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	return part
}

// fail answers all requests that wait with an error.
func (b *headBatcher) fail(err error) {
	for _, a := range b.next(1 << 30) {
		a.then(0, err)
	}
}

// Run watches personal rooms for the loops, and answers requests for the heads of these, until ctx
// ends.
func (h *Hub) Run(ctx context.Context) error {
	sub := h.watchPersonal(ctx)
	if sub == nil {
		return nil
	}
	defer sub.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.heads.wake:
		}
		for part := h.heads.next(headsPart); len(part) > 0; part = h.heads.next(headsPart) {
			h.answerHeads(ctx, part)
		}
	}
}

// watchPersonal watches, however long that takes to begin; nil: ctx has ended.
func (h *Hub) watchPersonal(ctx context.Context) bus.Subscription {
	for {
		try, cancel := context.WithTimeout(ctx, watchTimeout)
		sub, err := h.bus.Watch(try, (*watcher)(h))
		cancel()
		if err == nil {
			return sub
		}
		h.heads.fail(err)
		if ctx.Err() == nil {
			h.sess.Log.Warn("cannot watch users' own rooms, so nobody can log in; trying again", zap.Error(err))
		}
		if await.Sleep(ctx, time.Second) != nil {
			return nil
		}
	}
}

func (h *Hub) answerHeads(ctx context.Context, part []headRequest) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	rooms := make([]string, len(part))
	for i, a := range part {
		rooms[i] = a.room
	}
	heads, err := h.headsOf(ctx, rooms)
	if err != nil {
		// The others have waited as long. Requests from after the first answer are not among them.
		for _, a := range append(part, h.heads.next(1<<30)...) {
			a.then(0, err)
		}
		return
	}
	for i, a := range part {
		a.then(max(heads[i].Seq, heads[i].Through), nil)
	}
}

// headsOf returns the heads of own rooms, when what is live in them arrives on this edge.
func (h *Hub) headsOf(ctx context.Context, rooms []string) ([]bus.Head, error) {
	for _, room := range rooms {
		if err := h.rooms.Listen(ctx, room); err != nil {
			return nil, err
		}
	}
	return h.bus.Heads(ctx, rooms)
}

// Head calls then, from another goroutine, with the Seq through which a user's own room is
// complete.
func (h *Hub) Head(user string, then func(through uint64, err error)) {
	h.heads.request(chat.UserRoom(user), then)
}
