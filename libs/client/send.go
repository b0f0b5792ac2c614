package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// Message is what SendMessage sends.
type Message struct {
	Room    string
	ID      string // empty: SendMessage makes one
	Text    string
	ReplyTo Name // the message that it answers, if any
	// Thread names the root of the thread that it is an answer in, if any. The room shows it only
	// if it is Broadcast.
	Thread    Name
	Broadcast bool
	// the ID was given to SendMessage before, perhaps by another process, and was not refused for
	// certain
	Retry bool
}

// Send sends a text to a room that the client has joined and returns the ack; see SendMessage.
func (c *Client) Send(ctx context.Context, room, text string) (ack wire.Event, err error) {
	return c.SendMessage(ctx, Message{Room: room, Text: text})
}

// SendMessage sends a message and returns its ack, with its Seq in the room's log. The messages of
// a client to a room are in the log in the order of the calls: one is in flight at a time, and the
// next calls wait.
//
// After any passing error (a lost connection or ack, an unavailable service) it tries again, with
// the same ID, until ctx ends or Config.RetryFor is over; the message is in the log at most once.
// An error that wraps ErrUnknown says that it may be there or not: try again with the same ID and
// Retry, however much later. Any other *chat.Error is the server's refusal.
func (c *Client) SendMessage(ctx context.Context, m Message) (ack wire.Event, err error) {
	if m.ID == "" {
		m.ID = chat.NewID()
	}
	if err := c.sends.turn(ctx, m.Room); err != nil {
		return wire.Event{}, fmt.Errorf("send: %w", err)
	}
	defer c.sends.endTurn(m.Room)
	r := wire.Request{
		Type: wire.Send.String(), Room: m.Room, MsgID: m.ID, Text: m.Text, ReplyTo: m.ReplyTo.ID, ReplyAuthor: m.ReplyTo.User,
		Thread: m.Thread.thread(), Broadcast: m.Broadcast, Retry: m.Retry,
	}
	return c.link.do(ctx, r, c.joins.mayPass(m.Room))
}

// mayPass returns a function that reports whether another attempt may succeed after an error of a
// command in a room.
func (j *joins) mayPass(room string) func(error) bool {
	return func(err error) bool {
		if chat.CodeOf(err) == chat.CodeNotJoined {
			// the connection was lost meanwhile, and the client is joining the room again
			return j.joinedOnce(room)
		}
		return passes(err)
	}
}

// joinedOnce reports whether the client keeps the room joined.
func (j *joins) joinedOnce(name string) bool {
	j.link.mu.Lock()
	defer j.link.mu.Unlock()
	return j.rooms[name] != nil
}

// turns are the calls that wait to send to one room, in order.
type turns struct{ waiting []chan struct{} }

// sends lets one call at a time send to a room.
type sends struct {
	link  *link
	mu    sync.Mutex
	turns map[string]*turns // by room
}

// turn waits until it is the caller's turn to send to a room.
func (s *sends) turn(ctx context.Context, name string) error {
	s.mu.Lock()
	t := s.turns[name]
	if t == nil {
		s.turns[name] = &turns{}
		s.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	t.waiting = append(t.waiting, mine)
	s.mu.Unlock()

	var err error
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.link.ctx.Done():
		err = s.link.why()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(t.waiting, mine); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	} else {
		s.pass(name) // the turn came meanwhile
	}
	return err
}

// endTurn lets the next call send.
func (s *sends) endTurn(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass(name)
}

// pass passes the turn to send to a room to the next call. mu is held.
func (s *sends) pass(name string) {
	t := s.turns[name]
	if len(t.waiting) == 0 {
		delete(s.turns, name)
		return
	}
	close(t.waiting[0])
	t.waiting = slices.Delete(t.waiting, 0, 1)
}

// ErrNotConnected is returned, while there is no connection, by calls that are worthless later.
var ErrNotConnected = errors.New("not connected")
