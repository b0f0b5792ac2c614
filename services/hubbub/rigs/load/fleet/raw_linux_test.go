package fleet

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// TestSayIsGivenUpWithoutAServer: a client gives its messages up in time even if the server never
// comes back. Otherwise a caller that waits until none is on its way would wait for ever.
func TestSayIsGivenUpWithoutAServer(t *testing.T) {
	var h counter
	s, err := NewRaw(Config{Clients: 1, Rooms: []string{"r"}, Seats: func(int) []int { return []int{0} }, Watcher: &h})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for range 3 {
		s.busy.Add(1) // as Say does
		s.say(Say{Text: func(int) string { return "x" }})
	}
	refused := errors.New("connection refused")
	s.failed(0, refused)
	if s.Busy() != 3 || h.failed.Load() != 0 || h.lost.Load() != 1 {
		t.Fatalf("before their time is over %d messages wait, %d were given up", s.Busy(), h.failed.Load())
	}
	queue := s.clients[0].talk.queue
	queue[0].until, queue[1].until = time.Now(), time.Now()
	s.failed(0, refused)
	if s.Busy() != 1 || h.failed.Load() != 2 {
		t.Errorf("then %d wait, and %d were given up", s.Busy(), h.failed.Load())
	}
}

// accept accepts one WebSocket connection, and returns a channel of the requests that come on it.
func accept(t *testing.T, l net.Listener) chan wire.Request {
	got := make(chan wire.Request, 10)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return // the test is over
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		if _, err := http.ReadRequest(in); err != nil {
			t.Error(err)
			return
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n"); err != nil {
			t.Error(err)
			return
		}
		for {
			payload, err := readFrame(in)
			if err != nil {
				return // the client has gone
			}
			var r wire.Request
			if err := json.Unmarshal(payload, &r); err != nil {
				t.Error(err)
				return
			}
			got <- r
		}
	}()
	return got
}

// readFrame reads a client's frame, and returns its payload without the mask.
func readFrame(r io.Reader) ([]byte, error) {
	h, err := ws.ReadHeader(r)
	if err != nil {
		return nil, err
	}
	payload := make([]byte, h.Length)
	_, err = io.ReadFull(r, payload)
	ws.Cipher(payload, h.Mask, 0)
	return payload, err
}

// TestSayMarksRepeats: an attempt to send is marked as a retry once an earlier one may have reached
// the log, and not before.
func TestSayMarksRepeats(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var h counter
	s, err := NewRaw(Config{
		Clients: 1, Rooms: []string{"r"}, Seats: func(int) []int { return []int{0} }, Watcher: &h, Token: func(int) string { return "" },
		Edge: func(int) Edge { return Edge{Addr: netip.MustParseAddrPort(listener.Addr().String()), Host: "edge"} },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	c := &s.clients[0]
	var got chan wire.Request
	enter := func() {
		got = accept(t, listener)
		for s.dial(0); c.state != stGreeting; {
			if err := s.conns.Poll(1000); err != nil {
				t.Fatal(err)
			}
		}
		if r := <-got; r.Type != "hello" {
			t.Fatalf("the first request is %+v", r)
		}
		c.state = stIn
	}
	marked := func() bool { // whether the last attempt is marked
		r := <-got
		if r.Type != "send" {
			t.Fatalf("%+v is sent", r)
		}
		return r.Retry
	}
	refused := func(code string) func() {
		return func() {
			e := wire.Event{Event: chat.Event{Type: wire.EventError}, Code: wire.Code(code), MsgID: c.talk.queue[0].id, RetryAfterMS: 1}
			if err := s.answered(0, &e); err != nil {
				t.Fatal(err)
			}
			s.elapsed(timer{turn: c.turn, say: c.talk.n, what: sendAgain})
		}
	}
	for name, tt := range map[string]struct {
		happens func()
		marks   bool
	}{
		"too fast":       {refused(chat.CodeRateLimited), false},
		"too many":       {refused(chat.CodeTooMany), false},
		"unavailable":    {refused(chat.CodeUnavailable), true},
		"internal error": {refused(chat.CodeInternal), true},
		"no answer":      {func() { s.elapsed(timer{turn: c.turn, say: c.talk.n, what: sendAgain}) }, true},
		"a lost connection": {func() {
			s.lose(0)
			enter()
			if err := s.next(0); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		enter()
		s.busy.Add(1)
		s.say(Say{Text: func(int) string { return "x" }})
		if marked() {
			t.Errorf("%s: the first attempt is marked", name)
		}
		tt.happens()
		if mark := marked(); mark != tt.marks {
			t.Errorf("%s: the next attempt is marked: %v", name, mark)
		}
		refused(chat.CodeRateLimited)()
		if mark := marked(); mark != tt.marks {
			t.Errorf("%s: the attempt after a refusal for now is marked: %v", name, mark)
		}
		s.hush(0)
		s.conns.Cut(0)
	}
}
