package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/swarm"
)

// talk is a client's queue of messages, sent one at a time.
type talk struct {
	queue []message
	sent  bool   // the first is on its way
	n     uint32 // messages that left the queue: the number of the first in it
}

// message is a message to send.
type message struct {
	seat  int
	id    string
	text  string
	due   time.Time
	until time.Time
	maybe bool // an attempt may have succeeded: the log may have it already
	again bool // maybe, before the last attempt
}

// The id of a hello; the id of a join is the number of its seat.
const helloID = "hello"

// send sends a command.
func (s *Raw) send(i int, r wire.Request) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a command: %w", err)
	}
	return s.conns.Send(i, swarm.OpText, b)
}

func (s *Raw) greet(i int) error {
	s.clients[i].state = stGreeting
	return s.send(i, wire.Request{Type: wire.Hello.String(), ID: helloID, Version: wire.Version, Token: s.cfg.Token(i), Device: "bot"})
}

// text handles the payload of a text frame.
func (s *Raw) text(i int, payload []byte) error {
	if bytes.Equal(payload, s.cache.frame) {
		s.logged(i, &s.cache.event)
		return nil
	}
	e, err := wire.DecodeEvent(payload)
	if err != nil {
		return fmt.Errorf("the server sent a frame that is no event: %w", err)
	}
	switch {
	case e.Logged():
		s.cache.frame, s.cache.event = append(s.cache.frame[:0], payload...), e
		s.logged(i, &e)
	case e.Type == wire.EventWelcome:
		return s.welcome(i)
	case e.Type == wire.EventJoined:
		return s.joined(i, &e)
	case e.Type == wire.EventAck:
		return s.answered(i, &e)
	case e.Type == wire.EventError && e.MsgID != "":
		return s.answered(i, &e)
	case e.Type == wire.EventError:
		return s.refused(i, &e)
	}
	return nil
}

// logged handles an entry of a room.
func (s *Raw) logged(i int, e *wire.Event) {
	for k := range s.placesOf(i) {
		p := &s.placesOf(i)[k]
		if r := &s.rooms[p.room]; r.id == e.Room {
			p.observe(r, e)
			if e.Type == chat.TypeMsg {
				s.cfg.Watcher.Delivered(e.Text)
			}
			return
		}
	}
}

func (s *Raw) welcome(i int) error {
	c := &s.clients[i]
	c.state, c.left = stJoining, uint16(len(s.placesOf(i)))
	if c.left == 0 {
		return s.in(i)
	}
	for k := range s.placesOf(i) {
		if err := s.join(i, k); err != nil {
			return err
		}
	}
	return nil
}

func (s *Raw) join(i, k int) error {
	p := &s.placesOf(i)[k]
	r := wire.Request{Type: wire.Join.String(), ID: strconv.Itoa(k), Room: s.rooms[p.room].id}
	if at, ok := p.position(&s.rooms[p.room]); ok {
		r.After = &at
	}
	return s.send(i, r)
}

func (s *Raw) joined(i int, e *wire.Event) error {
	c := &s.clients[i]
	at := -1
	for k, p := range s.placesOf(i) {
		if s.rooms[p.room].id == e.Room {
			at = k
		}
	}
	if at < 0 {
		return nil
	}
	p := &s.placesOf(i)[at]
	was := p.live
	p.begin(&s.rooms[p.room], e)
	switch {
	case e.More:
		return s.join(i, at)
	case was || c.state != stJoining:
		return nil // not the answer to a join: the room was rewound
	}
	if c.left--; c.left == 0 {
		return s.in(i)
	}
	return nil
}

// in notes that a client is in all of its rooms.
func (s *Raw) in(i int) error {
	c := &s.clients[i]
	again := c.known
	c.state, c.known, c.tries = stIn, true, 0
	s.cfg.Watcher.In(i, again, time.Duration(time.Now().UnixNano()-c.since))
	return s.next(i)
}

// refused handles an error that answers a hello or join.
func (s *Raw) refused(i int, e *wire.Event) error {
	k, convErr := strconv.Atoi(e.ID)
	switch {
	case e.ID == helloID: // the close frame that follows says the same
		return denied("hello", e)
	case convErr != nil || k < 0 || k >= len(s.placesOf(i)):
		return nil
	case !passes(e):
		return denied("join", e)
	}
	s.timers.add(retryAfter(e), timer{client: int32(i), turn: s.clients[i].turn, seat: uint16(k), what: joinAgain})
	return nil
}

// passes reports whether a retry may succeed after an error.
func passes(e *wire.Event) bool {
	switch string(e.Code) {
	case chat.CodeUnavailable, chat.CodeRateLimited, chat.CodeInternal:
		return true
	}
	return e.RetryAfterMS > 0
}

func retryAfter(e *wire.Event) time.Duration {
	return max(leastRetry, time.Duration(e.RetryAfterMS)*time.Millisecond)
}

func (s *Raw) say(m Say) {
	c := &s.clients[m.Client]
	places := s.placesOf(m.Client)
	if c.state == stGone || len(places) == 0 {
		s.busy.Add(-1)
		s.cfg.Watcher.Failed("")
		return
	}
	m.Seat %= len(places)
	if c.talk == nil {
		c.talk = new(talk)
	}
	p := &places[m.Seat]
	c.talk.queue = append(c.talk.queue, message{
		seat: m.Seat, id: chat.NewID(), text: m.Text(int(p.count)), due: m.Due, until: time.Now().Add(sayFor),
	})
	p.count++
	if err := s.next(m.Client); err != nil {
		s.failed(m.Client, err)
	}
}

// next sends the first message of the queue, if the client is in its rooms and none is on its way.
func (s *Raw) next(i int) error {
	c := &s.clients[i]
	if c.state != stIn || c.talk == nil || c.talk.sent {
		return nil
	}
	s.expire(c.talk)
	if len(c.talk.queue) == 0 {
		return nil
	}
	m := &c.talk.queue[0]
	c.talk.sent = true
	s.timers.add(min(answerFor, time.Until(m.until)), timer{client: int32(i), turn: c.turn, say: c.talk.n, what: sendAgain})
	p := &s.placesOf(i)[m.seat]
	m.again, m.maybe = m.maybe, true
	return s.send(i, wire.Request{Type: wire.Send.String(), ID: m.id, Room: s.rooms[p.room].id, MsgID: m.id, Text: m.text, Retry: m.again})
}

// expire gives up the messages whose time is over.
func (s *Raw) expire(t *talk) {
	for len(t.queue) > 0 && !time.Now().Before(t.queue[0].until) {
		s.through(t)
		s.cfg.Watcher.Failed("")
	}
}

// through takes the first message off the queue.
func (s *Raw) through(t *talk) {
	t.queue = t.queue[1:]
	if len(t.queue) == 0 {
		t.queue = nil
	}
	t.n++
	t.sent = false
	s.busy.Add(-1)
}

// hush gives up the queue of a client that is gone.
func (s *Raw) hush(i int) {
	for c := &s.clients[i]; c.talk != nil && len(c.talk.queue) > 0; {
		s.through(c.talk)
		s.cfg.Watcher.Failed("")
	}
}

// answered handles the ack or the refusal of a message.
func (s *Raw) answered(i int, e *wire.Event) error {
	c := &s.clients[i]
	if c.talk == nil || len(c.talk.queue) == 0 || c.talk.queue[0].id != e.MsgID {
		return nil // an answer to an earlier attempt
	}
	m := &c.talk.queue[0]
	if e.Type == wire.EventError && string(e.Code) != chat.CodeUnavailable && string(e.Code) != chat.CodeInternal {
		m.maybe = m.again // the server did nothing with this attempt
	}
	switch {
	case e.Type == wire.EventAck:
		s.through(c.talk)
		s.cfg.Watcher.Acked(int(s.placesOf(i)[m.seat].room), m.id, e.Seq, m.due)
	case passes(e):
		s.timers.add(retryAfter(e), timer{client: int32(i), turn: c.turn, say: c.talk.n, what: sendAgain})
		return nil
	default:
		s.through(c.talk)
		s.cfg.Watcher.Failed(string(e.Code))
	}
	return s.next(i)
}

// elapsed handles a timer that went off.
func (s *Raw) elapsed(t timer) {
	i := int(t.client)
	c := &s.clients[i]
	if c.turn != t.turn {
		return
	}
	var err error
	switch {
	case t.what == dialAgain:
		s.dial(i)
	case t.what == openLate && c.state != stIn:
		err = &end{code: "slow", why: fmt.Sprintf("not in its rooms after %s", openFor)}
	case t.what == joinAgain:
		err = s.join(i, int(t.seat))
	case t.what == sendAgain && c.talk.n == t.say && len(c.talk.queue) > 0:
		c.talk.sent = false
		err = s.next(i)
	}
	if err != nil {
		s.failed(i, err)
	}
}
