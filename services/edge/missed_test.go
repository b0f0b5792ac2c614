package edge_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge"
)

// TestManyMissed joins after more entries than one join replays.
func TestManyMissed(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	w.stream("lobby", 0, 2500, 5)
	c := w.login(e, "ann")
	c.send(`{"type":"join","id":"1","room":"lobby","after":{"seq":0}}`)
	r := &reader{t: t, room: "lobby"}
	for range 1000 {
		r.receive(c.event())
	}
	if e := c.event(); e.Type != "joined" || !e.More || e.Seq != r.at.Seq {
		t.Fatalf("after 1000 came %+v", e)
	}
	w.stream("lobby", 2500, 1, 5) // not live yet: it comes with the rest
	r.resume(c)
	if r.next != 2501 {
		t.Errorf("got %d of 2501", r.next)
	}
	// And by bytes.
	w.stream("large", 0, 300, 10_000)
	c.send(`{"type":"join","id":"1","room":"large","after":{"seq":0}}`)
	l := &reader{t: t, room: "large"}
	for {
		e := c.event()
		if e.Type == "joined" {
			if !e.More || e.Seq != l.at.Seq {
				t.Fatalf("joined is %+v at %d", e, l.at.Seq)
			}
			break
		}
		l.receive(e)
	}
	l.resume(c)
	if l.next != 300 {
		t.Errorf("got %d of 300", l.next)
	}
}

// truncated is a bus whose log does not reach back.
type truncated struct {
	bus.Interface
}

func (b truncated) Replay(context.Context, string, bus.Position, int) (bus.Replayed, error) {
	return bus.Replayed{Truncated: true}, nil
}

// TestFromHistory joins after a position that only history still has.
func TestFromHistory(t *testing.T) {
	w := newWorld(t)
	w.bus = truncated{w.bus}
	e := w.edge()
	w.stream("lobby", 0, 1, 5)
	c := w.login(e, "ann")
	head := c.join("lobby")
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "lobby", ID: "old", Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var asked history.SinceRequest
	w.mu.Lock()
	w.since = func(r history.SinceRequest) (history.Since, error) {
		asked = r
		switch r.ID {
		case "wrong":
			return history.Since{Rewound: true}, nil
		case "down":
			return history.Since{}, chat.Unavailable("down", time.Second)
		}
		return history.Since{Entries: []history.Entry{{Seq: 7, Prev: 5, ID: "old", User: "u", Data: data}}, Through: head}, nil
	}
	w.mu.Unlock()
	c.send(`{"type":"join","id":"1","room":"lobby","after":{"seq":5,"id":"five"}}`)
	if e := c.event(); e.ID != "old" || e.Seq != 7 || e.Prev != 5 {
		t.Fatalf("got %+v", e)
	}
	if e := c.event(); e.Type != "joined" || e.Seq != head {
		t.Fatalf("got %+v", e)
	}
	w.mu.Lock()
	if asked.After != 5 || asked.ID != "five" || asked.Room != "lobby" || asked.Limit != 1000 {
		t.Errorf("history was asked %+v", asked)
	}
	w.mu.Unlock()
	c.send(`{"type":"join","id":"2","room":"lobby","after":{"seq":5,"id":"wrong"}}`)
	if e := c.event(); e.Type != "joined" || !e.Rewind || e.Seq != head {
		t.Fatalf("got %+v", e)
	}
	c.send(`{"type":"join","id":"3","room":"lobby","after":{"seq":5,"id":"down"}}`)
	if e := c.wantError("3", "unavailable"); e.RetryAfterMS != 1000 {
		t.Errorf("retry after %d ms", e.RetryAfterMS)
	}
	w.stream("lobby", 1, 1, 5) // a failed join leaves the room live, as it was
	if e := c.event(); e.ID != "n1" || e.Prev != head {
		t.Fatalf("got %+v", e)
	}
}

// TestManyRooms joins many rooms at once, as a page does.
func TestManyRooms(t *testing.T) {
	w := newWorld(t)
	e := w.edge(func(c *edge.Config) { c.Rate, c.Burst, c.MaxRooms = 20, 20, 100 })
	for i := range 100 {
		w.stream(fmt.Sprintf("r%d", i), 0, 1, 5)
	}
	c := w.login(e, "ann")
	for i := range 100 {
		c.send(`{"type":"join","id":"%d","room":"r%d","after":{"seq":0}}`, i, i)
	}
	joined := map[string]bool{}
	got := map[string]bool{}
	for len(joined) < 100 {
		switch e := c.event(); e.Type {
		case "msg":
			got[e.Room] = true
		case "joined":
			if joined[e.Room] = true; !got[e.Room] {
				t.Fatalf("%s was joined before its message came", e.Room)
			}
		default:
			t.Fatalf("got %+v", e)
		}
	}
	c.send(`{"type":"join","id":"x","room":"one-more"}`)
	c.wantError("x", "too_many")
	if n := e.count("hubbub_edge_limited_total", "rooms"); n != 1 {
		t.Errorf("%v are counted", n)
	}
}
