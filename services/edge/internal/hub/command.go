package hub

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
)

// Errors that are told to clients as they are.
var (
	errHelloFirst  = chat.E(chat.CodeHelloRequired, "the first command is hello")
	errUnhandled   = chat.E(chat.CodeUnknownCommand, "this server does not carry out commands of this type")
	errHelloTwice  = chat.E(chat.CodeHelloTwice, "hello was said already")
	errNotJoined   = chat.E(chat.CodeNotJoined, "join the room first")
	errLeft        = chat.E(chat.CodeNotJoined, "the room was left meanwhile")
	errForbidden   = chat.E(chat.CodeForbidden, "there is no such room, or you may not enter it")
	errFarBehind   = chat.Unavailable("you are far behind, and history does not answer", 2*time.Second)
	errOtherUse    = chat.E(chat.CodeConflict, "you gave that msg_id to something else in this room")
	errArchived    = chat.E(chat.CodeForbidden, "this room is archived: it can be read only")
	errReads       = chat.E(chat.CodeForbidden, "you are a reader of this room: a moderator or an owner can let you write")
	errMayNotSend  = chat.E(chat.CodeForbidden, "you may not write in this room")
	errRooms       = chat.E(chat.CodeTooMany, "this connection is in as many rooms as it may")
	errPending     = &chat.Error{Code: chat.CodeTooMany, Message: "too many messages wait to be acknowledged", RetryAfter: 500 * time.Millisecond}
	errBusy        = chat.Unavailable("the edge is busy", time.Second)
	errDraining    = chat.Unavailable("this edge is going down: another takes over", time.Second)
	errNoLog       = chat.Unavailable("the log does not answer", 2*time.Second)
	errLogFull     = chat.Unavailable("the log is full until history has caught up", 5*time.Second)
	errEntryTooBig = chat.E(chat.CodeTooLarge, "the message is too large for the log")
	errInternal    = chat.E(chat.CodeInternal, "the service failed; its log says why")
)

const (
	// requestTimeout is how long a service may take to answer.
	requestTimeout = 5 * time.Second
)

// command carries out a command, or answers the error that it is.
func (s *Shard) command(slot uint32, c *wire.Command, err error) {
	ses := s.sessions.At(slot)
	s.commands[c.Kind]++
	// A page joins all of its rooms at once: as many joins as a socket may have rooms are free.
	if free := c.Kind == wire.Join && err == nil && int(ses.joins) < s.hub.opts.Rooms; free {
		ses.joins++
	} else {
		ok, wait := s.conn.Charge(slot)
		if s.conn.State(slot) == conn.Closing {
			return
		}
		if ok && ses.who != nil && s.hub.opts.UserRate > 0 {
			// His other sockets may have used it up: that is no strike against this one.
			if ok, wait = s.hub.users.take(ses.who.user(), s.hub.userRate); !ok {
				s.hub.metrics.Limited.WithLabelValues("user_rate").Inc()
			}
		} else if !ok {
			s.hub.metrics.Limited.WithLabelValues("rate").Inc()
		}
		if !ok {
			limited := chat.Error{Code: chat.CodeRateLimited, Message: "too many commands", RetryAfter: time.Duration(max(1, wait)) * time.Millisecond}
			s.replyError(slot, c, &limited)
			return
		}
	}
	switch {
	case s.conn.State(slot) == conn.Ready && err == nil:
		s.dispatch(slot, c)
	case err == nil && c.Kind == wire.Hello && s.conn.State(slot) == conn.Open:
		s.hello(slot, c)
	case err == nil && c.Kind == wire.Hello:
		s.helloAgain(slot, c)
	case err != nil && (s.conn.State(slot) == conn.Ready || c.Kind == wire.Hello):
		s.replyError(slot, c, codedError(err))
	default:
		s.replyError(slot, c, errHelloFirst)
		if s.conn.State(slot) != conn.Greeting { // else hello was said, and is still looked at
			s.conn.Close(slot, wire.CloseProtocol, "the first command is hello")
		}
	}
}

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
}

// dispatch calls the handler of a command. It answers a command that has none with unknown_command.
func (s *Shard) dispatch(slot uint32, c *wire.Command) {
	handle := handlers[c.Kind]
	if handle == nil {
		s.replyError(slot, c, errUnhandled)
		return
	}
	if c.Kind != wire.Ping {
		s.active(slot)
	}
	handle(s, slot, c)
}

// helloAgain refuses a second hello.
func (s *Shard) helloAgain(slot uint32, c *wire.Command) { s.replyError(slot, c, errHelloTwice) }

// ping answers a client that wants to know whether the edge is there.
func (s *Shard) ping(slot uint32, c *wire.Command) { s.ack(slot, c.ID) }

// ack answers a command that has nothing more to say, if it wants an answer.
func (s *Shard) ack(slot uint32, id []byte) {
	if len(id) > 0 {
		s.enc = wire.AppendAck(s.enc[:0], id)
		s.conn.Push(slot, s.enc)
	}
}

// replyError answers a command with an error.
func (s *Shard) replyError(slot uint32, c *wire.Command, e *chat.Error) {
	var msgID, room []byte
	if c.Kind == wire.Send {
		msgID, room = c.MsgID, c.Room
	}
	s.hub.countError(e)
	s.enc = wire.AppendError(s.enc[:0], c.ID, e, msgID, room)
	s.conn.Push(slot, s.enc)
}

// replyErrorTo answers the command with an id with an error, when its frame is gone.
func (s *Shard) replyErrorTo(slot uint32, id string, err error) {
	e := s.hub.coded(err)
	s.hub.countError(e)
	s.enc = wire.AppendError(s.enc[:0], id, e, "", "")
	s.conn.Push(slot, s.enc)
}

// codedError returns the chat.Error in err's chain, or nil.
func codedError(err error) *chat.Error {
	e, _ := errors.AsType[*chat.Error](err)
	return e
}

// coded returns what a client is told of an error; what is not for clients goes to the log.
func (h *Hub) coded(err error) *chat.Error {
	if e := codedError(err); e != nil {
		return e
	}
	switch {
	case errors.Is(err, bus.ErrFull):
		return errLogFull
	case errors.Is(err, bus.ErrTooLarge):
		return errEntryTooBig
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrClosed), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errNoLog
	}
	h.log.Error("a command failed", zap.Error(err))
	return errInternal
}

// later has a worker do what may block, and gives what it returns to then on the shard's loop, if
// the session still lives. When the workers are too busy, then is called at once.
func later[T any](s *Shard, r conn.Ref, work func(context.Context) (T, error), then func(slot uint32, v T, err error)) {
	ok := s.hub.jobs.Do(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		v, err := work(ctx)
		s.conn.Post(func() {
			if s.alive(r) != nil {
				then(r.Slot, v, err)
			}
		})
	})
	if !ok {
		var v T
		then(r.Slot, v, errBusy)
	}
}

// withAccess calls then with what the session's user may do in a room: at once where that is known.
func (s *Shard) withAccess(slot uint32, room string, then func(slot uint32, a directory.Access, err error)) {
	ses := s.sessions.At(slot)
	user := ses.who.user()
	if a, ok := s.hub.access.Cached(user, room); ok {
		then(slot, a, nil)
		return
	}
	later(s, s.conn.Ref(slot), func(ctx context.Context) (directory.Access, error) {
		return s.hub.access.Access(ctx, user, room)
	}, then)
}

// countError counts an error that a client is told of, and the limit that it is about.
func (h *Hub) countError(e *chat.Error) {
	h.metrics.Failed(e)
	switch e {
	case errRooms:
		h.metrics.Limited.WithLabelValues("rooms").Inc()
	case errPending:
		h.metrics.Limited.WithLabelValues("pending").Inc()
	}
}
