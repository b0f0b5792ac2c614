package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// errTimeout says that no reply came within Config.ReplyTimeout.
var errTimeout = errors.New("no reply came in time")

// requestID returns the id of the next command. mu is held.
func (l *link) requestID() string {
	l.lastID++
	return strconv.FormatUint(l.lastID, 36)
}

// attempt sends a command over conn once and waits for its reply; it gives an ID to a command that
// has none. It returns an error event as its *chat.Error; errLost and errTimeout leave the
// command's outcome open.
func (l *link) attempt(ctx context.Context, conn *Conn, r wire.Request) (wire.Event, error) {
	l.mu.Lock()
	if l.conn != conn {
		l.mu.Unlock()
		return wire.Event{}, errLost
	}
	if r.ID == "" {
		r.ID = l.requestID()
	}
	reply := l.expect(r.ID)
	l.mu.Unlock()

	b, err := json.Marshal(r)
	if err != nil {
		l.giveUp(r.ID)
		return wire.Event{}, fmt.Errorf("encode %s: %w", r.Type, err)
	}
	if err := conn.WriteText(b); err != nil {
		l.drop(conn)
		return wire.Event{}, errLost
	}
	return l.answer(ctx, r.ID, reply)
}

// expect returns the channel for the reply to a command that is about to be sent over the
// connection; the channel is closed when the connection is lost. mu is held.
func (l *link) expect(id string) <-chan wire.Event {
	ch := make(chan wire.Event, 1)
	l.pending[id] = ch
	return ch
}

// giveUp stops waiting for a reply.
func (l *link) giveUp(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, id)
}

// answer waits for the reply to a command that was sent.
func (l *link) answer(ctx context.Context, id string, reply <-chan wire.Event) (wire.Event, error) {
	defer l.giveUp(id)
	timeout := time.NewTimer(l.cfg.ReplyTimeout)
	defer timeout.Stop()
	select {
	case e, ok := <-reply:
		if !ok {
			return wire.Event{}, errLost
		}
		return e, e.Err()
	case <-timeout.C:
		return wire.Event{}, errTimeout
	case <-ctx.Done():
		return wire.Event{}, ctx.Err()
	}
}

// drop closes a connection that does not work; its reader notices and connects again.
func (l *link) drop(conn *Conn) {
	l.mu.Lock()
	if l.conn == conn {
		l.disconnect()
	}
	l.mu.Unlock()
	_ = conn.NetConn().Close()
}

// do sends a command, again if its reply is lost, until it is answered. Every command may be
// repeated: those that change something carry an id of their own. again reports whether a coded
// error is a reason to repeat the command.
//
// Once an attempt may have taken effect, the command may have been done. From then on attempts to
// send say so (retry), and an error, which is that of the last attempt alone, wraps ErrUnknown.
func (l *link) do(ctx context.Context, r wire.Request, again func(error) bool) (wire.Event, error) {
	var first time.Time // when it was first sent
	mayBeDone := r.Retry
	fail := func(err error) (wire.Event, error) {
		if mayBeDone {
			err = fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		return wire.Event{}, fmt.Errorf("%s: %w", r.Type, err)
	}
	for n := 0; ; n++ {
		conn, err := l.await(ctx, r.Room)
		if err == nil {
			err = ctx.Err() // do not send what is not wanted any more
		}
		if err == nil {
			if first.IsZero() {
				first = time.Now()
			}
			var e wire.Event
			if e, err = l.attempt(ctx, conn, r); err == nil {
				return e, nil
			}
			mayBeDone = mayBeDone || mayHaveDone(r, err)
			r.Retry = mayBeDone && r.Type == wire.Send.String()
		}
		switch lost := errors.Is(err, errLost) || errors.Is(err, errTimeout); {
		case ctx.Err() != nil || l.ctx.Err() != nil:
			if e := l.why(); e != nil {
				err = e
			}
			return fail(err)
		case !lost && !again(err), time.Since(first) > l.cfg.RetryFor:
			return fail(err)
		}
		if errors.Is(err, errLost) {
			continue // await waits for the next connection
		}
		delay := backoff(n, l.cfg.MinBackoff, l.cfg.MaxBackoff)
		if e, ok := errors.AsType[*chat.Error](err); ok && e.RetryAfter > 0 {
			delay = e.RetryAfter
		}
		if errors.Is(err, errTimeout) {
			delay = 0 // the wait for the connection was delay enough
		}
		if await.Sleep(ctx, delay) != nil {
			continue // the loop's head returns the error
		}
	}
}

// mayHaveDone reports whether an attempt that ended with an error may have taken effect:
// PROTOCOL.md, "Errors". An unanswered query has not.
func mayHaveDone(r wire.Request, err error) bool {
	e, ok := errors.AsType[*chat.Error](err)
	switch {
	case !ok:
		return true
	case r.MsgID == "":
		return false
	}
	return e.Code == chat.CodeUnavailable || e.Code == chat.CodeInternal
}

// never is an again for do that returns every coded error to the caller.
func never(error) bool { return false }
