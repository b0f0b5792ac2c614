package client

import (
	"fmt"
	"slices"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

func said(seq, prev uint64) wire.Event {
	return wire.Event{Event: chat.Event{Type: chat.TypeMsg, Room: "r", Seq: seq, Prev: prev, User: "u", ID: fmt.Sprint("m", seq)}}
}

func answer(id string, seq uint64) wire.Event {
	return wire.Event{Event: chat.Event{Type: "joined", Room: "r", ID: id, Seq: seq}}
}

func rewoundTo(seq uint64) wire.Event {
	e := answer("", seq)
	e.Rewind = true
	return e
}

// joiningClient is a client without a connection that has said the join "1" of a room, of which it
// has everything through a seq.
func joiningClient(held uint64) (*Client, *room) {
	r := &room{name: "r", asked: "1", syncing: true}
	r.place(wire.Position{Seq: held})
	c := newClient(Config{})
	c.joins.rooms["r"], c.link.pending["1"] = r, nil
	return c, r
}

// pend makes a request be waited for.
func (c *Client) pend(id string) { c.link.pending[id] = make(chan wire.Event, 1) }

func seqs(events []wire.Event) (all []uint64) {
	for _, e := range events {
		all = append(all, e.Seq)
	}
	return all
}

// TestHolesAreAskedForSoOften: a replay with a hole is asked for again three times, and then taken
// for what the log has; a whole one begins the count anew.
func TestHolesAreAskedForSoOften(t *testing.T) {
	c, r := joiningClient(1)
	c.pend("1")
	hole := func() []wire.Event {
		c.joins.entry(said(5, 4))
		return c.joins.joined(answer("1", 5))
	}
	for i := range 2 {
		if out := hole(); out != nil || r.live || r.held != 1 || len(r.ahead) != 0 {
			t.Fatalf("time %d: delivered %v, held %d, live %v", i, seqs(out), r.held, r.live)
		}
	}
	for i := uint64(2); i < 5; i++ { // whole after all
		c.joins.entry(said(i, i-1))
	}
	c.joins.entry(said(5, 4))
	if out := c.joins.joined(answer("1", 5)); !slices.Equal(seqs(out), nil) || r.held != 5 || !r.live {
		t.Fatalf("of a whole replay delivered %v at the end, held %d", seqs(out), r.held)
	}
	r.live = false
	hole = func() []wire.Event {
		c.joins.entry(said(9, 8))
		return c.joins.joined(answer("1", 9))
	}
	for i := range 3 {
		if out := hole(); out != nil || r.live {
			t.Fatalf("time %d of the second hole: delivered %v", i, seqs(out))
		}
	}
	if out := hole(); !slices.Equal(seqs(out), []uint64{9}) || r.held != 9 || !r.live {
		t.Errorf("after three times delivered %v, held %d, live %v", seqs(out), r.held, r.live)
	}
}

// TestRewindForgets: nothing that was known of the log before counts for the log that there is now.
func TestRewindForgets(t *testing.T) {
	c, r := joiningClient(1)
	c.pend("1")
	r.live = true
	for i := uint64(2); i < 2+2*recentEntries; i++ {
		if out := c.joins.entry(said(i, i-1)); len(out) != 1 {
			t.Fatalf("entry %d: delivered %v", i, seqs(out))
		}
	}
	last := r.held
	if e := said(last, last-1); r.judge(&e, identity(&e)) != drop {
		t.Error("the last entry is not known")
	}
	if e := said(last-recentEntries, 0); r.judge(&e, identity(&e)) != rewound {
		t.Error("an entry is known that is too old to be remembered")
	}
	if e := said(last-recentEntries+1, 0); r.judge(&e, identity(&e)) != drop {
		t.Error("the oldest entry that is remembered is not known")
	}
	r.holes, r.flooded = maxHoles, true
	if out := c.joins.joined(rewoundTo(1)); len(out) != 1 || !out[0].Rewind {
		t.Errorf("told of a rewind: %v", out)
	}
	if r.held != 1 || r.last.Seq != 1 || len(r.recent) != 0 || r.next != 0 || r.holes != 0 || r.flooded || len(r.ahead) != 0 {
		t.Errorf("left is %+v", r)
	}
	if out := c.joins.entry(said(2, 1)); len(out) != 1 {
		t.Errorf("an entry of the new log: delivered %v", seqs(out))
	}
}

// TestKeptAheadIsBounded: what comes before what it follows on is kept up to a number, and what was
// let go is asked for again: the room is not live before.
func TestKeptAheadIsBounded(t *testing.T) {
	c, r := joiningClient(1)
	c.pend("1")
	for i := range uint64(maxAhead) {
		c.joins.entry(said(10+i, 9+i))
	}
	if len(r.ahead) != maxAhead || r.flooded {
		t.Fatalf("%d are kept, flooded: %v", len(r.ahead), r.flooded)
	}
	c.joins.entry(said(10+maxAhead, 9+maxAhead))
	if len(r.ahead) != maxAhead || !r.flooded {
		t.Errorf("%d are kept, flooded: %v", len(r.ahead), r.flooded)
	}
	if out := c.joins.joined(answer("1", 9)); len(out) != maxAhead || r.live || r.flooded {
		t.Errorf("delivered %d, live: %v", len(out), r.live)
	}
}

// TestLateAnswers: the answer to a join that nobody waits for any more changes nothing.
func TestLateAnswers(t *testing.T) {
	elsewhere := answer("1", 7)
	elsewhere.Room = "s"
	for name, e := range map[string]wire.Event{
		"of an earlier attempt": answer("0", 7),
		"given up":              answer("1", 7),
		"of another room":       elsewhere,
		"unasked":               answer("", 7),
		"unasked, not live":     rewoundTo(7),
	} {
		c, r := joiningClient(1)
		if name != "given up" {
			c.pend("1")
		}
		if name == "given up" {
			delete(c.link.pending, "1")
		}
		if out := c.joins.joined(e); out != nil || r.live || r.held != 1 {
			t.Errorf("%s: delivered %v, held %d, live %v", name, seqs(out), r.held, r.live)
		}
	}
}
