package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// stranger is a client as somebody writes it who has libs/wire/PROTOCOL.md and a WebSocket library,
// and nothing else of ours. The numbers in it are those of the part "A client in one page".
type stranger struct {
	url, token, me, room string

	mu      sync.Mutex
	conn    *websocket.Conn // nil: not welcome
	lastID  int
	pending map[string]chan event

	last   map[string]any // position of the last entry: seq and id; nil: none
	have   uint64
	joinID string // of the join under way
	live   bool
	shown  map[string]*event // by user and id
}

// event has the fields of events, and of the messages of a page, that a plain client needs. An
// entry has a prev.
type event struct {
	Type         string  `json:"type"`
	ID           string  `json:"id"`
	Seq          uint64  `json:"seq"`
	Prev         *uint64 `json:"prev"`
	Room         string  `json:"room"`
	User         string  `json:"user"`
	Text         string  `json:"text"`
	Target       string  `json:"target"`
	Deleted      bool    `json:"deleted"`
	More         bool    `json:"more"`
	Rewind       bool    `json:"rewind"`
	Code         any     `json:"code"`
	RetryAfterMS *int    `json:"retry_after_ms"`
	Messages     []event `json:"messages"`
}

// errGone says that the connection ended before the answer came.
var errGone = errors.New("the connection is gone")

// run is 1 and 7: it connects, again and again, until ctx ends. It returns the close code that says
// not to come back.
func (s *stranger) run(ctx context.Context) error {
	for failures := 0; ; failures++ {
		wait, err := s.connection(ctx, &failures)
		if ctx.Err() != nil {
			return nil
		}
		code := websocket.CloseStatus(err) // -1: there was no close frame
		if code != -1 && !slices.Contains([]websocket.StatusCode{1001, 1006, 1011, 1012, 1013, 1014}, code) && (code < 4000 || code > 4499) {
			return fmt.Errorf("closed for good: %w", err)
		}
		if wait == 0 {
			wait = min(500*time.Millisecond<<min(failures, 6), 30*time.Second)
			wait -= rand.N(wait / 2)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// connection lives through one connection, and returns how long bye said to wait.
func (s *stranger) connection(ctx context.Context, failures *int) (wait time.Duration, err error) {
	conn, resp, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http")+"/v1/ws", nil)
	if err != nil {
		return 0, err
	}
	if resp.Body != nil {
		defer resp.Body.Close()
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	if err := wsjson.Write(ctx, conn, map[string]any{"type": "hello", "id": "hello", "version": 1, "token": s.token}); err != nil {
		return 0, err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conn, s.live, s.joinID = nil, false, ""
		for _, answer := range s.pending {
			close(answer)
		}
		s.pending = map[string]chan event{}
	}()
	for {
		var e event
		if err := wsjson.Read(ctx, conn, &e); err != nil {
			return wait, err
		}
		s.mu.Lock()
		switch {
		case e.Prev != nil:
			s.entry(ctx, e)
		case e.Type == "welcome":
			*failures = 0
			s.conn = conn
			go s.enter(ctx)
		case e.Type == "joined":
			s.joined(ctx, e)
			s.reply(e)
		case e.Type == "bye" && e.RetryAfterMS != nil:
			wait = time.Duration(*e.RetryAfterMS) * time.Millisecond
		case e.Type == "ack" || e.Type == "error" || e.Type == "history":
			s.reply(e)
		}
		s.mu.Unlock()
	}
}

func (s *stranger) reply(e event) {
	if answer := s.pending[e.ID]; answer != nil {
		delete(s.pending, e.ID)
		answer <- e
	}
}

// send sends a command with a new request id. mu is held.
func (s *stranger) send(ctx context.Context, command map[string]any) (id string, answer chan event) {
	s.lastID++
	id, answer = strconv.Itoa(s.lastID), make(chan event, 1)
	command["id"] = id
	if s.conn == nil || wsjson.Write(ctx, s.conn, command) != nil {
		close(answer)
		return id, answer
	}
	s.pending[id] = answer
	return id, answer
}

// ask is 5: it sends a command until it is answered for good. Every attempt but the first is
// marked.
func (s *stranger) ask(ctx context.Context, command map[string]any) (event, error) {
	for {
		s.mu.Lock()
		_, answer := s.send(ctx, command)
		s.mu.Unlock()
		e, ok := <-answer
		wait := 100 * time.Millisecond
		switch {
		case !ok: // 7: the room is joined again meanwhile
		case e.Type != "error":
			return e, nil
		case e.RetryAfterMS != nil:
			wait = time.Duration(*e.RetryAfterMS) * time.Millisecond
		case e.Code != "unavailable" && e.Code != "internal" && e.Code != "rate_limited" && e.Code != "not_joined":
			return e, fmt.Errorf("%s is answered %v", command["type"], e.Code)
		}
		if command["type"] == "send" {
			command["retry"] = true
		}
		select {
		case <-ctx.Done():
			return event{}, fmt.Errorf("%s: %w: %w", command["type"], errGone, ctx.Err())
		case <-time.After(wait):
		}
	}
}

// enter is 2.
func (s *stranger) enter(ctx context.Context) {
	s.mu.Lock()
	known := s.last != nil
	s.mu.Unlock()
	if !known {
		page, err := s.ask(ctx, map[string]any{"type": "history", "room": s.room})
		if err != nil {
			return
		}
		s.mu.Lock()
		s.last, s.have = map[string]any{"seq": 0}, 0
		if n := len(page.Messages); n > 0 {
			newest := page.Messages[n-1]
			s.last, s.have = map[string]any{"seq": newest.Seq, "id": newest.ID}, newest.Seq
		}
		s.show(page.Messages...)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.join(ctx)
}

// join joins the room after the last entry, unless a join is under way. mu is held.
func (s *stranger) join(ctx context.Context) {
	if s.joinID != "" {
		return
	}
	id, answer := s.send(ctx, map[string]any{"type": "join", "room": s.room, "after": s.last})
	s.joinID = id
	go func() {
		e, ok := <-answer
		if !ok || e.Type != "error" {
			return // the connection is gone, or joined has been taken
		}
		time.Sleep(100 * time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.joinID == id {
			s.joinID = ""
			s.join(ctx)
		}
	}()
}

// entry is 3. mu is held.
func (s *stranger) entry(ctx context.Context, e event) {
	switch {
	case e.Room != s.room || e.Seq <= s.have:
		return
	case *e.Prev > s.have:
		s.join(ctx)
		return
	}
	s.last, s.have = map[string]any{"seq": e.Seq, "id": e.ID}, e.Seq
	s.show(e)
}

// joined is 4. mu is held.
func (s *stranger) joined(ctx context.Context, e event) {
	if e.Room != s.room || e.ID != "" && e.ID != s.joinID {
		return
	}
	s.joinID = ""
	switch {
	case e.Rewind:
		s.last, s.have, s.live, s.shown = map[string]any{"seq": e.Seq}, e.Seq, true, map[string]*event{}
		go func() {
			if page, err := s.ask(ctx, map[string]any{"type": "history", "room": s.room}); err == nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.show(page.Messages...)
			}
		}()
	case e.More:
		s.join(ctx)
	default:
		s.have, s.live = max(s.have, e.Seq), true
	}
}

// show shows what was not shown before. mu is held.
func (s *stranger) show(all ...event) {
	for _, e := range all {
		key := e.User + " " + e.ID
		if s.shown[key] != nil {
			continue
		}
		s.shown[key] = &e
		for _, m := range s.shown {
			if m.Type != "msg" || m.ID != e.Target || m.Deleted {
				continue
			}
			switch e.Type {
			case "edited":
				m.Text = e.Text
			case "deleted":
				m.Text, m.Deleted = "", true
			}
		}
	}
}

// sees returns what is on the stranger's screen: the messages that are not deleted, in order.
func (s *stranger) sees() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []event
	for _, m := range s.shown {
		if m.Type == "msg" && !m.Deleted {
			all = append(all, *m)
		}
	}
	return lines(all)
}

func lines(all []event) []string {
	slices.SortFunc(all, func(a, b event) int { return int(int64(a.Seq) - int64(b.Seq)) })
	var out []string
	for _, m := range all {
		out = append(out, fmt.Sprint(m.Seq, " ", m.Text))
	}
	return out
}
