package sends

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/session"
)

// op is a send that is not acknowledged yet. Ops are used again and again: a send allocates nothing
// here.
type op struct {
	shard  *Shard
	next   *op // of the sub's queue, or of the free ones
	mailed *op // of the mailbox
	ref    conn.Ref
	// fanout.None: the session is not in the room any more, or there is none
	sub    uint32
	posted func(Sent, *chat.Error) // answers a message that came over no connection; nil: ref's did
	sent   bool                    // the log has it, or is asked to take it
	retry  bool                    // the message may be in the log already
	noted  bool                    // for the room's slow mode
	slow   int                     // seconds of it; 0: none for the sender
	id     name
	msgID  name
	room   string // the topic's
	sender string // the person's
	data   []byte // the entry
	began  time.Time
	ts     int64
	done   func(bus.Appended, error)
	result bus.Appended
	err    error
}

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

// Check returns the subscription of a session to the room that a send names, or why the session may
// not send now.
func (s *Shard) Check(slot uint32, c *wire.Command) (id uint32, err *chat.Error) {
	id, joined := s.rooms.Member(slot, c.Room)
	switch {
	case !joined:
		return id, ErrNotJoined
	case c.TextLen <= s.hub.Options.Text && int(*s.pending.At(slot)) >= s.hub.Options.Pending:
		return id, session.ErrPending
	}
	return id, s.check(c.TextLen)
}

// check returns why a message with a text of so many bytes may not be sent now, whoever sends it.
func (s *Shard) check(length int) *chat.Error {
	switch {
	case length > s.hub.Options.Text:
		return s.hub.TooLong()
	case s.conn.Draining():
		return errDraining
	}
	return nil
}

// Send appends a message that Check lets pass to the log. It answers the command, at once or later.
func (s *Shard) Send(slot, id uint32, c *wire.Command) {
	if err := s.sess.ChargeText(slot, c.TextLen); err != nil {
		s.sess.ReplyError(slot, c, err)
		return
	}
	o := s.newOp()
	o.ref, o.sub = s.conn.Ref(slot), id
	o.id.set(c.ID)
	o.room, o.sender = s.rooms.Topic(id).Room, s.sess.User(slot)
	o.msgID.set(c.MsgID)
	o.retry = c.Retry
	o.began = time.Now()
	o.ts = o.began.UnixMilli()
	s.name = wire.AppendQuoted(s.name[:0], s.sess.Name(slot))
	o.data = wire.AppendMsgEntry(o.data[:0], o.room, c.MsgID, o.sender, s.name, o.ts, c)
	*s.pending.At(slot)++
	s.first.Reach(id)
	first := s.first.At(id)
	at := first
	for *at != nil {
		at = &(*at).next
	}
	*at = o
	if *first == o {
		s.start(o)
	}
}

// gone reports whether the session of an op is not in the room any more.
func (o *op) gone() bool { return o.sub == fanout.None && o.posted == nil }

// TooLong is the error for a text that is longer than Options.Text.
func (h *Hub) TooLong() *chat.Error {
	return chat.E(chat.CodeTooLarge, fmt.Sprintf("a message has at most %d bytes of text: shorten it, or send it in parts", h.Options.Text))
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
	o.result, o.err, o.room, o.sender, o.sent = bus.Appended{}, nil, "", "", false
	o.noted, o.posted = false, nil
	o.next, s.ops = s.ops, o
}

// start appends the first of a sub's sends, once the user's permission is known.
func (s *Shard) start(o *op) {
	if a, ok := s.hub.sess.Access.Cached(o.sender, o.room); ok {
		s.permitted(o, a, nil)
		return
	}
	user, room := o.sender, o.room
	if !s.hub.sess.Jobs.Do(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, session.RequestTimeout)
		defer cancel()
		a, err := s.hub.sess.Access.Access(ctx, user, room)
		s.conn.Post(func() { s.permitted(o, a, err) })
	}) {
		s.permitted(o, directory.Access{}, session.ErrBusy)
	}
}

func (s *Shard) permitted(o *op, a directory.Access, err error) {
	if err == nil {
		may := a
		may.Send = a.Send || a.Ask
		err = MayWrite(wire.Send, may, time.Now())
	}
	if err != nil || o.gone() {
		o.err = err
		s.finished(o)
		return
	}
	if o.slow = a.Slow; o.sub != fanout.None {
		s.rooms.Topic(o.sub).SlowMode(a)
	} else {
		s.hub.rooms.SlowMode(o.room, a)
	}
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
	if o.slow > 0 {
		if o.err = s.hub.rooms.ReserveTurn(o.sender, o.room, o.slow); o.err != nil {
			s.finished(o)
			return
		}
		o.noted = true
	}
	o.sent = true
	s.hub.bus.Append(bus.NewEntry{Room: o.room, Sender: o.sender, ID: o.msgID.text(), Data: o.data}, o.done)
}

// appended is called by the bus, from another goroutine.
func (o *op) appended(a bus.Appended, err error) {
	s := o.shard
	o.result, o.err = a, err
	for {
		o.mailed = s.ended.Load()
		if s.ended.CompareAndSwap(o.mailed, o) {
			break
		}
	}
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
		if o.result.Duplicate {
			s.lookUp(o)
			continue
		}
		s.finished(o)
	}
}

// finished answers a send, and starts the next of its room.
func (s *Shard) finished(o *op) {
	s.trace(o)
	if o.noted && o.err != nil {
		s.hub.rooms.GiveTurnBack(o.sender, o.room)
	}
	if o.posted != nil {
		s.answer(o)
	} else if s.conn.Alive(o.ref) && s.conn.State(o.ref.Slot) == conn.Ready {
		*s.pending.At(o.ref.Slot)--
		switch {
		case o.err != nil:
			e := s.hub.sess.Coded(o.err)
			s.hub.sess.Metrics.Failures.WithLabelValues(e.Code).Inc()
			s.enc = wire.AppendError(s.enc[:0], o.id.bytes(), e, o.msgID.bytes(), o.room)
			s.conn.Push(o.ref.Slot, s.enc)
		case o.sub == fanout.None && !o.sent:
			s.enc = wire.AppendError(s.enc[:0], o.id.bytes(), ErrNotJoined, o.msgID.bytes(), o.room)
			s.conn.Push(o.ref.Slot, s.enc)
		case o.id.n > 0:
			s.hub.sess.Metrics.Appends.Observe(time.Since(o.began).Seconds())
			s.enc = wire.AppendSendAck(s.enc[:0], o.id.bytes(), o.msgID.bytes(), o.room, o.result.Seq, o.ts)
			s.conn.Push(o.ref.Slot, s.enc)
		}
	}
	var next *op
	if o.sub != fanout.None {
		next = o.next
		*s.first.At(o.sub) = next
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
	if id >= s.first.Len() {
		return // nothing was ever sent
	}
	at := s.first.At(id)
	first := *at
	*at = nil
	if first == nil {
		return
	}
	rest := first.next
	first.sub = fanout.None
	for rest != nil {
		o := rest
		rest, o.sub = o.next, fanout.None
		s.finished(o)
	}
}
