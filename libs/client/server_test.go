package client_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// server speaks the protocol over real sockets, and does wrong what a test tells it to. Its rooms
// are lists in memory.
type server struct {
	t    *testing.T
	ln   net.Listener
	wait sync.WaitGroup

	mu     sync.Mutex
	rooms  map[string][]wire.Event
	socks  map[*sock]bool
	page   int // entries replayed by one join
	hellos int // so far
	status int // with which upgrades are answered; 0: upgraded
	limits wire.Limits
	joins  []int // of how many rooms each message with joins was

	// on, if set, is given each command first. It runs with mu held and reports whether it has
	// dealt with it.
	on func(*sock, *wire.Command) bool
	// deaf has sockets whose commands are read and not answered.
	deaf bool
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, rooms: map[string][]wire.Event{}, socks: map[*sock]bool{}, page: 1000}
	s.limits = wire.Limits{Frame: 64 << 10, Joins: wire.MaxJoins}
	s.listen("127.0.0.1:0")
	t.Cleanup(s.stop)
	return s
}

// listen starts to serve on an address.
func (s *server) listen(addr string) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ln = ln
	s.wait.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() { s.serve(conn) })
		}
	})
}

func (s *server) stop() {
	_ = s.ln.Close()
	s.cut()
	s.wait.Wait()
}

func (s *server) url() string { return "ws://" + s.ln.Addr().String() + "/v1/ws" }

func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	k := &sock{s: s, conn: conn, joined: map[string]bool{}}
	s.socks[k] = true
	status := s.status
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.socks, k)
		s.mu.Unlock()
	}()
	up := ws.Upgrader{OnRequest: func([]byte) error {
		if status != 0 {
			return ws.RejectConnectionError(ws.RejectionStatus(status))
		}
		return nil
	}}
	if _, err := up.Upgrade(conn); err != nil {
		return
	}
	for {
		op, payload, err := readFrame(conn)
		if err != nil || op == ws.OpClose {
			return
		}
		if op != ws.OpText {
			continue
		}
		s.mu.Lock()
		s.command(k, payload)
		s.mu.Unlock()
	}
}

// readFrame reads a client's frame, which has to be masked.
func readFrame(r io.Reader) (ws.OpCode, []byte, error) {
	h, err := ws.ReadHeader(r)
	if err != nil {
		return 0, nil, err
	}
	if !h.Masked || h.Length > 2<<20 {
		return 0, nil, errors.New("a frame that no client may send")
	}
	payload := make([]byte, h.Length)
	_, err = io.ReadFull(r, payload)
	ws.Cipher(payload, h.Mask, 0)
	return h.OpCode, payload, err
}

func (s *server) command(k *sock, frame []byte) {
	var c wire.Command
	if err := c.Decode(frame); err != nil {
		s.t.Errorf("the client says %s: %v", frame, err)
		return
	}
	if s.deaf {
		return
	}
	if c.Kind == wire.Join {
		s.joins = append(s.joins, 1)
	}
	if c.Rooms == nil {
		s.one(k, &c)
		return
	}
	n := 0
	var one wire.Command
	c.EachRoom(&one, func(err error) bool {
		if n++; err != nil {
			s.t.Errorf("the client says %s: %v", frame, err)
			return false
		}
		s.one(k, &one)
		return true
	})
	s.joins[len(s.joins)-1] = n
	if n > s.limits.Joins || len(frame) > s.limits.Frame {
		s.t.Errorf("the client joins %d rooms in %d bytes", n, len(frame))
	}
}

// one carries out a command, or one of the joins of a command.
func (s *server) one(k *sock, c *wire.Command) {
	if s.on != nil && s.on(k, c) {
		return
	}
	if k.user == "" && c.Kind != wire.Hello {
		s.t.Errorf("the client says %s before hello", c.Kind)
	}
	s.answer(k, c)
}

// answer does what an edge does.
func (s *server) answer(k *sock, c *wire.Command) {
	room := string(c.Room)
	switch c.Kind {
	case wire.Hello:
		s.hellos++
		k.user = string(c.Token)
		k.say(wire.AppendWelcome(nil, c.ID, &wire.Welcome{User: k.user, Name: k.user, Session: "s", PingMS: 25000, Limits: s.limits}))
	case wire.Join:
		s.join(k, c)
	case wire.Leave:
		delete(k.joined, room)
		k.say(wire.AppendAck(nil, c.ID))
	case wire.Send:
		if !k.joined[room] {
			k.refuse(c, chat.E(chat.CodeNotJoined, "join the room first"))
			return
		}
		seq := s.store(room, k.user, string(c.MsgID), string(wire.AppendText(nil, c.Text)))
		k.say(wire.AppendSendAck(nil, c.ID, c.MsgID, c.Room, seq, 1))
	case wire.History:
		page, err := json.Marshal(map[string]any{"messages": s.rooms[room], "more": true})
		if err != nil {
			s.t.Error(err)
		}
		b, err := wire.AppendHistory(nil, c.ID, room, page)
		if err != nil {
			s.t.Error(err)
		}
		k.say(b)
	case wire.Who:
		b, err := wire.AppendWho(nil, c.ID, room, []byte(`{"count":2,"users":[{"user":"ada","name":"Ada","status":"dnd"}],"next":"ada"}`))
		if err != nil {
			s.t.Error(err)
		}
		k.say(b)
	case wire.Edit, wire.Delete, wire.React, wire.Pin:
		k.say(wire.AppendSeqAck(nil, c.ID, 77))
	default:
		k.say(wire.AppendAck(nil, c.ID))
	}
}

// join replays what stands behind the position, and makes the room live.
func (s *server) join(k *sock, c *wire.Command) {
	room := string(c.Room)
	log := s.rooms[room]
	head := uint64(0)
	if len(log) > 0 {
		head = log[len(log)-1].Seq
	}
	if !c.HasAfter {
		k.joined[room] = true
		k.say(wire.AppendJoined(nil, c.ID, room, head, false, false))
		return
	}
	i := slices.IndexFunc(log, func(e wire.Event) bool { return e.Seq == c.After })
	if c.AfterID != nil && (i < 0 || log[i].ID != string(c.AfterID)) || c.After > head {
		k.joined[room] = true
		k.say(wire.AppendJoined(nil, c.ID, room, head, false, true))
		return
	}
	rest := slices.DeleteFunc(slices.Clone(log), func(e wire.Event) bool { return e.Seq <= c.After })
	more := len(rest) > s.page
	if more {
		rest = rest[:s.page]
		head = rest[len(rest)-1].Seq
	}
	for _, e := range rest {
		k.event(e)
	}
	k.joined[room] = !more
	k.say(wire.AppendJoined(nil, c.ID, room, max(head, c.After), more, false))
}

// store appends a message once, and tells the room.
func (s *server) store(room, user, id, text string) uint64 {
	log := s.rooms[room]
	for _, e := range log {
		if e.ID == id && e.User == user {
			return e.Seq
		}
	}
	e := s.entry(room, user, id, text)
	s.rooms[room] = append(log, e)
	s.tell(e)
	return e.Seq
}

// entry makes the next entry of a room, without storing it.
func (s *server) entry(room, user, id, text string) wire.Event {
	e := wire.Event{Event: chat.Event{Type: chat.TypeMsg, Room: room, User: user, ID: id, Name: user, TS: 1, Text: text, Seq: 1000}}
	if log := s.rooms[room]; len(log) > 0 {
		e.Prev = log[len(log)-1].Seq
		e.Seq = e.Prev + 7
	}
	return e
}

func (s *server) tell(e wire.Event) {
	for k := range s.socks {
		if k.joined[e.Room] {
			k.event(e)
		}
	}
}

// do runs f with mu held.
func (s *server) do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// script sets what the server does instead of what an edge does.
func (s *server) script(on func(*sock, *wire.Command) bool) { s.do(func() { s.on = on }) }

// post makes somebody else send messages, one for each text.
func (s *server) post(room string, texts ...string) {
	s.do(func() {
		for _, text := range texts {
			s.store(room, "somebody", chat.NewID(), text)
		}
	})
}

// cut breaks all connections without a word.
func (s *server) cut() {
	s.do(func() {
		for k := range s.socks {
			_ = k.conn.Close()
		}
	})
}

// kick closes all connections with a code, after a bye if retryAfter says to.
func (s *server) kick(code wire.CloseCode, retryAfter int64) {
	s.do(func() {
		for k := range s.socks {
			if retryAfter > 0 {
				k.say(wire.AppendBye(nil, code, "go", retryAfter))
			}
			k.frame(ws.OpClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), "reason"...))
		}
	})
}

// texts returns the texts that the room's log has.
func (s *server) texts(room string) (texts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.rooms[room] {
		texts = append(texts, e.Text)
	}
	return texts
}
