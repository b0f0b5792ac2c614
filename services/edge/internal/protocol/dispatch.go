package protocol

import (
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/session"
)

var (
	errHelloFirst = chat.E(chat.CodeHelloRequired, "the first command is hello")
	errUnhandled  = chat.E(chat.CodeUnknownCommand, "this server does not carry out commands of this type")
)

// handlers has a row for each kind of command: what carries it out for a client that has said
// hello. Each handler answers the command once, at once or later.
var handlers = [wire.NumKinds]func(s *Shard, slot uint32, c *wire.Command){
	wire.Hello:   (*Shard).helloAgain,
	wire.Join:    (*Shard).join,
	wire.Leave:   (*Shard).leave,
	wire.Send:    (*Shard).send,
	wire.Edit:    (*Shard).amendMessage,
	wire.Delete:  (*Shard).amendMessage,
	wire.React:   (*Shard).amendMessage,
	wire.Pin:     (*Shard).amendMessage,
	wire.Typing:  (*Shard).typing,
	wire.Read:    (*Shard).read,
	wire.History: (*Shard).history,
	wire.Who:     (*Shard).who,
	wire.Watch:   (*Shard).watch,
	wire.Status:  (*Shard).status,
	wire.Ping:    (*Shard).ping,
	wire.Inbox:   (*Shard).inbox,
	wire.Unread:  (*Shard).mark,
	wire.Seen:    (*Shard).mark,
}

// dispatch calls the handler of a command. It answers a command that has none with unknown_command.
func (s *Shard) dispatch(slot uint32, c *wire.Command) {
	handle := handlers[c.Kind]
	if handle == nil {
		s.sess.ReplyError(slot, c, errUnhandled)
		return
	}
	if c.Kind != wire.Ping {
		s.sess.MarkActive(slot)
	}
	handle(s, slot, c)
}

// paid counts a command against the rates, and answers it if they are used up. It returns whether
// the command is to be carried out. A page joins all of its rooms at once: as many joins as a
// socket may have rooms are free.
func (s *Shard) paid(slot uint32, c *wire.Command, join bool) bool {
	if join && s.sess.FreeJoin(slot, s.hub.opts.Rooms.Rooms) {
		return true
	}
	ok, wait := s.conn.Charge(slot)
	switch {
	case s.conn.State(slot) == conn.Closing:
		return false
	case ok:
		// Other sockets of the user may have used the rate up: that is no violation of this one.
		ok, wait = s.sess.ChargeUser(slot)
	default:
		s.hub.metrics.Limited.WithLabelValues("rate").Inc()
	}
	if !ok {
		s.sess.ReplyError(slot, c, rateLimited(wait))
	}
	return ok
}

// rateLimited is the error of a command that is within the rate after so many milliseconds.
func rateLimited(waitMS uint32) *chat.Error {
	return &chat.Error{Code: chat.CodeRateLimited, Message: "too many commands", RetryAfter: time.Duration(max(1, waitMS)) * time.Millisecond}
}

// command carries out a command, or answers the error that it is.
func (s *Shard) command(slot uint32, c *wire.Command, err error) {
	s.commands[c.Kind]++
	// Of several rooms of a join each is paid for by itself.
	several := c.Rooms != nil && err == nil && s.conn.State(slot) == conn.Ready
	if !several && !s.paid(slot, c, c.Kind == wire.Join && err == nil) {
		return
	}
	switch {
	case s.conn.State(slot) == conn.Ready && err == nil:
		s.dispatch(slot, c)
	case err == nil && c.Kind == wire.Hello && s.conn.State(slot) == conn.Open:
		s.hello(slot, c)
	case err == nil && c.Kind == wire.Hello:
		s.helloAgain(slot, c)
	case err != nil && (s.conn.State(slot) == conn.Ready || c.Kind == wire.Hello):
		s.sess.ReplyError(slot, c, session.CodedError(err))
	default:
		s.sess.ReplyError(slot, c, errHelloFirst)
		if s.conn.State(slot) != conn.Greeting { // else hello was said, and is still looked at
			s.conn.Close(slot, wire.CloseProtocol, "the first command is hello")
		}
	}
}
