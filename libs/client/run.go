package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// helloID is the request id of hello. Those of other commands are numbers.
const helloID = "hello"

// run connects again and again until the client ends.
func (l *link) run() {
	for attempt := 0; ; attempt++ {
		since := time.Now()
		welcomed, retryAfter, err := l.session()
		if l.ctx.Err() != nil {
			return
		}
		if !welcomed {
			l.mu.Lock()
			l.last = err
			l.mu.Unlock()
		} else if time.Since(since) > l.cfg.MaxBackoff {
			// it was a good connection; after one that is lost at once, keep the delay
			attempt = 0
		}
		if !passes(err) {
			l.cfg.Log.Info("the server refused this client", zap.Error(err))
			l.end(err)
			return
		}
		delay := backoff(attempt, l.cfg.MinBackoff, l.cfg.MaxBackoff)
		if e, ok := errors.AsType[*chat.Error](err); ok && retryAfter == 0 {
			retryAfter = e.RetryAfter
		}
		if retryAfter > 0 {
			delay = retryAfter
		}
		l.cfg.Log.Debug("not connected", zap.Error(err), zap.Duration("retry_in", delay))
		if await.Sleep(l.ctx, delay) != nil {
			return
		}
	}
}

// session runs one connection. It returns whether the server welcomed the client, how long its bye
// asked to wait, and why the connection ended.
func (l *link) session() (welcomed bool, retryAfter time.Duration, err error) {
	conn, welcome, err := l.connect()
	if err != nil {
		return false, 0, err
	}
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		conn.Close(wire.CloseNormal)
		return true, 0, l.err
	}
	l.conn, l.welcome = conn, welcome
	l.joins.resume()
	l.announce()
	l.mu.Unlock()
	l.cfg.Log.Debug("connected", zap.String("user", welcome.User), zap.String("session", welcome.Session))

	l.handle(welcome)
	retryAfter, err = l.read(conn)
	l.mu.Lock()
	l.disconnect()
	l.mu.Unlock()
	conn.Close(wire.CloseAbnormal)
	return true, retryAfter, err
}

// connect opens a connection and says hello.
func (l *link) connect() (*Conn, wire.Event, error) {
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.ReplyTimeout)
	defer cancel()
	token, err := l.cfg.Token(ctx)
	if err != nil {
		return nil, wire.Event{}, fmt.Errorf("get token: %w", err)
	}
	conn, err := DialConn(ctx, l.cfg.URL, l.cfg.Conn)
	if err != nil {
		return nil, wire.Event{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.NetConn().SetDeadline(time.Unix(1, 0)) })
	l.mu.Lock()
	status := l.status
	l.mu.Unlock()
	welcome, err := hello(conn, token, l.cfg.Device)
	if err == nil && status != "" {
		// first, so that events of rooms find it
		err = say(conn, wire.Request{Type: wire.Status.String(), Status: status})
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close(wire.CloseNormal)
		if chat.CodeOf(err) == chat.CodeTokenExpired && l.cfg.TokenExpired != nil {
			l.cfg.TokenExpired(token)
		}
		return nil, wire.Event{}, fmt.Errorf("hello: %w", err)
	}
	return conn, welcome, nil
}

// hello sends hello and waits for the answer.
func hello(conn *Conn, token, device string) (wire.Event, error) {
	if err := say(conn, wire.Request{Type: wire.Hello.String(), ID: helloID, Version: wire.Version, Token: token, Device: device}); err != nil {
		return wire.Event{}, err
	}
	for {
		frame, err := conn.Read()
		if err != nil {
			if e, ok := errors.AsType[*CloseError](err); ok && e.Code == wire.CloseTokenExpired {
				return wire.Event{}, errors.Join(err, chat.E(chat.CodeTokenExpired, "the token has expired"))
			}
			return wire.Event{}, err
		}
		e, err := wire.DecodeEvent(frame)
		if err != nil {
			return wire.Event{}, err
		}
		switch e.Type {
		case wire.EventWelcome:
			return e, nil
		case wire.EventError:
			return wire.Event{}, e.Err()
		}
	}
}

func say(conn *Conn, r wire.Request) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return conn.WriteText(b)
}

// read handles the connection's events until it ends.
func (l *link) read(conn *Conn) (retryAfter time.Duration, err error) {
	var deadline time.Time
	for {
		// Setting a deadline for each frame would cost a timer for each; it may be late by a
		// quarter.
		if now := time.Now(); deadline.Sub(now) < l.cfg.Silence*3/4 {
			deadline = now.Add(l.cfg.Silence)
			if err := conn.NetConn().SetReadDeadline(deadline); err != nil {
				return retryAfter, lost(err)
			}
		}
		frame, err := conn.Read()
		if err != nil {
			return retryAfter, err
		}
		e, err := wire.DecodeEvent(frame)
		if err != nil {
			return retryAfter, lost(err)
		}
		if e.Type == wire.EventBye {
			retryAfter = time.Duration(e.RetryAfterMS) * time.Millisecond
		}
		l.dispatch(conn, e)
	}
}

// dispatch passes an event to its room, its call or the handler.
func (l *link) dispatch(conn *Conn, e wire.Event) {
	switch e.Type {
	case wire.EventAck, wire.EventWho, wire.EventHistory, wire.EventInbox:
		l.reply(e)
	case wire.EventError:
		if e.ID == "" {
			l.handle(e)
			return
		}
		l.reply(e)
	case wire.EventJoined:
		for _, e := range l.joins.joined(e) {
			l.handle(e)
		}
		l.reply(e)
	case wire.EventTyping, wire.EventRead, wire.EventPresence, wire.EventNotice, wire.EventBye:
		l.handle(e)
	default:
		if e.Logged() {
			for _, e := range l.joins.entry(e) {
				l.handle(e)
			}
		}
	}
}

// reply passes an event to the call that waits for it, if it still does.
func (l *link) reply(e wire.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ch, ok := l.pending[e.ID]; ok {
		delete(l.pending, e.ID)
		ch <- e // has capacity 1
	}
}
