package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// TestLiveBeforeRewind: an entry of the rewound log comes before the answer that says so, at a
// seq that the old log had.
func TestLiveBeforeRewind(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", numbers(1, 5)...)
	ann.reads(numbers(1, 5)...)
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Join {
			return false
		}
		s.on = nil
		s.rooms["lobby"] = s.rooms["lobby"][:2]
		head := s.rooms["lobby"][1].Seq
		k.joined["lobby"] = true
		s.store("lobby", "bob", chat.NewID(), "6")
		k.say(wire.AppendJoined(nil, c.ID, "lobby", head, false, true))
		return true
	})
	s.cut()
	ann.reads("1", "2", "3", "4", "5", "6")
}

// TestRewindToldDuringJoin: the server tells of a rewind unasked while a join is under way, whose
// answer knows better.
func TestRewindToldDuringJoin(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", numbers(1, 5)...)
	ann.reads(numbers(1, 5)...)
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind == wire.Join {
			k.say(wire.AppendJoined(nil, "", "lobby", s.rooms["lobby"][1].Seq, false, true))
		}
		return false
	})
	s.cut()
	ann.connected(2)
	ann.send("lobby", "6") // when the room is live again
	ann.reads(numbers(1, 6)...)
	if n := len(ann.events("joined")); n != 0 {
		t.Errorf("told of %d rewinds", n)
	}
}

// TestJoinAgainKeepsWatch shows that presence that was asked for holds when a room begins anew.
func TestJoinAgainKeepsWatch(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	if err := ann.Watch(soon(t), "lobby", true); err != nil {
		t.Fatal(err)
	}
	watches := 0
	s.script(func(_ *sock, c *wire.Command) bool {
		if c.Kind == wire.Watch && c.On {
			watches++
		}
		return false
	})
	ann.join("lobby")
	s.do(func() {
		if watches != 1 {
			t.Errorf("watched %d times", watches)
		}
	})
}

// TestLeaveFreesSends: a call that waits for a room to be live again ends when the room is left.
func TestLeaveFreesSends(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	asked := make(chan struct{}, 1)
	s.script(func(_ *sock, c *wire.Command) bool {
		if c.Kind == wire.Join {
			asked <- struct{}{}
		}
		return c.Kind == wire.Join // no answer
	})
	s.cut()
	<-asked
	sent := make(chan error, 1)
	go func() {
		_, err := ann.Send(soon(t), "lobby", "x")
		sent <- err
	}()
	eventually(t, func() bool { return client.Waiting(ann.Client, "lobby") == 0 }, nil)
	if _, err := ann.Ping(soon(t)); err != nil { // time for the call to begin to wait
		t.Fatal(err)
	}
	if err := ann.Leave(soon(t), "lobby"); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; chat.CodeOf(err) != chat.CodeNotJoined {
		t.Errorf("the call that waited: %v", err)
	}
}

// TestJoinWaitsAsToldTo shows that the delay that a refused join names is taken instead of the
// client's own, an hour here.
func TestJoinWaitsAsToldTo(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.MinBackoff, cfg.MaxBackoff = time.Hour, time.Hour
	ann := dial(t, cfg)
	refused := false
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Join || refused {
			return false
		}
		refused = true
		k.refuse(c, chat.Unavailable("away", time.Millisecond))
		return true
	})
	ann.join("lobby")
}

// TestLateRepeat has a message stand in the log a second time after many others: it is shown once.
func TestLateRepeat(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	want := numbers(1, 1500)
	s.post("lobby", want...)
	s.do(func() {
		for _, i := range []int{1100, 1450} {
			again := s.entry("lobby", s.rooms["lobby"][i].User, s.rooms["lobby"][i].ID, "again")
			s.rooms["lobby"] = append(s.rooms["lobby"], again)
			s.tell(again)
		}
	})
	s.post("lobby", "end")
	ann.reads(append(want, "end")...)
}

// TestNothingStaysPending shows that a command whose caller has gone leaves nothing behind.
func TestNothingStaysPending(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ctx, cancel := context.WithCancel(soon(t))
	s.script(func(_ *sock, c *wire.Command) bool {
		if c.Kind == wire.Ping {
			cancel()
		}
		return c.Kind == wire.Ping
	})
	if _, err := ann.Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ping: %v", err)
	}
	if n := client.Pending(ann.Client); n != 0 {
		t.Errorf("%d commands wait for a reply", n)
	}
}

// TestShortWaitAfterGoodConnection shows that a connection that lasted makes the next wait a short
// one again.
func TestShortWaitAfterGoodConnection(t *testing.T) {
	s := newServer(t)
	logs, seen := observer.New(zapcore.DebugLevel)
	waits := func() (all []time.Duration) {
		for _, e := range seen.FilterMessage("not connected").All() {
			all = append(all, e.ContextMap()["retry_in"].(time.Duration))
		}
		return all
	}
	cfg := quick(s, "ann")
	cfg.Log = zap.New(logs)
	cfg.MinBackoff, cfg.MaxBackoff = time.Millisecond, 32*time.Millisecond
	ann := dial(t, cfg)
	s.do(func() { s.status = 503 })
	s.cut()
	eventually(t, func() bool { return len(waits()) >= 8 }, nil)
	if long := waits()[7]; long < cfg.MaxBackoff/2 {
		t.Errorf("after 8 failures in a row the wait is %v", long)
	}
	s.do(func() { s.status = 0 })
	ann.connected(2)
	time.Sleep(2 * cfg.MaxBackoff) // a good connection; longer does no harm
	before := len(waits())
	s.cut()
	eventually(t, func() bool { return len(waits()) > before }, nil)
	if short := waits()[before]; short > cfg.MinBackoff {
		t.Errorf("after a good connection the wait is %v", short)
	}
}
