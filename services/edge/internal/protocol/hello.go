package protocol

import (
	"context"
	"errors"
	"time"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/session"
)

// Errors of hello; each is followed by a close.
var (
	errVersion    = chat.E(chat.CodeBadRequest, "hello: this server speaks version 1 of the protocol")
	errToken      = chat.E(chat.CodeUnauthorized, "the token is missing or does not verify")
	errExpired    = chat.E(chat.CodeTokenExpired, "the token has expired: fetch a new one")
	errNoKeys     = chat.Unavailable("tokens cannot be verified right now", time.Second)
	errHelloTwice = chat.E(chat.CodeHelloTwice, "hello was said already")
	errSockets    = chat.E(chat.CodeTooMany, "you have as many connections as one may: close another window or device first")
	errRevoked    = chat.E(chat.CodeUnauthorized, "the session was revoked: log in again")
	lostMessage   = "the edge cannot reach what it needs to let you in"
)

// hello checks who a session is. Signatures are verified by workers: one takes as long as ten
// frames.
func (s *Shard) hello(slot uint32, c *wire.Command) {
	id := string(c.ID)
	if c.Version != wire.Version {
		s.turnAway(slot, id, errVersion, wire.CloseVersion)
		return
	}
	token := s.conn.PopToken(slot)
	if len(c.Token) > 0 {
		token = string(c.Token)
	}
	if token == "" {
		s.turnAway(slot, id, errToken, wire.CloseUnauthorized)
		return
	}
	device, r := string(c.Device), s.conn.Ref(slot)
	s.conn.SetState(slot, conn.Greeting)
	if !s.hub.checks.Do(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, session.RequestTimeout)
		defer cancel()
		claims, err := s.hub.verifier.Verify(ctx, token)
		if err == nil {
			// at the start: who has been shut out, of which welcome asks
			err = s.hub.sess.Access.Known(ctx)
		}
		s.conn.Post(func() { s.verified(r, id, device, claims, err) })
	}) {
		s.turnAway(slot, id, session.ErrBusy, wire.CloseLost)
	}
}

// turnAway answers hello with an error, and ends the connection.
func (s *Shard) turnAway(slot uint32, id string, e *chat.Error, code wire.CloseCode) {
	s.sess.ReplyErrorTo(slot, id, e)
	reason := e.Message
	if code == wire.CloseLost {
		reason = lostMessage
	}
	s.conn.Close(slot, code, reason)
}

// verified goes on with hello when the token has been checked.
func (s *Shard) verified(r conn.Ref, id, device string, claims auth.Claims, err error) {
	switch {
	case !s.conn.Alive(r):
		return
	case errors.Is(err, auth.ErrExpired):
		s.turnAway(r.Slot, id, errExpired, wire.CloseTokenExpired)
		return
	case errors.Is(err, auth.ErrInvalid):
		s.turnAway(r.Slot, id, errToken, wire.CloseUnauthorized)
		return
	case err != nil:
		s.turnAway(r.Slot, id, errNoKeys, wire.CloseLost)
		return
	}
	s.hub.own.Head(claims.User, func(through uint64, err error) {
		s.conn.Post(func() {
			if !s.conn.Alive(r) {
				return
			}
			if err != nil {
				s.turnAway(r.Slot, id, s.hub.sess.Coded(err), wire.CloseLost)
				return
			}
			s.welcome(r.Slot, through, id, device, claims)
		})
	})
}

// welcome lets a session in. own is where the log of its user's own room ended when it was last
// looked at.
func (s *Shard) welcome(slot uint32, own uint64, id, device string, claims auth.Claims) {
	if s.hub.sess.Access.Revoked(claims) {
		s.turnAway(slot, id, errRevoked, wire.CloseRevoked)
		return
	}
	now := time.Now()
	if !s.sess.Enter(slot, &claims, device, now) {
		s.turnAway(slot, id, errSockets, wire.CloseSockets)
		return
	}
	s.own.Enter(slot, own)
	s.hub.sess.Reporter.Enter(s.presenceOf(slot))
	s.enc = wire.AppendWelcome(s.enc[:0], id, &wire.Welcome{
		User: claims.User, Name: claims.Name, Session: claims.Session, Limits: s.hub.limits,
		PingMS: int(s.hub.opts.PingAfter / time.Millisecond), TS: now.UnixMilli(),
	})
	s.conn.Push(slot, s.enc)
}

// helloAgain refuses a second hello.
func (s *Shard) helloAgain(slot uint32, c *wire.Command) { s.sess.ReplyError(slot, c, errHelloTwice) }
