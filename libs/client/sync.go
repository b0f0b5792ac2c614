package client

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// Join joins a room and returns when it is live: joined says through which seq everything was
// delivered. With after, it first delivers everything that follows that position; without, the room
// begins now. From then on the Client keeps the room joined, over any number of connections, and
// delivers each of its entries once and in order. joined.Rewind says that the position is not in
// the log any more: nothing was replayed.
//
// Joining a room again starts it anew. If ctx ends first, or the server refuses (*chat.Error), the
// room is not joined.
func (c *Client) Join(ctx context.Context, name string, after *wire.Position) (joined wire.Event, err error) {
	c.mu.Lock()
	r, err := c.begin(RoomAt{Room: name, After: after})
	c.mu.Unlock()
	if err != nil {
		return wire.Event{}, err
	}
	return c.finish(ctx, r)
}

// Leave leaves a room: nothing of it is delivered any more.
func (c *Client) Leave(ctx context.Context, name string) error {
	c.mu.Lock()
	if r := c.rooms[name]; r != nil {
		c.forget(r, errors.New("left"))
	}
	c.mu.Unlock()
	_, err := c.do(ctx, wire.Request{Type: wire.Leave.String(), Room: name}, never)
	return err
}

// Position returns the client's position in a room that it has joined: pass it to Join to go on
// from there. Once Close has returned, everything up to it has been handled.
func (c *Client) Position(name string) (p wire.Position, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.rooms[name]; r != nil && r.placed {
		return r.last, true
	}
	return wire.Position{}, false
}

// forget drops the client's state of a room. mu is held.
func (c *Client) forget(r *room, why error) {
	if r.left {
		return
	}
	r.left = true
	if c.rooms[r.name] == r {
		delete(c.rooms, r.name)
	}
	if r.done != nil {
		r.done <- why
		r.done = nil
	}
	c.announce()
}

// resume starts to join all rooms again on a new connection. mu is held.
func (c *Client) resume() {
	own := chat.UserRoom(c.welcome.User)
	if c.rooms[own] == nil {
		c.rooms[own] = &room{name: own, own: true}
	}
	again := make([]*room, 0, len(c.rooms))
	for _, r := range c.rooms {
		if r.own && !r.placed && !r.syncing && r.done == nil {
			r.live = true
			continue
		}
		c.resync(r)
		again = append(again, r)
	}
	c.ask(again)
}

// resync starts a goroutine that joins the room from its position, unless one is running. mu is
// held.
func (c *Client) resync(r *room) {
	r.live = false
	if !r.syncing && !r.left {
		r.syncing = true
		c.start(func() { c.sync(r) })
	}
}

// sync joins a room until it is live.
func (c *Client) sync(r *room) {
	for failures := 0; ; {
		conn, err := c.await(c.ctx, "")
		if err != nil {
			return // the client has ended
		}
		before, more, err := c.joinOnce(conn, r)
		if err == nil {
			err = c.watchAgain(conn, r)
		}
		c.mu.Lock()
		switch {
		case r.left:
			c.mu.Unlock()
			return
		case err == nil && r.live:
			r.syncing = false
			if r.done != nil {
				r.done <- nil
				r.done = nil
			}
			c.mu.Unlock()
			return
		case err == nil && more && r.held > before:
			failures = 0
			c.mu.Unlock()
			continue // the next page
		case err != nil && !lostOrLate(err) && !passes(err):
			waits := r.done != nil
			c.forget(r, err)
			c.mu.Unlock()
			if ce, ok := errors.AsType[*chat.Error](err); ok && !waits {
				c.refused(r.name, ce)
			}
			return
		}
		c.mu.Unlock()
		if errors.Is(err, errLost) {
			continue
		}
		delay := backoff(failures, c.cfg.MinBackoff, c.cfg.MaxBackoff)
		if ce, ok := errors.AsType[*chat.Error](err); ok && ce.RetryAfter > 0 {
			delay = ce.RetryAfter
		}
		c.cfg.Log.Debug("room is not live yet", zap.String("room", r.name), zap.Error(err), zap.Duration("retry_in", delay))
		failures++
		if await.Sleep(c.ctx, delay) != nil {
			return
		}
	}
}

// joinOnce sends one join from the room's position, or waits for the answer to the join that ask
// has sent. It returns the seq through which the room was complete before.
func (c *Client) joinOnce(conn *Conn, r *room) (before uint64, more bool, err error) {
	c.mu.Lock()
	if r.left {
		c.mu.Unlock()
		return 0, false, errLost
	}
	a := r.asking
	r.asking = nil
	if a != nil && a.conn == conn {
		c.mu.Unlock()
		e, err := c.answer(c.ctx, a.id, a.reply)
		return a.before, e.More, err
	}
	req := c.joinRequest(r)
	before = r.held
	c.mu.Unlock()
	e, err := c.attempt(c.ctx, conn, req)
	return before, e.More, err
}

// watchAgain asks for the presence of a room that has just become live, if the room is watched.
func (c *Client) watchAgain(conn *Conn, r *room) error {
	c.mu.Lock()
	watch := r.live && r.watched
	c.mu.Unlock()
	if !watch {
		return nil
	}
	on := true
	_, err := c.attempt(c.ctx, conn, wire.Request{Type: wire.Watch.String(), Room: r.name, On: &on})
	if err != nil && !lostOrLate(err) {
		c.cfg.Log.Debug("room is not watched", zap.String("room", r.name), zap.Error(err))
		return nil // the room works without
	}
	return err
}

func lostOrLate(err error) bool { return errors.Is(err, errLost) || errors.Is(err, errTimeout) }

// refused tells the handler that a room could not be joined again.
func (c *Client) refused(name string, e *chat.Error) {
	c.handle(wire.Event{
		Event: chat.Event{Type: wire.EventError, Room: name},
		Code:  wire.Code(e.Code), Message: e.Message, RetryAfterMS: e.RetryAfter.Milliseconds(),
	})
}
