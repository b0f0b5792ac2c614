package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// socket is one connection of a guest's, with its places in rooms.
type socket struct {
	crowd   *Crowd
	number  int
	session *client.Session
	edge    string
	seats   []*seat
	byRoom  map[string]*seat

	reconnecting sync.Mutex // taken before mu

	mu     sync.Mutex
	client *client.Client // a reconnect replaces it
}

// seat is a socket's place in a room: what it said there, and what it saw.
type seat struct {
	room *room
	said int // messages so far; the number of the next

	mu      sync.Mutex
	joined  uint64   // the room began after this Seq
	seen    []uint64 // Seqs of the messages that came since the last verdict, as they came
	rewinds int      // the server said that the log was rewound
}

func newSocket(c *Crowd, number int, rooms []*room) *socket {
	s := &socket{
		crowd: c, number: number, session: c.users[number%len(c.users)], edge: c.plan.Edges[number%len(c.plan.Edges)],
		byRoom: make(map[string]*seat),
	}
	for _, r := range rooms {
		p := &seat{room: r}
		s.seats = append(s.seats, p)
		s.byRoom[r.id] = p
		r.seats = append(r.seats, p)
	}
	return s
}

// enter connects the socket and joins it to its rooms.
func (s *socket) enter(ctx context.Context) error {
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	s.use(c)
	for _, p := range s.seats {
		if _, err := retry(ctx, func() (struct{}, error) { return struct{}{}, s.session.JoinRoom(ctx, p.room.id) }); err != nil {
			return fmt.Errorf("become a member of a room: %w", err)
		}
		e, err := retry(ctx, func() (wire.Event, error) { return c.Join(ctx, p.room.id, nil) })
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.joined = e.Seq
		p.mu.Unlock()
	}
	return nil
}

func (s *socket) dial(ctx context.Context) (*client.Client, error) {
	return client.Dial(ctx, client.Config{
		URL: "ws" + strings.TrimPrefix(s.edge, "http") + "/v1/ws", Token: s.session.Token, TokenExpired: s.session.Expire, Device: "bot",
		Handle: s.handle, ReplyTimeout: 5 * time.Second, MaxBackoff: time.Second,
	})
}

func (s *socket) use(c *client.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = c
}

func (s *socket) current() *client.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}

func (s *socket) leave() {
	if c := s.current(); c != nil {
		c.Close()
	}
}

// reconnect drops the connection and resumes on a new one, as a page does that is loaded again.
func (s *socket) reconnect(ctx context.Context) error {
	s.reconnecting.Lock()
	defer s.reconnecting.Unlock()
	began := time.Now()
	old := s.current()
	old.Close() // nothing comes any more
	c, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("reconnect socket %d: %w", s.number, err)
	}
	defer s.use(c) // when it is in its rooms: who sends before that is refused
	for _, p := range s.seats {
		at, ok := old.Position(p.room.id)
		if !ok {
			at = wire.Position{Seq: p.joined}
		}
		if _, err := retry(ctx, func() (wire.Event, error) { return c.Join(ctx, p.room.id, &at) }); err != nil {
			return fmt.Errorf("resume socket %d: %w", s.number, err)
		}
	}
	s.crowd.meter.resumed(time.Since(began))
	return nil
}

// handle takes an event.
func (s *socket) handle(e wire.Event) {
	p := s.byRoom[e.Room]
	if p == nil {
		return
	}
	switch {
	case e.Type == "joined" && e.Rewind:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.rewinds++
		// what came is void: who shows the room fetches it from history, which is judged by itself
		p.seen, p.joined = nil, e.Seq
	case e.Type == chat.TypeMsg:
		p.mu.Lock()
		p.seen = append(p.seen, e.Seq)
		p.mu.Unlock()
		if due, ok := dueOf(e.Text); ok {
			s.crowd.meter.delivered(time.Since(due))
		}
	}
}

// talk says something in one of the socket's rooms every pause, until ctx ends. A message that is
// late does not move the next ones: its wait counts from when it was due (no coordinated omission).
func (s *socket) talk(ctx context.Context, due time.Time, pause time.Duration) {
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		if ctx.Err() != nil {
			return
		}
		s.say(ctx, s.seats[i%len(s.seats)], due)
		due = due.Add(pause)
	}
}

// sayFor is how long a message may take to be acknowledged, with all repeats.
const sayFor = 50 * time.Second

// say sends the seat's next message and notes its outcome. It goes on when ctx ends: what is on its
// way is accounted for.
func (s *socket) say(ctx context.Context, p *seat, due time.Time) {
	id := chat.NewID()
	text := textOf(s.number, p.said, due, s.crowd.plan.Bytes)
	p.said++
	s.crowd.meter.sent()
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), sayFor)
	defer cancel()
	for {
		c := s.current()
		ack, err := c.SendMessage(wait, client.Message{Room: p.room.id, ID: id, Text: text})
		switch {
		case err == nil:
			s.crowd.meter.acked(due)
			p.room.ledger.acked(id, ack.Seq)
			return
		case errors.Is(err, client.ErrClosed) && wait.Err() == nil && s.replaced(wait, c):
			continue // a reconnect; with the same id on the new connection
		}
		s.crowd.meter.failed(err)
		return
	}
}

// replaced waits until the socket has another client.
func (s *socket) replaced(ctx context.Context, old *client.Client) bool {
	for s.current() == old {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return true
}

// textOf makes a text of who says it, its number in the room, and when it was due.
func textOf(sender, number int, due time.Time, bytes int) string {
	text := fmt.Sprintf("%d %d %d", sender, number, due.UnixMicro())
	if n := bytes - len(text) - 1; n > 0 {
		text += " " + strings.Repeat("x", n)
	}
	return text
}

// dueOf returns when a text was due. It allocates nothing: every delivery asks.
func dueOf(text string) (time.Time, bool) {
	_, _, due, ok := fieldsOf(text)
	us, err := strconv.ParseInt(due, 10, 64)
	return time.UnixMicro(us), ok && err == nil
}

// saidOf returns who says a text and its number in the room.
func saidOf(text string) (sender, number int, ok bool) {
	who, which, _, ok := fieldsOf(text)
	sender, err1 := strconv.Atoi(who)
	number, err2 := strconv.Atoi(which)
	return sender, number, ok && err1 == nil && err2 == nil
}

func fieldsOf(text string) (sender, number, due string, ok bool) {
	sender, text, _ = strings.Cut(text, " ")
	number, text, ok = strings.Cut(text, " ")
	due, _, _ = strings.Cut(text, " ")
	return sender, number, due, ok
}
