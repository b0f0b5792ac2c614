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
	c.link.mu.Lock()
	r, err := c.joins.begin(RoomAt{Room: name, After: after})
	c.link.mu.Unlock()
	if err != nil {
		return wire.Event{}, err
	}
	return c.joins.finish(ctx, r)
}

// Leave leaves a room: nothing of it is delivered any more.
func (c *Client) Leave(ctx context.Context, name string) error {
	c.link.mu.Lock()
	if r := c.joins.rooms[name]; r != nil {
		c.joins.forget(r, errors.New("left"))
	}
	c.link.mu.Unlock()
	_, err := c.link.do(ctx, wire.Request{Type: wire.Leave.String(), Room: name}, never)
	return err
}

// Position returns the client's position in a room that it has joined: pass it to Join to go on
// from there. Once Close has returned, everything up to it has been handled.
func (c *Client) Position(name string) (p wire.Position, ok bool) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if r := c.joins.rooms[name]; r != nil && r.placed {
		return r.last, true
	}
	return wire.Position{}, false
}

// forget drops the client's state of a room. link.mu is held.
func (j *joins) forget(r *room, why error) {
	if r.left {
		return
	}
	r.left = true
	if j.rooms[r.name] == r {
		delete(j.rooms, r.name)
	}
	if r.done != nil {
		r.done <- why
		r.done = nil
	}
	j.link.announce()
}

// resume starts to join all rooms again on a new connection. link.mu is held.
func (j *joins) resume() {
	own := chat.UserRoom(j.link.welcome.User)
	if j.rooms[own] == nil {
		j.rooms[own] = &room{name: own, own: true}
	}
	again := make([]*room, 0, len(j.rooms))
	for _, r := range j.rooms {
		if r.own && !r.placed && !r.syncing && r.done == nil {
			r.live = true
			continue
		}
		j.resync(r)
		again = append(again, r)
	}
	j.ask(again)
}

// resync starts a goroutine that joins the room from its position, unless one is running. link.mu
// is held.
func (j *joins) resync(r *room) {
	r.live = false
	if !r.syncing && !r.left {
		r.syncing = true
		j.link.start(func() { j.sync(r) })
	}
}

// sync joins a room until it is live.
func (j *joins) sync(r *room) {
	for failures := 0; ; {
		conn, err := j.link.await(j.link.ctx, "")
		if err != nil {
			return // the client has ended
		}
		before, more, err := j.joinOnce(conn, r)
		if err == nil {
			err = j.watchAgain(conn, r)
		}
		j.link.mu.Lock()
		switch {
		case r.left:
			j.link.mu.Unlock()
			return
		case err == nil && r.live:
			r.syncing = false
			if r.done != nil {
				r.done <- nil
				r.done = nil
			}
			j.link.mu.Unlock()
			return
		case err == nil && more && r.held > before:
			failures = 0
			j.link.mu.Unlock()
			continue // the next page
		case err != nil && !lostOrLate(err) && !passes(err):
			waits := r.done != nil
			j.forget(r, err)
			j.link.mu.Unlock()
			if ce, ok := errors.AsType[*chat.Error](err); ok && !waits {
				j.refused(r.name, ce)
			}
			return
		}
		j.link.mu.Unlock()
		if errors.Is(err, errLost) {
			continue
		}
		delay := backoff(failures, j.link.cfg.MinBackoff, j.link.cfg.MaxBackoff)
		if ce, ok := errors.AsType[*chat.Error](err); ok && ce.RetryAfter > 0 {
			delay = ce.RetryAfter
		}
		j.link.cfg.Log.Debug("room is not live yet", zap.String("room", r.name), zap.Error(err), zap.Duration("retry_in", delay))
		failures++
		if await.Sleep(j.link.ctx, delay) != nil {
			return
		}
	}
}

// joinOnce sends one join from the room's position, or waits for the answer to the join that ask
// has sent. It returns the seq through which the room was complete before.
func (j *joins) joinOnce(conn *Conn, r *room) (before uint64, more bool, err error) {
	j.link.mu.Lock()
	if r.left {
		j.link.mu.Unlock()
		return 0, false, errLost
	}
	a := r.asking
	r.asking = nil
	if a != nil && a.conn == conn {
		j.link.mu.Unlock()
		e, err := j.link.answer(j.link.ctx, a.id, a.reply)
		return a.before, e.More, err
	}
	req := j.joinRequest(r)
	before = r.held
	j.link.mu.Unlock()
	e, err := j.link.attempt(j.link.ctx, conn, req)
	return before, e.More, err
}

// watchAgain asks for the presence of a room that has just become live, if the room is watched.
func (j *joins) watchAgain(conn *Conn, r *room) error {
	j.link.mu.Lock()
	watch := r.live && r.watched
	j.link.mu.Unlock()
	if !watch {
		return nil
	}
	on := true
	_, err := j.link.attempt(j.link.ctx, conn, wire.Request{Type: wire.Watch.String(), Room: r.name, On: &on})
	if err != nil && !lostOrLate(err) {
		j.link.cfg.Log.Debug("room is not watched", zap.String("room", r.name), zap.Error(err))
		return nil // the room works without
	}
	return err
}

func lostOrLate(err error) bool { return errors.Is(err, errLost) || errors.Is(err, errTimeout) }

// refused tells the handler that a room could not be joined again.
func (j *joins) refused(name string, e *chat.Error) {
	j.link.handle(wire.Event{
		Event: chat.Event{Type: wire.EventError, Room: name},
		Code:  wire.Code(e.Code), Message: e.Message, RetryAfterMS: e.RetryAfter.Milliseconds(),
	})
}
