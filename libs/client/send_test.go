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
