package client_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

func TestJoinRefused(t *testing.T) {
	s := newServer(t)
	refuse := func(k *sock, c *wire.Command) bool {
		if c.Kind == wire.Join && string(c.Room) == "secret" {
			k.refuse(c, chat.E(chat.CodeForbidden, "no"))
			return true
		}
		return false
	}
	s.script(refuse)
	ann := dial(t, quick(s, "ann"))
	if _, err := ann.Join(soon(t), "secret", nil); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("join: %v", err)
	}
	if _, err := ann.Join(soon(t), "../x", nil); chat.CodeOf(err) != chat.CodeBadRequest {
		t.Errorf("join: %v", err)
	}
	// Removed from the room while away.
	s.script(nil)
	ann.join("secret")
	s.script(refuse)
	s.cut()
	eventually(t, func() bool { return len(ann.events("error")) > 0 }, nil)
	if e := ann.events("error")[0]; e.Room != "secret" || e.Code != chat.CodeForbidden || chat.CodeOf(e.Err()) != chat.CodeForbidden {
		t.Errorf("told of %+v", e)
	}
	if _, ok := ann.Position("secret"); ok {
		t.Error("the room is still joined")
	}
}

// TestJoinIsRepeated: joins fail in ways that pass.
func TestJoinIsRepeated(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.ReplyTimeout = 50 * time.Millisecond
	ann := dial(t, cfg)
	n := 0
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Join {
			return false
		}
		switch n++; n {
		case 1:
			k.refuse(c, chat.Unavailable("away", time.Millisecond))
		case 2: // no answer
		case 3:
			_ = k.conn.Close()
		default:
			return false
		}
		return true
	})
	ann.join("lobby")
	s.post("lobby", "1")
	ann.reads("1")
}

// TestJoinedAnewMeanwhile joins a room anew while the answer to the join before is on its way. That
// one says from where on the room was live then, which is nothing to go by for one who now asks for
// what came before.
func TestJoinedAnewMeanwhile(t *testing.T) {
	s := newServer(t)
	s.post("lobby", "1", "2", "3")
	log := s.rooms["lobby"]
	ann := dial(t, quick(s, "ann"))
	var first []byte // request id of the first join
	asked := make(chan struct{})
	s.script(func(k *sock, c *wire.Command) bool {
		switch {
		case c.Kind != wire.Join:
			return false
		case first == nil:
			first = bytes.Clone(c.ID)
			close(asked)
			return true
		}
		k.say(wire.AppendJoined(nil, first, "lobby", log[2].Seq, false, false))
		return false
	})
	ended := make(chan error, 1)
	go func() {
		_, err := ann.Join(soon(t), "lobby", nil)
		ended <- err
	}()
	<-asked
	ann.joinAfter("lobby", &wire.Position{Seq: log[0].Seq, ID: log[0].ID})
	ann.reads("2", "3")
	if err := <-ended; err == nil {
		t.Error("the first join is not told that there was another")
	}
}

// TestJoinGivesUp shows that a join whose caller has gone is not tried any more.
func TestJoinGivesUp(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ctx, cancel := context.WithCancel(soon(t))
	joins := 0
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Join {
			return false
		}
		if joins++; joins == 3 {
			cancel()
		}
		k.refuse(c, chat.Unavailable("away", time.Microsecond))
		return true
	})
	if _, err := ann.Join(ctx, "lobby", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	count := func() (n int) {
		s.do(func() { n = joins })
		return n
	}
	before := count()
	for range 100 {
		if _, err := ann.Ping(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	if after := count(); after > before+1 { // one may have been under way
		t.Errorf("%d joins after the caller had gone", after-before)
	}
}
