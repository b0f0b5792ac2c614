package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// TestSendOrder: many calls wait for their turn: they are sent one at a time, in the order of
// the calls.
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

// TestSendTurnComesTooLate has a call give up in the moment in which its turn comes: the turn
// passes on, whether another call waits for it already or comes later.
func TestSendTurnComesTooLate(t *testing.T) {
	s := newServer(t)
	for _, waits := range []bool{true, false} {
		ann := dial(t, quick(s, "ann"))
		ann.join("lobby")
		if err := client.Turn(soon(t), ann.Client, "lobby"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(soon(t))
		gone := make(chan error, 1)
		go func() {
			_, err := ann.Send(ctx, "lobby", "too late")
			gone <- err
		}()
		eventually(t, func() bool { return client.Waiting(ann.Client, "lobby") == 1 }, nil)
		next := make(chan error, 1)
		send := func() {
			_, err := ann.Send(soon(t), "lobby", "next")
			next <- err
		}
		if waits {
			go send()
			eventually(t, func() bool { return client.Waiting(ann.Client, "lobby") == 2 }, nil)
		}
		client.EndTurn(ann.Client, "lobby", cancel)
		if err := <-gone; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the call that gave up: %v", err)
		}
		if !waits {
			send()
		}
		if err := <-next; err != nil {
			t.Errorf("the next call: %v", err)
		}
		eventually(t, func() bool { return client.Waiting(ann.Client, "lobby") == -1 }, nil)
	}
}

// TestSendIsRepeated: each thing goes wrong that may pass: the message is in the log once, and
// acknowledged.
func TestSendIsRepeated(t *testing.T) {
	// What cannot have taken effect leaves the next attempt a first one, which needs no record.
	certain := []string{"too fast", "the join is lost"}
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
		"a fault": func(_ *server, k *sock, c *wire.Command) {
			k.refuse(c, &chat.Error{Code: chat.CodeInternal, Message: "a fault", RetryAfter: time.Millisecond})
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
			var marks []bool
			s.script(func(k *sock, c *wire.Command) bool {
				if c.Kind != wire.Send {
					return false
				}
				marks = append(marks, c.Retry)
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
				again := !slices.Contains(certain, name)
				if want := []bool{false, again, again}; !slices.Equal(marks, want) {
					t.Errorf("marked as repeats are %v, want %v", marks, want)
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

// TestSendInDoubt: once an attempt may have reached the log, a refusal of a later one is not the
// outcome; the caller goes on with the same ID, and every attempt is marked.
func TestSendInDoubt(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	var marks []bool
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Send {
			return false
		}
		switch marks = append(marks, c.Retry); len(marks) {
		case 1:
			k.refuse(c, chat.Unavailable("away", time.Millisecond))
		case 2:
			k.refuse(c, chat.E(chat.CodeForbidden, "not any more"))
		default:
			return false
		}
		return true
	})
	m := client.Message{Room: "lobby", ID: "m1", Text: "hello"}
	if _, err := ann.SendMessage(soon(t), m); !errors.Is(err, client.ErrUnknown) || chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("refused when the log may have it: %v", err)
	}
	m.Retry = true
	if _, err := ann.SendMessage(soon(t), m); err != nil {
		t.Error(err)
	}
	if want := []bool{false, true, true}; !slices.Equal(marks, want) {
		t.Errorf("marked are %v, want %v", marks, want)
	}
}

// TestChangeInDoubt: a change goes on with the same id after whatever may pass; a refusal is told
// apart from an outcome that nobody knows.
func TestChangeInDoubt(t *testing.T) {
	m1 := client.Name{User: "bob", ID: "m1"}
	for kind, change := range map[wire.Kind]func(ctx context.Context, c *client.Client) (wire.Event, error){
		wire.Edit: func(ctx context.Context, c *client.Client) (wire.Event, error) {
			return c.Edit(ctx, "lobby", "m1", "x")
		},
		wire.Delete: func(ctx context.Context, c *client.Client) (wire.Event, error) { return c.Delete(ctx, "lobby", m1) },
		wire.React: func(ctx context.Context, c *client.Client) (wire.Event, error) {
			return c.React(ctx, "lobby", m1, "👍", true)
		},
		wire.Pin: func(ctx context.Context, c *client.Client) (wire.Event, error) {
			return c.Pin(ctx, "lobby", m1, true)
		},
	} {
		t.Run(kind.String(), func(t *testing.T) {
			s := newServer(t)
			ann := dial(t, quick(s, "ann"))
			ann.join("lobby")
			var ids []string
			var answers []*chat.Error // nil: an ack
			s.script(func(k *sock, c *wire.Command) bool {
				if c.Kind != kind {
					return false
				}
				ids = append(ids, string(c.MsgID))
				e := answers[min(len(ids), len(answers))-1]
				if e == nil {
					k.say(wire.AppendSeqAck(nil, string(c.ID), 9))
				} else {
					k.refuse(c, e)
				}
				return true
			})
			try := func(ctx context.Context, to ...*chat.Error) (wire.Event, error) {
				s.do(func() { ids, answers = nil, to })
				return change(ctx, ann.Client)
			}
			away, fault := chat.Unavailable("away", time.Millisecond), &chat.Error{Code: chat.CodeInternal, Message: "a fault", RetryAfter: time.Millisecond}
			limited := &chat.Error{Code: chat.CodeRateLimited, Message: "slow down", RetryAfter: time.Millisecond}
			forbidden := chat.E(chat.CodeForbidden, "not yours")

			ack, err := try(soon(t), away, fault, limited, chat.E(chat.CodeNotJoined, "join first"), nil)
			if err != nil || ack.Seq != 9 || len(ids) != 5 {
				t.Errorf("after what passes: %+v, %v, %d attempts", ack, err, len(ids))
			}
			if slices.Sort(ids); ids[0] == "" || ids[0] != ids[len(ids)-1] {
				t.Errorf("the attempts have the ids %q", ids)
			}
			if _, err := try(soon(t), limited, forbidden); errors.Is(err, client.ErrUnknown) || chat.CodeOf(err) != chat.CodeForbidden || len(ids) != 2 {
				t.Errorf("refused: %v after %d attempts", err, len(ids))
			}
			if _, err := try(soon(t), away, forbidden); !errors.Is(err, client.ErrUnknown) || chat.CodeOf(err) != chat.CodeForbidden {
				t.Errorf("refused when the log may have it: %v", err)
			}
			ctx, cancel := context.WithCancel(soon(t))
			cancel()
			if _, err := try(ctx, nil); errors.Is(err, client.ErrUnknown) || !errors.Is(err, context.Canceled) {
				t.Errorf("never sent: %v", err)
			}
		})
	}
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.RetryFor = time.Nanosecond
	ann := dial(t, cfg)
	ann.join("lobby")
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind == wire.Edit {
			k.refuse(c, chat.Unavailable("away", time.Millisecond))
		}
		return c.Kind == wire.Edit
	})
	if _, err := ann.Edit(soon(t), "lobby", "m1", "x"); !errors.Is(err, client.ErrUnknown) || chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("after RetryFor: %v", err)
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

// deafConn is a connection whose writes fail when it is told so, and whose reads go on.
type deafConn struct {
	net.Conn
	broken *atomic.Bool
}

func (c deafConn) Write(b []byte) (int, error) {
	if c.broken.Load() {
		return 0, errors.New("the network is gone")
	}
	return c.Conn.Write(b)
}

// TestSendOverBrokenConnection: a write fails before the reader finds anything wrong.
func TestSendOverBrokenConnection(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	var broken atomic.Bool
	cfg.Conn.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		broken.Store(false) // the next connection is good
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return deafConn{conn, &broken}, err
	}
	ann := dial(t, cfg)
	ann.join("lobby")
	broken.Store(true)
	ann.send("lobby", "1")
	ann.reads("1")
	ann.connected(2)
}

// TestSendWaitsAsToldTo: an error that says when another attempt is worth it is heeded, and not the
// client's own pause.
func TestSendWaitsAsToldTo(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.MinBackoff, cfg.MaxBackoff = time.Hour, time.Hour
	ann := dial(t, cfg)
	ann.join("lobby")
	refused := false
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Send || refused {
			return false
		}
		refused = true
		k.refuse(c, &chat.Error{Code: chat.CodeRateLimited, Message: "slow down", RetryAfter: time.Millisecond})
		return true
	})
	if _, err := ann.Send(soon(t), "lobby", "m"); err != nil {
		t.Error(err)
	}
}
