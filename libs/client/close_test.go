package client_test

import (
	"context"
	"errors"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// TestCloseCodes closes with every code of the protocol: the client comes back, or ends and says
// why.
func TestCloseCodes(t *testing.T) {
	codes := append(wire.CloseCodes(), wire.CloseNormal, wire.CloseGoingAway, wire.CloseInternal, wire.CloseRestarting)
	for _, code := range codes {
		t.Run(code.String(), func(t *testing.T) {
			s := newServer(t)
			ann := dial(t, quick(s, "ann"))
			ann.join("lobby")
			s.kick(code, 0)
			if wire.ComesBack(code) {
				ann.connected(2)
				ann.send("lobby", "back")
				ann.reads("back")
				return
			}
			<-ann.Done()
			e, ok := errors.AsType[*client.CloseError](ann.Err())
			if !ok || e.Code != code || e.Reason != "reason" {
				t.Errorf("ended with %v", ann.Err())
			}
			if _, err := ann.Send(soon(t), "lobby", "x"); !errors.Is(err, ann.Err()) {
				t.Errorf("a call afterwards: %v", err)
			}
			if _, err := ann.Join(soon(t), "lobby", nil); !errors.Is(err, ann.Err()) {
				t.Errorf("a join afterwards: %v", err)
			}
		})
	}
}

// TestByeSaysWhen shows that the delay of bye is taken instead of the client's own, which is an
// hour here.
func TestByeSaysWhen(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.MinBackoff, cfg.MaxBackoff = time.Hour, time.Hour
	ann := dial(t, cfg)
	s.kick(wire.CloseDrain, 1)
	ann.connected(2)
	if byes := ann.events("bye"); len(byes) != 1 || byes[0].Closing() != wire.CloseDrain {
		t.Errorf("byes: %+v", byes)
	}
}

// TestTokenExpired: the token ends: at hello by an error, then by a close code alone, then under
// way.
func TestTokenExpired(t *testing.T) {
	s := newServer(t)
	s.script(func(k *sock, c *wire.Command) bool {
		switch token := string(c.Token); {
		case c.Kind != wire.Hello || token == "good":
			return false
		case token == "old":
			k.refuse(c, chat.E(chat.CodeTokenExpired, "old"))
		}
		s.wait.Go(func() { s.kick(wire.CloseTokenExpired, 0) })
		return true
	})
	var mu sync.Mutex
	tokens := []string{"old", "older", "good"}
	var expired []string
	cfg := quick(s, "")
	cfg.Token = func(context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		return tokens[0], nil
	}
	cfg.TokenExpired = func(token string) {
		mu.Lock()
		defer mu.Unlock()
		expired = append(expired, token)
		tokens = tokens[1:]
	}
	ann := dial(t, cfg)
	if got := strings.Join(expired, " "); got != "old older" {
		t.Errorf("expired: %q", got)
	}
	s.kick(wire.CloseTokenExpired, 0)
	ann.connected(2)
}

func TestDialFails(t *testing.T) {
	refuse := func(e *chat.Error) func(*sock, *wire.Command) bool {
		return func(k *sock, c *wire.Command) bool {
			k.refuse(c, e)
			return true
		}
	}
	s := newServer(t)
	good := quick(s, "ann")
	token := func(err error) client.Config {
		cfg := good
		cfg.Token = func(context.Context) (string, error) { return "", err }
		return cfg
	}
	for _, tt := range []struct {
		name   string
		cfg    client.Config
		on     func(*sock, *wire.Command) bool
		status int
		want   string
	}{
		{"the token does not verify", good, refuse(chat.E(chat.CodeUnauthorized, "no")), 0, "unauthorized: no"},
		{"closed", good, func(*sock, *wire.Command) bool { s.wait.Go(func() { s.kick(wire.CloseVersion, 0) }); return true }, 0, "4504"},
		{"no WebSocket there", good, nil, 404, "404 Not Found"},
		{"there is no token", token(chat.E(chat.CodeUnauthorized, "who are you")), nil, 0, "who are you"},
		{"no URL", client.Config{URL: "http://x"}, nil, 0, "neither ws nor wss"},
		{"no token function", client.Config{URL: "ws://x"}, nil, 0, "needs a Token function"},
		{"a negative time", client.Config{URL: "ws://x", Token: good.Token, Silence: -1}, nil, 0, "Silence is negative"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.do(func() { s.on, s.status = tt.on, tt.status })
			if _, err := tryDial(t, tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
	s.do(func() { s.on, s.status = nil, 0 })

	t.Run("the context ends", func(t *testing.T) {
		asked := make(chan struct{})
		var once sync.Once
		cfg := good
		cfg.Token = func(context.Context) (string, error) {
			once.Do(func() { close(asked) })
			return "", errors.New("the login is away")
		}
		ctx, cancel := context.WithCancel(soon(t))
		go func() {
			<-asked
			cancel()
		}()
		if _, err := client.Dial(ctx, cfg); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// TestDialWaits shows that Dial outlasts what passes: nobody listens, then the edge is full, then
// the keys are away.
func TestDialWaits(t *testing.T) {
	s := newServer(t)
	addr := s.ln.Addr().String()
	_ = s.ln.Close()
	cfg := quick(s, "ann")
	step := make(chan struct{}, 100)
	cfg.Token = func(context.Context) (string, error) {
		step <- struct{}{}
		return "ann", nil
	}
	done := make(chan *person, 1)
	var wait sync.WaitGroup
	wait.Go(func() {
		p, err := tryDial(t, cfg)
		if err != nil {
			t.Error(err)
		}
		done <- p
	})
	next := func() {
		for range 3 {
			<-step
		}
	}
	next()
	s.do(func() { s.status = 503 })
	s.listen(addr)
	next()
	s.script(func(k *sock, c *wire.Command) bool {
		k.refuse(c, chat.Unavailable("no keys yet", time.Millisecond))
		return true
	})
	s.do(func() { s.status = 0 })
	next()
	s.script(nil)
	wait.Wait()
	if p := <-done; p != nil && p.Welcome().User != "ann" {
		t.Error("not welcomed")
	}
}

// TestSilence has the server fall silent without a word.
func TestSilence(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.Silence = 100 * time.Millisecond
	ann := dial(t, cfg)
	ann.connected(3) // it says nothing after welcome, and so it goes on
}

func TestClose(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.do(func() { s.deaf = true })
	var wait sync.WaitGroup
	for _, call := range []func() error{
		func() error { _, err := ann.Send(soon(t), "lobby", "x"); return err },
		// waits for its turn
		func() error { _, err := ann.Send(soon(t), "lobby", "y"); return err },
		func() error { _, err := ann.Join(soon(t), "more", nil); return err },
		func() error { _, err := ann.Ping(soon(t)); return err },
		func() error { return ann.Leave(soon(t), "other") },
	} {
		wait.Go(func() {
			if err := call(); !errors.Is(err, client.ErrClosed) {
				t.Errorf("a call under way: %v", err)
			}
		})
	}
	eventually(t, func() bool { return client.Waiting(ann.Client, "lobby") == 1 }, nil)
	ann.Close()
	ann.Close()
	wait.Wait()
	if !errors.Is(ann.Err(), client.ErrClosed) {
		t.Errorf("Err is %v", ann.Err())
	}
	if _, err := ann.Send(soon(t), "lobby", "x"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("a call afterwards: %v", err)
	}
	if err := ann.Typing(soon(t), "lobby"); !errors.Is(err, client.ErrNotConnected) {
		t.Errorf("typing afterwards: %v", err)
	}
}

// TestCloseWhileConnecting closes a client whose server takes the connection and says nothing.
func TestCloseWhileConnecting(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithCancel(soon(t))
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
		cancel()
	}()
	_, err = client.Dial(ctx, client.Config{
		URL:   "ws://" + ln.Addr().String(),
		Token: func(context.Context) (string, error) { return "t", nil },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	_ = (<-accepted).Close()
}

// TestBadFrames: the server sends what no server may: the client drops the connection and comes
// back.
func TestBadFrames(t *testing.T) {
	for name, raw := range map[string]string{
		"not JSON":               "\x81\x01x",
		"a reserved bit":         "\xc1\x02{}",
		"masked":                 "\x81\x82\x00\x00\x00\x00{}",
		"a lone continuation":    "\x80\x02{}",
		"a text inside a text":   "\x01\x01{\x81\x02{}",
		"a reserved opcode":      "\x83\x00",
		"a long control frame":   "\x89\x7e\x00\x80" + strings.Repeat("x", 128),
		"a split control frame":  "\x09\x00",
		"longer than is allowed": "\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00",
		"a length that is none":  "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			ann := dial(t, quick(s, "ann"))
			s.do(func() {
				for k := range s.socks {
					_, _ = k.conn.Write([]byte(raw))
				}
			})
			ann.connected(2)
		})
	}
}

// TestErrorsWorthAnotherTry holds the client to the column "again" of the table of errors in
// PROTOCOL.md.
func TestErrorsWorthAnotherTry(t *testing.T) {
	b, err := os.ReadFile("../wire/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(b), "\n## Errors\n")
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| .* \\| (yes|no)[^|]* \\| [a-z]+ \\|$").FindAllStringSubmatch(part, -1)
	if len(rows) < 16 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		if again := client.Passes(chat.E(row[1], "m")); again != (row[2] == "yes") {
			t.Errorf("%s is tried again: %v, and PROTOCOL.md says %s", row[1], again, row[2])
		}
		if !client.Passes(&chat.Error{Code: row[1], RetryAfter: time.Second}) {
			t.Errorf("%s is not tried again although the server says when", row[1])
		}
	}
	if client.Passes(chat.E("sparkle", "of a later release")) {
		t.Error("an unknown error is tried again")
	}
}
