package client_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// TestChaos: clients talk through a server that loses acks, forgets to tell, tells twice and
// drops connections, all at random: each message is in the log once, in its sender's order, and
// everybody is given the log as it is.
func TestChaos(t *testing.T) {
	const people, each = 4, 40
	s := newServer(t)
	s.page = 5
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	var quiet bool
	s.script(func(k *sock, c *wire.Command) bool {
		if quiet || c.Kind != wire.Send && c.Kind != wire.Join {
			return false
		}
		n := dice.IntN(20)
		if c.Kind == wire.Join {
			switch n {
			case 0:
				_ = k.conn.Close()
			case 1:
				k.refuse(c, chat.Unavailable("away", time.Millisecond))
			}
			return n < 2
		}
		text := string(wire.AppendText(nil, c.Text))
		switch n {
		case 0: // the command is lost
		case 1: // the ack is lost
			s.store("lobby", k.user, string(c.MsgID), text)
		case 2:
			s.store("lobby", k.user, string(c.MsgID), text)
			_ = k.conn.Close()
		case 3:
			k.refuse(c, chat.Unavailable("away", time.Millisecond))
		case 4: // stored and not told
			if !slices.ContainsFunc(s.rooms["lobby"], func(e wire.Event) bool { return e.ID == string(c.MsgID) }) {
				s.rooms["lobby"] = append(s.rooms["lobby"], s.entry("lobby", k.user, string(c.MsgID), text))
			}
		case 5: // told again
			for _, e := range s.rooms["lobby"][max(0, len(s.rooms["lobby"])-3):] {
				s.tell(e)
			}
			return false
		default:
			return false
		}
		return true
	})
	var all []*person
	var wait sync.WaitGroup
	for i := range people {
		cfg := quick(s, fmt.Sprint("user", i))
		cfg.ReplyTimeout = 50 * time.Millisecond
		p := dial(t, cfg)
		p.joinAfter("lobby", &wire.Position{})
		all = append(all, p)
		wait.Go(func() {
			for n := range each {
				p.send("lobby", fmt.Sprintf("%d %03d", i, n))
			}
		})
	}
	wait.Wait()
	s.do(func() { quiet = true })
	s.post("lobby", "end") // what was not told at the last is uncovered by it
	want := s.texts("lobby")
	if len(want) != people*each+1 {
		t.Errorf("the log has %d messages of %d", len(want), people*each+1)
	}
	for i := range people {
		mine := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return s[0] != byte('0'+i) })
		if !slices.IsSorted(mine) {
			t.Errorf("user%d's messages are out of order: %q", i, mine)
		}
	}
	for _, p := range all {
		p.reads(want...)
	}
}
