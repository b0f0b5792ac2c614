package hub

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
)

// headDesk asks the bus for the ends of own rooms, for all who want to know at the same time.
type headDesk struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting []headAsk
}

type headAsk struct {
	room string
	then func(through uint64, err error)
}

// headsPart is how many rooms are asked for at once.
const headsPart = 500

// ask calls then, from another goroutine, with the Seq through which the room is complete: entries
// that are appended after ask are after it, and the loops get a hint of each.
func (d *headDesk) ask(room string, then func(through uint64, err error)) {
	d.mu.Lock()
	d.waiting = append(d.waiting, headAsk{room, then})
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *headDesk) take(n int) []headAsk {
	d.mu.Lock()
	defer d.mu.Unlock()
	n = min(n, len(d.waiting))
	part := d.waiting[:n:n]
	if d.waiting = d.waiting[n:]; len(d.waiting) == 0 {
		d.waiting = nil
	}
	return part
}

// fail tells everybody who waits that there is no answer.
func (d *headDesk) fail(err error) {
	for _, a := range d.take(1 << 30) {
		a.then(0, err)
	}
}

// watchOwn has the loops told of personal rooms, and answers for the heads of these, until ctx
// ends.
func (h *Hub) watchOwn(ctx context.Context) error {
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
		for part := h.heads.take(headsPart); len(part) > 0; part = h.heads.take(headsPart) {
			h.answerHeads(ctx, part)
		}
	}
}

// watchPersonal watches, however long that takes to begin; nil: ctx has ended.
func (h *Hub) watchPersonal(ctx context.Context) bus.Subscription {
	for {
		try, cancel := context.WithTimeout(ctx, followTimeout)
		sub, err := h.bus.Watch(try, (*ownWatcher)(h))
		cancel()
		if err == nil {
			return sub
		}
		h.heads.fail(err)
		if ctx.Err() == nil {
			h.log.Warn("users' own rooms cannot be watched, so nobody can log in; trying again", zap.Error(err))
		}
		if await.Sleep(ctx, time.Second) != nil {
			return nil
		}
	}
}

func (h *Hub) answerHeads(ctx context.Context, part []headAsk) {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	rooms := make([]string, len(part))
	for i, a := range part {
		rooms[i] = a.room
	}
	heads, err := h.headsOf(ctx, rooms)
	if err != nil {
		// The others have waited as long. Who asks after one of them was told is not among them.
		for _, a := range append(part, h.heads.take(1<<30)...) {
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
		if err := h.listen(ctx, room); err != nil {
			return nil, err
		}
	}
	return h.bus.Heads(ctx, rooms)
}
