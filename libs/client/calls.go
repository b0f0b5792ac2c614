package client

import (
	"context"
	"fmt"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// The calls below wait for a connection, send their command, and repeat it if its reply is lost,
// until ctx ends or Config.RetryFor is over. They return the server's refusals as *chat.Error.
//
// Edit, Delete, React and Pin go on after a passing error, as SendMessage does, with the same id,
// so that the command is carried out once. An error that wraps ErrUnknown says that the command may
// have been carried out or not: call again, since the second time changes nothing. Any other
// *chat.Error is a refusal: nothing was changed. The other calls return every *chat.Error at once.

// Name names a message of a room: two users may use the same ID.
type Name struct {
	User string // its author
	ID   string
}

func (n Name) thread() chat.Thread { return chat.Thread{Author: n.User, ID: n.ID} }

// Edit gives one's own message with an ID a new text. The ack's Seq is that of the edited event.
func (c *Client) Edit(ctx context.Context, room, id, text string) (ack wire.Event, err error) {
	return c.change(ctx, wire.Request{Type: wire.Edit.String(), Room: room, Target: id, Author: c.Welcome().User, Text: text})
}

// Delete removes a message's content.
func (c *Client) Delete(ctx context.Context, room string, m Name) (ack wire.Event, err error) {
	return c.change(ctx, wire.Request{Type: wire.Delete.String(), Room: room, Target: m.ID, Author: m.User})
}

// React puts an emoji on a message, or takes it back.
func (c *Client) React(ctx context.Context, room string, m Name, emoji string, on bool) (ack wire.Event, err error) {
	return c.change(ctx, wire.Request{Type: wire.React.String(), Room: room, Target: m.ID, Author: m.User, Emoji: emoji, On: &on})
}

// Pin pins a message, or unpins it.
func (c *Client) Pin(ctx context.Context, room string, m Name, on bool) (ack wire.Event, err error) {
	return c.change(ctx, wire.Request{Type: wire.Pin.String(), Room: room, Target: m.ID, Author: m.User, On: &on})
}

func (c *Client) change(ctx context.Context, r wire.Request) (wire.Event, error) {
	r.MsgID = chat.NewID()
	return c.link.do(ctx, r, c.joins.mayPass(r.Room))
}

// Typing tells the room that the user is typing: now, or not at all (ErrNotConnected).
func (c *Client) Typing(ctx context.Context, room string) error {
	c.link.mu.Lock()
	conn := c.link.conn
	c.link.mu.Unlock()
	if conn == nil {
		return fmt.Errorf("typing: %w", ErrNotConnected)
	}
	_, err := c.link.attempt(ctx, conn, wire.Request{Type: wire.Typing.String(), Room: room})
	if lostOrLate(err) {
		err = ErrNotConnected
	}
	if err != nil {
		return fmt.Errorf("typing: %w", err)
	}
	return nil
}

// Read says that the user has read the room through a seq.
func (c *Client) Read(ctx context.Context, room string, seq uint64) error {
	_, err := c.link.do(ctx, wire.Request{Type: wire.Read.String(), Room: room, Seq: seq}, never)
	return err
}

// Unread marks the message at a seq, and what follows in its room, as unread.
func (c *Client) Unread(ctx context.Context, room string, seq uint64) error {
	_, err := c.link.do(ctx, wire.Request{Type: wire.Unread.String(), Room: room, Seq: seq}, never)
	return err
}

// Seen marks everything in a room as read; with an empty room, in all rooms.
func (c *Client) Seen(ctx context.Context, room string) error {
	_, err := c.link.do(ctx, wire.Request{Type: wire.Seen.String(), Room: room}, never)
	return err
}

// Inbox returns what is new in the user's rooms, ordered by room id, or with a room in that one. If
// it returns a next, there are more: ask again with it. The first next is empty.
func (c *Client) Inbox(ctx context.Context, room, next string) (rooms []chat.InboxRoom, more string, err error) {
	e, err := c.link.do(ctx, wire.Request{Type: wire.Inbox.String(), Room: room, Next: next}, never)
	return e.Rooms, e.Next, err
}

// NewThreads returns the threads that the user follows and that have something new, the one with
// the last answer first, and whether there are more: see Session.Followed.
func (c *Client) NewThreads(ctx context.Context) (threads []chat.InboxThread, more bool, err error) {
	e, err := c.link.do(ctx, wire.Request{Type: wire.Inbox.String()}, never)
	return e.Threads, e.MoreThreads, err
}

// Query selects a page of a room's history: at most one of Before, After, Around and Oldest is set;
// none: the newest.
type Query struct {
	Before, After, Around uint64
	Oldest                bool // from the first message on; an earlier release answers the newest
	Limit                 int  // 1 to wire.MaxLimit; 0: wire.DefaultLimit
	// Thread names a root: the page has the answers in its thread. Zero: what the room shows.
	Thread Name
}

// Page is a run of a room's messages, oldest first.
type Page struct {
	Messages []chat.Message `json:"messages"`
	More     bool           `json:"more"` // there are more in the requested direction
	// Acts are the acts of moderation between the messages, oldest first.
	Acts []chat.Event `json:"acts,omitempty"`
	// Events are what else happened there, for members: topics, members, pins; oldest first.
	Events []chat.Event `json:"events,omitempty"`
	// Root is that of a page of a thread; nil: there is no such message.
	Root *chat.Message `json:"root,omitempty"`
}

// History returns a page of a room's history.
func (c *Client) History(ctx context.Context, room string, q Query) (Page, error) {
	r := wire.Request{Type: wire.History.String(), Room: room, Before: q.Before, Around: q.Around, Limit: q.Limit, Thread: q.Thread.thread()}
	if q.After > 0 || q.Oldest {
		r.After = q.After
	}
	e, err := c.link.do(ctx, r, never)
	return Page{Messages: e.Messages, More: e.More, Root: e.Root}, err
}

// Who returns who is online in a room over the whole cluster: the first people, or those after a
// place, which the Next of the answer before names.
func (c *Client) Who(ctx context.Context, room, next string) (Online, error) {
	e, err := c.link.do(ctx, wire.Request{Type: wire.Who.String(), Room: room, Next: next}, never)
	return Online{Count: e.Count, Users: e.Users, Next: e.Next}, err
}

// Watch turns presence events of a joined room on or off; also on later connections.
func (c *Client) Watch(ctx context.Context, room string, on bool) error {
	if _, err := c.link.do(ctx, wire.Request{Type: wire.Watch.String(), Room: room, On: &on}, never); err != nil {
		return err
	}
	c.link.mu.Lock()
	if r := c.joins.rooms[room]; r != nil {
		r.watched = on
	}
	c.link.mu.Unlock()
	return nil
}

// Status sets the user's status: online, idle, dnd or invisible; also on later connections.
func (c *Client) Status(ctx context.Context, status string) error {
	if _, err := c.link.do(ctx, wire.Request{Type: wire.Status.String(), Status: status}, never); err != nil {
		return err
	}
	c.link.mu.Lock()
	c.link.status = status
	c.link.mu.Unlock()
	return nil
}

// Ping returns how long the server takes to answer.
func (c *Client) Ping(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	_, err := c.link.do(ctx, wire.Request{Type: wire.Ping.String()}, never)
	return time.Since(start), err
}
