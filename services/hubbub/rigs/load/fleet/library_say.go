package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
)

// sayings is the queue of messages that a client is to send, one at a time.
type sayings struct {
	mu     sync.Mutex
	queue  []saying
	counts []int // messages so far, by seat: the number of the next one
}

// saying is a message that a client is to send.
type saying struct {
	seat  *seat
	id    string
	text  string
	due   time.Time
	until time.Time // when it is given up
}

// Say implements Fleet.
func (l *Library) Say(m Say) {
	c := l.clients[m.Client]
	if len(c.seats) == 0 || l.ctx.Err() != nil {
		l.cfg.Watcher.Failed("")
		return
	}
	l.busy.Add(1)
	t := &c.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	k := m.Seat % len(c.seats)
	t.queue = append(t.queue, saying{
		seat: c.seats[k], id: chat.NewID(), text: m.Text(t.counts[k]), due: m.Due, until: time.Now().Add(sayFor),
	})
	t.counts[k]++
	if len(t.queue) == 1 {
		l.wait.Go(c.say)
	}
}

// Busy implements Fleet.
func (l *Library) Busy() int { return int(l.busy.Load()) }

// say sends the messages of the queue until it is empty.
func (c *libraryClient) say() {
	t := &c.talk
	for {
		t.mu.Lock()
		first := t.queue[0]
		t.mu.Unlock()
		c.send(first)
		c.fleet.busy.Add(-1)
		t.mu.Lock()
		t.queue = t.queue[1:]
		left := len(t.queue)
		t.mu.Unlock()
		if left == 0 {
			return
		}
	}
}

// send sends one message until it is acknowledged, refused or given up. After a reconnect it sends
// the message again, with the same id.
func (c *libraryClient) send(m saying) {
	ctx, cancel := context.WithDeadline(c.fleet.ctx, m.until)
	defer cancel()
	w := c.fleet.cfg.Watcher
	for {
		now := c.connected(ctx)
		if now == nil {
			w.Failed("")
			return
		}
		ack, err := now.SendMessage(ctx, client.Message{Room: c.room(m.seat), ID: m.id, Text: m.text})
		switch {
		case err == nil:
			w.Acked(m.seat.room, m.id, ack.Seq, m.due)
			return
		case errors.Is(err, client.ErrClosed) && ctx.Err() == nil:
			c.leave(now)
			continue
		case errors.Is(err, client.ErrUnknown) || ctx.Err() != nil:
			w.Failed("")
			return
		}
		w.Failed(chat.CodeOf(err))
		return
	}
}

// connected waits until the client is in its rooms, and returns its connection. nil: it is gone, or
// ctx has ended.
func (c *libraryClient) connected(ctx context.Context) *client.Client {
	for {
		c.mu.Lock()
		now, gone, changed := c.client, c.gone, c.changed
		c.mu.Unlock()
		if now != nil || gone {
			return now
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}
