package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// Library is a fleet of clients of libs/client, which keep and resume their connections themselves.
type Library struct {
	cfg     Config
	clients []*libraryClient
	busy    atomic.Int64

	ctx  context.Context // ends with Run
	end  context.CancelFunc
	wait sync.WaitGroup
}

var _ Fleet = (*Library)(nil)

// libraryClient is a client of a Library.
type libraryClient struct {
	fleet *Library
	i     int
	seats []*seat
	talk  sayings

	mu      sync.Mutex
	client  *client.Client // nil: not in its rooms
	changed chan struct{}  // closed when client is replaced
	since   time.Time      // since when it is on its way into its rooms
	opened  bool
	gone    bool
}

// seat is a client's place in a room, and what it saw there.
type seat struct {
	room int
	at   *wire.Position // where the next connection resumes; nil: it was never joined

	mu      sync.Mutex
	start   uint64   // the room began after this seq
	seen    []uint64 // seqs of messages, in order of arrival
	rewinds int
}

// NewLibrary returns a fleet without connections. Run frees its resources.
func NewLibrary(cfg Config) *Library {
	l := &Library{cfg: cfg}
	l.ctx, l.end = context.WithCancel(context.Background())
	for i := range cfg.Clients {
		c := &libraryClient{fleet: l, i: i, changed: make(chan struct{})}
		for _, r := range cfg.Seats(i) {
			c.seats = append(c.seats, &seat{room: r})
		}
		c.talk.counts = make([]int, len(c.seats))
		l.clients = append(l.clients, c)
	}
	return l
}

// Run implements Fleet.
func (l *Library) Run(ctx context.Context) error {
	<-ctx.Done()
	l.end()
	l.wait.Wait()
	return nil
}

// Open implements Fleet.
func (l *Library) Open(from, to int) {
	for _, c := range l.clients[from:to] {
		c.mu.Lock()
		first := !c.opened
		c.opened, c.since = true, time.Now()
		c.mu.Unlock()
		if first && l.ctx.Err() == nil {
			l.wait.Go(c.live)
		}
	}
}

// Reconnect implements Fleet.
func (l *Library) Reconnect(clients ...int) {
	var wait sync.WaitGroup
	for _, i := range clients {
		c := l.clients[i]
		c.mu.Lock()
		now := c.client
		c.mu.Unlock()
		if now != nil && c.leave(now) {
			wait.Go(now.Close)
		}
	}
	wait.Wait()
}

// Caught implements Fleet.
func (l *Library) Caught(through map[int]uint64) bool {
	for _, c := range l.clients {
		c.mu.Lock()
		counts := c.opened && !c.gone
		c.mu.Unlock()
		for _, s := range c.seats {
			if counts && s.last() < through[s.room] {
				return false
			}
		}
	}
	return true
}

// Seen implements Fleet.
func (l *Library) Seen(room int) (all []Seen) {
	l.each(room, func(i int, s *seat) {
		all = append(all, Seen{Clients: []int{i}, Start: s.start, Seqs: append([]uint64(nil), s.seen...), Rewinds: s.rewinds})
	})
	return all
}

// Forget implements Fleet.
func (l *Library) Forget(room int) {
	l.each(room, func(_ int, s *seat) {
		if n := len(s.seen); n > 0 {
			s.start = max(s.start, s.seen[n-1])
		}
		s.seen, s.rewinds = nil, 0
	})
}

// each calls do for every seat in a room that was joined, with its mutex held.
func (l *Library) each(room int, do func(i int, s *seat)) {
	for i, c := range l.clients {
		for _, s := range c.seats {
			if s.room != room {
				continue
			}
			s.mu.Lock()
			if s.start > 0 || len(s.seen) > 0 {
				do(i, s)
			}
			s.mu.Unlock()
		}
	}
}

func (s *seat) last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.seen); n > 0 {
		return s.seen[n-1]
	}
	return s.start
}

// live keeps the client connected and in its rooms until the fleet ends, or no attempt can succeed.
func (c *libraryClient) live() {
	w := c.fleet.cfg.Watcher
	for again := false; ; again = true {
		now, err := c.enter()
		if err == nil {
			c.mu.Lock()
			c.client = now
			took := time.Since(c.since)
			close(c.changed)
			c.changed = make(chan struct{})
			c.mu.Unlock()
			w.In(c.i, again, took)
			select {
			case <-now.Done():
			case <-c.fleet.ctx.Done():
			}
			c.leave(now)
			c.close(now)
			err = now.Err()
		}
		switch {
		case c.fleet.ctx.Err() != nil:
			return
		case !errors.Is(err, client.ErrClosed): // which Reconnect causes
			c.mu.Lock()
			c.gone = true
			close(c.changed)
			c.mu.Unlock()
			w.Gone(c.i, chat.CodeOf(err), err)
			return
		}
	}
}

// leave detaches a connection from its client. It returns false if that was not the client's
// connection any more.
func (c *libraryClient) leave(was *client.Client) bool {
	c.mu.Lock()
	current := c.client == was
	if current {
		c.client, c.since = nil, time.Now()
	}
	c.mu.Unlock()
	if current {
		c.fleet.cfg.Watcher.Out(c.i)
	}
	return current
}

// close closes a connection and notes where the next one resumes.
func (c *libraryClient) close(was *client.Client) {
	was.Close() // nothing comes after it
	for _, s := range c.seats {
		if at, ok := was.Position(c.room(s)); ok {
			s.at = &at
		}
	}
}

func (c *libraryClient) room(s *seat) string { return c.fleet.cfg.Rooms[s.room] }

// enter connects and joins the rooms. It tries again until that succeeds, cannot succeed, or the
// fleet ends.
func (c *libraryClient) enter() (*client.Client, error) {
	for {
		now, final, err := c.attempt()
		if err == nil || final || c.fleet.ctx.Err() != nil {
			return now, err
		}
		c.fleet.cfg.Watcher.Lost(c.i, chat.CodeOf(err), err)
		if err := await.Sleep(c.fleet.ctx, minBackoff+rand.N(minBackoff)); err != nil {
			return nil, err
		}
	}
}

// attempt tries once to enter. final says that no further attempt can succeed.
func (c *libraryClient) attempt() (now *client.Client, final bool, err error) {
	ctx, cancel := context.WithTimeout(c.fleet.ctx, openFor)
	defer cancel()
	now, err = client.Dial(ctx, client.Config{
		URL:    "ws" + strings.TrimPrefix(c.fleet.cfg.Edge(c.i).URL, "http") + "/v1/ws",
		Token:  func(context.Context) (string, error) { return c.fleet.cfg.Token(c.i), nil },
		Device: "bot", Handle: c.handle, ReplyTimeout: answerFor, MaxBackoff: time.Second,
	})
	if err != nil {
		return nil, ctx.Err() == nil, err
	}
	for _, s := range c.seats {
		if err := c.join(ctx, now, s); err != nil {
			c.close(now)
			return nil, ctx.Err() == nil, err
		}
	}
	return now, false, nil
}

// join joins a room, or resumes it.
func (c *libraryClient) join(ctx context.Context, now *client.Client, s *seat) error {
	for {
		e, err := now.Join(ctx, c.room(s), s.at)
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.at == nil {
				s.start = e.Seq
				s.at = &wire.Position{Seq: e.Seq}
			}
			return nil
		}
		if !mayPass(err) {
			return fmt.Errorf("join a room: %w", err)
		}
		if ended := await.Sleep(ctx, leastRetry); ended != nil {
			return errors.Join(err, ended)
		}
	}
}

// mayPass reports whether a retry may succeed after an error of the server.
func mayPass(err error) bool {
	switch chat.CodeOf(err) {
	case chat.CodeUnavailable, chat.CodeRateLimited, chat.CodeInternal:
		return !errors.Is(err, client.ErrClosed)
	}
	return false
}

// handle handles an event.
func (c *libraryClient) handle(e wire.Event) {
	for _, s := range c.seats {
		if c.room(s) != e.Room {
			continue
		}
		switch {
		case e.Type == wire.EventJoined && e.Rewind:
			s.mu.Lock()
			// A page would read what came before from history, which the verdict judges separately.
			s.rewinds++
			s.seen, s.start = nil, e.Seq
			s.mu.Unlock()
		case e.Type == chat.TypeMsg:
			s.mu.Lock()
			s.seen = append(s.seen, e.Seq)
			s.mu.Unlock()
			c.fleet.cfg.Watcher.Delivered(e.Text)
		}
	}
}
