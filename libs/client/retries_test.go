package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// TestRepeatRefused: a message that was sent before may be in the log whatever is said of a repeat.
func TestRepeatRefused(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.script(func(k *sock, c *wire.Command) bool {
		k.refuse(c, chat.E(chat.CodeForbidden, "no"))
		return true
	})
	for _, again := range []bool{false, true} {
		_, err := ann.SendMessage(soon(t), client.Message{Room: "lobby", ID: "m1", Text: "x", Retry: again})
		if errors.Is(err, client.ErrUnknown) != again || chat.CodeOf(err) != chat.CodeForbidden {
			t.Errorf("a repeat (%t): %v", again, err)
		}
	}
	if err := ann.Read(soon(t), "lobby", 5); errors.Is(err, client.ErrUnknown) {
		t.Errorf("what is no message: %v", err)
	}
}

// TestRetriesEnd: a call is tried again for so long, counted from the first time, and only sends
// are marked as repeats.
func TestRetriesEnd(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.RetryFor = 50 * time.Millisecond
	ann := dial(t, cfg)
	ann.join("lobby")
	tries := 0
	s.script(func(k *sock, c *wire.Command) bool {
		if tries++; c.Retry && c.Kind != wire.Send {
			t.Errorf("%s is marked as a repeat", c.Kind)
		}
		k.refuse(c, chat.Unavailable("away", time.Millisecond))
		return true
	})
	for _, call := range []func() error{
		func() error { _, err := ann.Send(soon(t), "lobby", "x"); return err },
		func() error { _, err := ann.Edit(soon(t), "lobby", "m", "x"); return err },
	} {
		if err := call(); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("ended with %v", err)
		}
	}
	s.do(func() {
		if tries < 4 {
			t.Errorf("%d tries", tries)
		}
	})
}

// TestNoWaitAfterWaiting: who has waited for a reply in vain, or for the next connection, asks
// again at once: the wait between tries is an hour here.
func TestNoWaitAfterWaiting(t *testing.T) {
	for name, fail := range map[string]func(s *server, k *sock){
		"no reply": func(*server, *sock) {}, "no connection": func(s *server, _ *sock) { s.wait.Go(func() { s.kick(wire.CloseDrain, 1) }) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			cfg := quick(s, "ann")
			cfg.ReplyTimeout, cfg.MinBackoff, cfg.MaxBackoff = 100*time.Millisecond, time.Hour, time.Hour
			if name == "no connection" {
				cfg.ReplyTimeout = 0
			}
			ann := dial(t, cfg)
			failed := false
			s.script(func(k *sock, c *wire.Command) bool {
				if c.Kind != wire.Ping || failed {
					return false
				}
				failed = true
				fail(s, k)
				return true
			})
			if _, err := ann.Ping(soon(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTypingOverALostConnection says that there is none.
func TestTypingOverALostConnection(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind == wire.Typing {
			_ = k.conn.Close()
		}
		return c.Kind == wire.Typing
	})
	if err := ann.Typing(soon(t), "lobby"); !errors.Is(err, client.ErrNotConnected) {
		t.Error(err)
	}
}

// TestQueries: a page of history is asked for in one direction, or around a place.
func TestQueries(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	var got string
	s.script(func(_ *sock, c *wire.Command) bool {
		got = fmt.Sprint(c.Before, c.After, c.Around, c.Limit)
		return false
	})
	for q, want := range map[client.Query]string{
		{Before: 5}: "5 0 0 50", {After: 5, Limit: 7}: "0 5 0 7", {Around: 5}: "0 0 5 50", {}: "0 0 0 50",
	} {
		if _, err := ann.History(soon(t), "lobby", q); err != nil || got != want {
			t.Errorf("%+v: asked %s, want %s; %v", q, got, want, err)
		}
	}
}

// TestWatchIsOver: what was turned off stays off when the connection comes back, and what was
// turned on is asked for again.
func TestWatchIsOver(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	for _, room := range []string{"on", "off"} {
		ann.join(room)
		if err := ann.Watch(soon(t), room, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := ann.Watch(soon(t), "off", false); err != nil {
		t.Fatal(err)
	}
	if err := ann.Status(soon(t), "dnd"); err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	s.script(func(_ *sock, c *wire.Command) bool {
		switch c.Kind {
		case wire.Watch:
			said[string(c.Room)]++
		case wire.Status:
			said[string(c.Status)]++
		}
		return false
	})
	s.cut()
	ann.connected(2)
	for _, room := range []string{"on", "off"} {
		ann.send(room, "x") // when it is live again
	}
	eventually(t, func() (all bool) {
		s.do(func() { all = said["on"] == 1 && said["dnd"] == 1 })
		return all
	}, nil)
	s.do(func() {
		if said["on"] != 1 || said["off"] != 0 || said["dnd"] != 1 {
			t.Errorf("said %v", said)
		}
	})
}

// TestLongAnswer: an answer without an end is cut, and told as that.
func TestLongAnswer(t *testing.T) {
	const most = 16 << 20
	size := most
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"id":"u1","token":"t","user":{"id":"u1"}}`))
		_, _ = w.Write([]byte(strings.Repeat(" ", size-42)))
	}))
	defer server.Close()
	api := client.NewAPI(server.URL, nil)
	if _, err := api.Login(soon(t), "a", "b"); err != nil {
		t.Errorf("just as long as may be: %v", err)
	}
	size++
	if _, err := api.Login(soon(t), "a", "b"); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a byte more: %v", err)
	}
}

// TestKeptGrant: how long a token lives, as it was said when it was given, counts no more for a
// grant that was kept.
func TestKeptGrant(t *testing.T) {
	d := newDirectory(t)
	api := client.NewAPI(d.URL, nil)
	s := api.Session(client.Grant{Token: "old", Refresh: "r0", Life: 3600, Expires: time.Now().Add(-time.Minute).UnixMilli()})
	if token, err := s.Token(context.Background()); err != nil || token != "t1" {
		t.Errorf("%q, %v", token, err)
	}
}
