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
func (c *Client) run() {
	for attempt := 0; ; attempt++ {
		since := time.Now()
		welcomed, retryAfter, err := c.session()
		if c.ctx.Err() != nil {
			return
		}
		if !welcomed {
			c.mu.Lock()
			c.last = err
			c.mu.Unlock()
		} else if time.Since(since) > c.cfg.MaxBackoff {
			// it was a good connection; after one that is lost at once, keep the delay
			attempt = 0
		}
		if !passes(err) {
			c.cfg.Log.Info("the server refused this client", zap.Error(err))
			c.end(err)
			return
		}
		delay := backoff(attempt, c.cfg.MinBackoff, c.cfg.MaxBackoff)
		if e, ok := errors.AsType[*chat.Error](err); ok && retryAfter == 0 {
			retryAfter = e.RetryAfter
		}
		if retryAfter > 0 {
			delay = retryAfter
		}
		c.cfg.Log.Debug("not connected", zap.Error(err), zap.Duration("retry_in", delay))
		if await.Sleep(c.ctx, delay) != nil {
			return
		}
	}
}

// session runs one connection. It returns whether the server welcomed the client, how long its bye
// asked to wait, and why the connection ended.
func (c *Client) session() (welcomed bool, retryAfter time.Duration, err error) {
	conn, welcome, err := c.connect()
	if err != nil {
		return false, 0, err
	}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		conn.Close(wire.CloseNormal)
		return true, 0, c.err
	}
	c.conn, c.welcome = conn, welcome
	c.resume()
	c.announce()
	c.mu.Unlock()
	c.cfg.Log.Debug("connected", zap.String("user", welcome.User), zap.String("session", welcome.Session))

	c.handle(welcome)
	retryAfter, err = c.read(conn)
	c.mu.Lock()
	c.disconnect()
	c.mu.Unlock()
	conn.Close(wire.CloseAbnormal)
	return true, retryAfter, err
}

// connect opens a connection and says hello.
func (c *Client) connect() (*Conn, wire.Event, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.cfg.ReplyTimeout)
	defer cancel()
	token, err := c.cfg.Token(ctx)
	if err != nil {
		return nil, wire.Event{}, fmt.Errorf("get token: %w", err)
	}
	conn, err := DialConn(ctx, c.cfg.URL, c.cfg.Conn)
	if err != nil {
		return nil, wire.Event{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.NetConn().SetDeadline(time.Unix(1, 0)) })
	c.mu.Lock()
	status := c.status
	c.mu.Unlock()
	welcome, err := hello(conn, token, c.cfg.Device)
	if err == nil && status != "" {
		// first, so that events of rooms find it
		err = say(conn, wire.Request{Type: wire.Status.String(), Status: status})
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close(wire.CloseNormal)
		if chat.CodeOf(err) == chat.CodeTokenExpired && c.cfg.TokenExpired != nil {
			c.cfg.TokenExpired(token)
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
func (c *Client) read(conn *Conn) (retryAfter time.Duration, err error) {
	var deadline time.Time
	for {
		// Setting a deadline for each frame would cost a timer for each; it may be late by a
		// quarter.
		if now := time.Now(); deadline.Sub(now) < c.cfg.Silence*3/4 {
			deadline = now.Add(c.cfg.Silence)
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
		c.dispatch(conn, e)
	}
}

// dispatch passes an event to its room, its call or the handler.
func (c *Client) dispatch(conn *Conn, e wire.Event) {
	switch e.Type {
	case wire.EventAck, wire.EventWho, wire.EventHistory, wire.EventInbox:
		c.reply(e)
	case wire.EventError:
		if e.ID == "" {
			c.handle(e)
			return
		}
		c.reply(e)
	case wire.EventJoined:
		for _, e := range c.joined(e) {
			c.handle(e)
		}
		c.reply(e)
	case wire.EventTyping, wire.EventRead, wire.EventPresence, wire.EventNotice, wire.EventBye:
		c.handle(e)
	default:
		if e.Logged() {
			for _, e := range c.entry(e) {
				c.handle(e)
			}
		}
	}
}

// reply passes an event to the call that waits for it, if it still does.
func (c *Client) reply(e wire.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch, ok := c.pending[e.ID]; ok {
		delete(c.pending, e.ID)
		ch <- e // has capacity 1
	}
}
