package hub

import (
	"context"
	"time"
	"unsafe"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
)

// op is a send that is not acknowledged yet. Ops are used again and again: a send allocates nothing
// here.
type op struct {
	shard  *Shard
	next   *op // of the sub's queue, or of the free ones
	mailed *op // of the mailbox
	ref    conn.Ref
	sub    uint32 // none: the session is not in the room any more
	state  opState
	retry  bool // the message may be in the log already
	noted  bool // for the room's slow mode
	slow   int  // seconds of it; 0: none for the sender
	id     name
	msgID  name
	room   string // the feed's
	sender string // the person's
	data   []byte // the entry
	began  time.Time
	ts     int64
	done   func(bus.Appended, error)
	result bus.Appended
	err    error
}

type opState uint8

const (
	opWaiting opState = iota
	opAsking          // for permission, and of a repeat what it repeats
	opSent
)

// name is an id in the op's own memory.
type name struct {
	b [chat.MaxIDLen]byte
	n uint8
}

func (m *name) set(b []byte)  { m.n = uint8(copy(m.b[:], b)) }
func (m *name) bytes() []byte { return m.b[:m.n] }

// text is the name as a string over the same memory, which holds until the op is used for another
// send: see bus.Log.
func (m *name) text() string { return unsafe.String(&m.b[0], int(m.n)) }

// listUsers is the text that is a question and no message.
const listUsers = "/list-users"

func (s *Shard) send(slot uint32, c *wire.Command) {
	ses := s.sessions.At(slot)
	id := s.find(slot, c.Room)
	switch {
	case ses.isOwn(c.Room):
		s.replyError(slot, c, errMayNotSend)
		return
	case id == none || !s.fan.Confirmed(id):
		s.replyError(slot, c, errNotJoined)
		return
	case c.TextLen > s.hub.opts.Text:
		s.replyError(slot, c, s.tooLong())
		return
	case int(ses.sending) >= s.hub.opts.Pending:
		s.replyError(slot, c, errPending)
		return
	case s.conn.Draining():
		s.replyError(slot, c, errDraining)
		return
	case c.TextIs(listUsers):
		s.listUsers(slot, c)
		return
	}
	if err := s.tooMuch(ses.who, c); err != nil {
		s.replyError(slot, c, err)
		return
	}
	o := s.newOp()
	o.ref, o.sub = s.conn.Ref(slot), id
	o.id.set(c.ID)
	o.msgID.set(c.MsgID)
	o.retry = c.Retry
	o.room, o.sender = s.feed(id).room, ses.who.user()
	o.began = time.Now()
	o.ts = o.began.UnixMilli()
	o.data = wire.AppendMsgEntry(o.data[:0], o.room, c.MsgID, o.sender, s.literal(ses), o.ts, c.Text, c.ReplyTo, c.ReplyAuthor)
	ses.sending++
	first := s.sends.At(id)
	at := first
	for *at != nil {
		at = &(*at).next
	}
	*at = o
	if *first == o {
		s.start(o)
	}
}

// literal returns the name of the session's user as a JSON string, until it is called again.
func (s *Shard) literal(ses *session) []byte {
	s.name = wire.AppendQuoted(s.name[:0], ses.who.name())
	return s.name
}

func (s *Shard) tooLong() *chat.Error {
	return chat.E(chat.CodeTooLarge, "the text is longer than limits.text of welcome")
}

func (s *Shard) newOp() *op {
	o := s.ops
	if o == nil {
		o = &op{shard: s}
		o.done = o.appended
		return o
	}
	s.ops, o.next = o.next, nil
	return o
}

// freeOp keeps an op for the next send.
func (s *Shard) freeOp(o *op) {
	const keep = 4 << 10 // bytes of memory for the entry
	if cap(o.data) > keep {
		o.data = nil
	}
	o.result, o.err, o.room, o.sender, o.state = bus.Appended{}, nil, "", "", opWaiting
	o.slow, o.noted = 0, false
	o.next, s.ops = s.ops, o
}

// start appends the first of a sub's sends, once the user's permission is known.
func (s *Shard) start(o *op) {
	if a, ok := s.hub.access.Cached(o.sender, o.room); ok {
		s.permitted(o, a, nil)
		return
	}
	o.state = opAsking
	user, room := o.sender, o.room
	if !s.hub.jobs.Do(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		a, err := s.hub.access.Access(ctx, user, room)
		s.conn.Post(func() { s.permitted(o, a, err) })
	}) {
		s.permitted(o, directory.Access{}, errBusy)
	}
}

func (s *Shard) permitted(o *op, a directory.Access, err error) {
	if err == nil {
		may := a
		may.Send = a.Send || a.Ask
		err = mayWrite(wire.Send, may, time.Now())
	}
	if err != nil || o.sub == none {
		o.err = err
		s.finished(o)
		return
	}
	o.slow = a.Slow
	s.feed(o.sub).slows(a)
	if !a.Send {
		s.askFirst(o)
		return
	}
	s.cleared(o)
}

// cleared goes on with a send that its user may make.
func (s *Shard) cleared(o *op) {
	if o.retry {
		s.lookUp(o)
		return
	}
	s.append(o)
}

func (s *Shard) append(o *op) {
	if o.err = s.slowed(o); o.err != nil {
		s.finished(o)
		return
	}
	o.state = opSent
	s.hub.bus.Append(bus.NewEntry{Room: o.room, Sender: o.sender, ID: o.msgID.text(), Data: o.data}, o.done)
}

// appended is called by the bus, from another goroutine.
func (o *op) appended(a bus.Appended, err error) {
	s := o.shard
	o.result, o.err = a, err
	s.mu.Lock()
	o.mailed, s.ended = s.ended, o
	s.mu.Unlock()
	s.conn.Wake()
}

// acknowledge answers the sends that have ended.
func (s *Shard) acknowledge(latest *op) {
	var first *op // in the order in which they ended
	for latest != nil {
		o := latest
		latest = o.mailed
		o.mailed, first = first, o
	}
	for first != nil {
		o := first
		first, o.mailed = o.mailed, nil
		if o.err == nil && o.result.Duplicate {
			s.lookUp(o)
			continue
		}
		s.finished(o)
	}
}

// finished answers a send, and starts the next of its room.
func (s *Shard) finished(o *op) {
	if o.noted && o.err != nil {
		s.hub.slow.undo(o.sender, o.room)
	}
	if ses := s.alive(o.ref); ses != nil && s.conn.State(o.ref.Slot) == conn.Ready {
		ses.sending--
		switch {
		case o.err != nil:
			e := s.hub.coded(o.err)
			s.hub.metrics.Failures.WithLabelValues(e.Code).Inc()
			s.enc = wire.AppendError(s.enc[:0], o.id.bytes(), e, o.msgID.bytes(), o.room)
			s.conn.Push(o.ref.Slot, s.enc)
		case o.sub == none && o.state != opSent:
			s.enc = wire.AppendError(s.enc[:0], o.id.bytes(), errNotJoined, o.msgID.bytes(), o.room)
			s.conn.Push(o.ref.Slot, s.enc)
		case o.id.n > 0:
			s.hub.metrics.Appends.Observe(time.Since(o.began).Seconds())
			s.enc = wire.AppendSendAck(s.enc[:0], o.id.bytes(), o.msgID.bytes(), o.room, o.result.Seq, o.ts)
			s.conn.Push(o.ref.Slot, s.enc)
		}
	}
	var next *op
	if o.sub != none {
		next = o.next
		*s.sends.At(o.sub) = next
	}
	if o.err == nil {
		s.freeOp(o) // after an error the bus may still be busy with its strings
	}
	if next != nil {
		s.start(next)
	}
}

// abandon parts a subscription from its sends: what is on its way ends by itself, the rest is not
// sent.
func (s *Shard) abandon(id uint32) {
	at := s.sends.At(id)
	first := *at
	*at = nil
	if first == nil {
		return
	}
	rest := first.next
	first.next, first.sub = nil, none
	for rest != nil {
		o := rest
		rest, o.next, o.sub = o.next, nil, none
		s.finished(o)
	}
}

// listUsers answers who is online in the room.
func (s *Shard) listUsers(slot uint32, c *wire.Command) {
	id, msgID, room := string(c.ID), string(c.MsgID), string(c.Room)
	fail := func(slot uint32, err error) {
		e := s.hub.coded(err)
		s.hub.metrics.Failures.WithLabelValues(e.Code).Inc()
		s.enc = wire.AppendError(s.enc[:0], id, e, msgID, room)
		s.conn.Push(slot, s.enc)
	}
	s.withAccess(slot, room, func(slot uint32, a directory.Access, err error) {
		if err == nil && !a.Read {
			err = errForbidden
		}
		if err != nil {
			fail(slot, err)
			return
		}
		later(s, s.conn.Ref(slot), func(ctx context.Context) (presence.Who, error) {
			return s.hub.people.Who(ctx, presence.WhoRequest{Room: room, After: presence.FromStart})
		}, func(slot uint32, who presence.Who, err error) {
			if err != nil {
				fail(slot, err)
				return
			}
			if id != "" {
				s.enc = wire.AppendSendAck(s.enc[:0], id, msgID, room, 0, time.Now().UnixMilli())
				s.conn.Push(slot, s.enc)
			}
			s.pushUsers(slot, id, room, who)
		})
	})
}
