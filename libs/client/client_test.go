package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

func TestTalk(t *testing.T) {
	s := newServer(t)
	ann, bob := dial(t, quick(s, "ann")), dial(t, quick(s, "bob"))
	if w := ann.Welcome(); w.User != "ann" || w.PingMS != 25000 {
		t.Errorf("welcome is %+v", w)
	}
	ann.join("lobby")
	bob.join("lobby")
	first := ann.send("lobby", "hello \"bob\" 😀\n")
	if second := bob.send("lobby", "hello ann"); second <= first {
		t.Errorf("seq %d after %d", second, first)
	}
	for _, p := range []*person{ann, bob} {
		p.reads("hello \"bob\" 😀\n", "hello ann")
	}
	if err := bob.Leave(soon(t), "lobby"); err != nil {
		t.Fatal(err)
	}
	ann.send("lobby", "bob?")
	ann.reads("hello \"bob\" 😀\n", "hello ann", "bob?")
	if _, err := bob.Send(soon(t), "lobby", "x"); chat.CodeOf(err) != chat.CodeNotJoined {
		t.Errorf("a send to a room that was left: %v", err)
	}
}

func TestCalls(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	ann.send("lobby", "one")
	ctx := soon(t)
	var got []wire.Command
	s.script(func(_ *sock, c *wire.Command) bool {
		got = append(got, wire.Command{Kind: c.Kind, On: c.On, Seq: c.Seq, Before: c.Before, After: c.After, Around: c.Around, Limit: c.Limit,
			Target: slices.Clone(c.Target), Emoji: slices.Clone(c.Emoji), Text: slices.Clone(c.Text), Status: slices.Clone(c.Status)})
		return false
	})
	for name, call := range map[string]func() (wire.Event, error){
		"edit":   func() (wire.Event, error) { return ann.Edit(ctx, "lobby", "m1", "x") },
		"delete": func() (wire.Event, error) { return ann.Delete(ctx, "lobby", "m1") },
		"react":  func() (wire.Event, error) { return ann.React(ctx, "lobby", "m1", "👍", true) },
		"pin":    func() (wire.Event, error) { return ann.Pin(ctx, "lobby", "m1", false) },
	} {
		if ack, err := call(); err != nil || ack.Seq != 77 {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
	}
	page, err := ann.History(ctx, "lobby", client.Query{After: 5, Limit: 10})
	if err != nil || len(page.Messages) != 1 || page.Messages[0].Text != "one" || !page.More {
		t.Errorf("history: %+v, %v", page, err)
	}
	users, count, err := ann.Who(ctx, "lobby")
	if err != nil || count != 2 || len(users) != 1 || users[0].Status != "dnd" {
		t.Errorf("who: %+v, %d, %v", users, count, err)
	}
	if d, err := ann.Ping(ctx); err != nil || d <= 0 {
		t.Errorf("ping: %v, %v", d, err)
	}
	for _, err := range []error{ann.Typing(ctx, "lobby"), ann.Read(ctx, "lobby", 9), ann.Watch(ctx, "lobby", true), ann.Status(ctx, "idle")} {
		if err != nil {
			t.Error(err)
		}
	}
	want := map[wire.Kind]func(c wire.Command) bool{
		wire.Edit:    func(c wire.Command) bool { return string(c.Target) == "m1" && string(c.Text) == `"x"` },
		wire.Delete:  func(c wire.Command) bool { return string(c.Target) == "m1" },
		wire.React:   func(c wire.Command) bool { return string(c.Emoji) == "👍" && c.On },
		wire.Pin:     func(c wire.Command) bool { return !c.On },
		wire.History: func(c wire.Command) bool { return c.After == 5 && c.Limit == 10 },
		wire.Who:     func(wire.Command) bool { return true },
		wire.Ping:    func(wire.Command) bool { return true },
		wire.Typing:  func(wire.Command) bool { return true },
		wire.Read:    func(c wire.Command) bool { return c.Seq == 9 },
		wire.Watch:   func(c wire.Command) bool { return c.On },
		wire.Status:  func(c wire.Command) bool { return string(c.Status) == "idle" },
	}
	s.do(func() {
		for i := range got {
			if check := want[got[i].Kind]; check == nil || !check(got[i]) {
				t.Errorf("the client said %s with other fields", got[i].Kind)
			}
			delete(want, got[i].Kind)
		}
	})
	if len(want) > 0 {
		t.Errorf("%d commands were not said", len(want))
	}
}

func TestEventsAreHandled(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	s.do(func() {
		for k := range s.socks {
			k.say(wire.AppendTyping(nil, "lobby", "bob", []byte(`"Bob"`)))
			k.say(wire.AppendRead(nil, "lobby", "bob", 5))
			k.say([]byte(`{"type":"presence","room":"lobby","users":[],"count":3}`))
			k.say(wire.AppendNotice(nil, "", "lobby", "users", "nobody", nil))
			k.say(wire.AppendError(nil, "", chat.E("bad_json", "x"), "", ""))
			k.say([]byte(`{"type":"sparkle","room":"lobby"}`)) // of a later release: ignored
			k.say([]byte(`{"type":"ack","id":"zzz"}`))         // nobody waits for it
			k.say([]byte(`{"type":"msg","room":"elsewhere","id":"m","user":"x","seq":5,"text":"not joined"}`))
			k.say(wire.AppendBye(nil, wire.CloseDrain, "bye", 1))
		}
	})
	want := []string{"typing", "read", "presence", "notice", "error", "bye"}
	eventually(t, func() bool { return len(ann.events("")) >= len(want) }, nil)
	var got []string
	for _, e := range ann.events("") {
		got = append(got, e.Type)
	}
	if !slices.Equal(got, want) {
		t.Errorf("handled %q, want %q", got, want)
	}
}

// TestSendOrder has many calls wait for their turn: they are sent one at a time, in the order of the calls.
func TestSendOrder(t *testing.T) {
	const n = 20
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	hold := make(chan struct{})
	var underWay, most, waiting int
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Send {
			return false
		}
		underWay++
		most = max(most, underWay)
		room, id, msgID, text := string(c.Room), string(c.ID), string(c.MsgID), string(wire.AppendText(nil, c.Text))
		s.wait.Go(func() {
			<-hold
			s.do(func() {
				underWay--
				k.say(wire.AppendSendAck(nil, id, msgID, room, s.store(room, k.user, msgID, text), 1))
			})
		})
		return true
	})
	var want []string
	var wait sync.WaitGroup
	for i := range n {
		text := fmt.Sprint(i)
		want = append(want, text)
		wait.Go(func() { ann.send("lobby", text) })
		waiting = i
		eventually(t, func() bool { return client.Waiting(ann.Client, "lobby") == waiting }, nil)
	}
	close(hold)
	wait.Wait()
	if got := s.texts("lobby"); !slices.Equal(got, want) {
		t.Errorf("the log has %q", got)
	}
	if most != 1 {
		t.Errorf("%d sends were under way at a time", most)
	}
}

// TestSendTurnPasses shows that a call that gives up while it waits does not hold up the next.
func TestSendTurnPasses(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	hold := make(chan struct{})
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind == wire.Send && c.TextIs("first") {
			id, msgID := string(c.ID), string(c.MsgID)
			s.wait.Go(func() {
				<-hold
				s.do(func() { k.say(wire.AppendSendAck(nil, id, msgID, "lobby", 5, 1)) })
			})
			return true
		}
		return false
	})
	var wait sync.WaitGroup
	wait.Go(func() { ann.send("lobby", "first") })
	eventually(t, func() bool { return client.Waiting(ann.Client, "lobby") == 0 }, nil)
	ctx, cancel := context.WithCancel(soon(t))
	gone := make(chan error, 1)
	wait.Go(func() {
		_, err := ann.Send(ctx, "lobby", "second")
		gone <- err
	})
	eventually(t, func() bool { return client.Waiting(ann.Client, "lobby") == 1 }, nil)
	wait.Go(func() { ann.send("lobby", "third") })
	eventually(t, func() bool { return client.Waiting(ann.Client, "lobby") == 2 }, nil)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnknown) {
		t.Errorf("the call that gave up: %v", err)
	}
	close(hold)
	wait.Wait()
	if got := s.texts("lobby"); !slices.Equal(got, []string{"third"}) {
		t.Errorf("the log has %q", got)
	}
}

// TestSendIsRepeated has each thing go wrong that may pass: the message is in the log once, and acknowledged.
func TestSendIsRepeated(t *testing.T) {
	for name, fail := range map[string]func(s *server, k *sock, c *wire.Command){
		"the command is lost": func(*server, *sock, *wire.Command) {},
		"the ack is lost": func(s *server, k *sock, c *wire.Command) {
			s.store("lobby", k.user, string(c.MsgID), string(wire.AppendText(nil, c.Text)))
		},
		"the connection is lost before": func(_ *server, k *sock, _ *wire.Command) { _ = k.conn.Close() },
		"the connection is lost after": func(s *server, k *sock, c *wire.Command) {
			s.store("lobby", k.user, string(c.MsgID), string(wire.AppendText(nil, c.Text)))
			_ = k.conn.Close()
		},
		"a service is away": func(_ *server, k *sock, c *wire.Command) {
			k.refuse(c, chat.Unavailable("away", time.Millisecond))
		},
		"too fast": func(_ *server, k *sock, c *wire.Command) {
			k.refuse(c, &chat.Error{Code: chat.CodeRateLimited, Message: "slow down", RetryAfter: time.Millisecond})
		},
		"the join is lost": func(_ *server, k *sock, c *wire.Command) {
			k.refuse(c, chat.E(chat.CodeNotJoined, "join first"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			cfg := quick(s, "ann")
			cfg.ReplyTimeout = 100 * time.Millisecond
			ann, bob := dial(t, cfg), dial(t, quick(s, "bob"))
			ann.join("lobby")
			bob.join("lobby")
			ids := map[string]int{}
			s.script(func(k *sock, c *wire.Command) bool {
				if c.Kind != wire.Send {
					return false
				}
				ids[string(c.MsgID)]++
				if ids[string(c.MsgID)] > 2 {
					return false
				}
				fail(s, k, c)
				return true
			})
			seq := ann.send("lobby", "hello")
			ann.reads("hello")
			bob.reads("hello")
			s.do(func() {
				if log := s.rooms["lobby"]; len(log) != 1 || log[0].Seq != seq {
					t.Errorf("acknowledged %d, the log is %+v", seq, log)
				}
				if len(ids) != 1 {
					t.Errorf("sent with the ids %v", ids)
				}
			})
		})
	}
}

func TestSendIsRefused(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	tries := 0
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind == wire.Send {
			tries++
			k.refuse(c, chat.E(chat.CodeForbidden, "you may not"))
		}
		return c.Kind == wire.Send
	})
	_, err := ann.Send(soon(t), "lobby", "x")
	if chat.CodeOf(err) != chat.CodeForbidden || errors.Is(err, client.ErrUnknown) || tries != 1 {
		t.Errorf("after %d tries: %v", tries, err)
	}
}

// TestSendGivesUp shows that an outcome that nobody knows is called so.
func TestSendGivesUp(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.ReplyTimeout, cfg.RetryFor = 100*time.Millisecond, time.Nanosecond
	ann := dial(t, cfg)
	ann.join("lobby")
	s.script(func(_ *sock, c *wire.Command) bool { return c.Kind == wire.Send })
	if _, err := ann.Send(soon(t), "lobby", "x"); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("after RetryFor: %v", err)
	}
	cfg.ReplyTimeout, cfg.RetryFor = 0, 0
	bob := dial(t, cfg)
	bob.join("lobby")
	ctx, cancel := context.WithCancel(soon(t))
	s.script(func(_ *sock, c *wire.Command) bool {
		if c.Kind == wire.Send {
			cancel()
		}
		return c.Kind == wire.Send
	})
	if _, err := bob.Send(ctx, "lobby", "x"); !errors.Is(err, client.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("after the context: %v", err)
	}
}
