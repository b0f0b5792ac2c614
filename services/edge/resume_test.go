package edge_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// stream appends n numbered messages to a room, as fast as the log takes them.
func (w *world) stream(room string, from, n int, size int) {
	w.t.Helper()
	for i := from; i < from+n; i++ {
		id := fmt.Sprintf("n%d", i)
		data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: room, ID: id, User: "bot", Text: strings.Repeat("x", size)})
		if err != nil {
			w.t.Error(err)
			return
		}
		if _, err := bus.Append(context.WithoutCancel(w.t.Context()), w.bus, bus.NewEntry{Room: room, Sender: "bot", ID: id, Data: data}); err != nil {
			w.t.Error(err)
			return
		}
	}
}

// reader checks that a room's messages come once and in order, over reconnects.
type reader struct {
	t    testing.TB
	room string
	next int
	at   wire.Position
}

func (r *reader) receive(e wire.Event) {
	r.t.Helper()
	if want := fmt.Sprintf("n%d", r.next); e.ID != want || e.Prev > r.at.Seq || e.Seq <= r.at.Seq {
		r.t.Fatalf("got %s (%d after %d), want %s after %d", e.ID, e.Seq, e.Prev, want, r.at.Seq)
	}
	r.next++
	r.at = wire.Position{Seq: e.Seq, ID: e.ID}
}

// resume joins from where the reader is, again while there is more.
func (r *reader) resume(c *client) {
	r.t.Helper()
	for more := true; more; {
		c.send(`{"type":"join","id":"r","room":"%s","after":{"seq":%d,"id":"%s"}}`, r.room, r.at.Seq, r.at.ID)
		for {
			e := c.event()
			if e.Type == wire.EventJoined {
				if e.Rewind || e.Seq < r.at.Seq {
					r.t.Fatalf("joined is %+v at %d", e, r.at.Seq)
				}
				more = e.More
				break
			}
			if e.Type != chat.TypeMsg {
				r.t.Fatalf("got %+v while resuming", e)
			}
			r.receive(e)
		}
	}
}

// TestResume leaves and comes back while messages stream in, on two edges and both transports.
func TestResume(t *testing.T) {
	alsoTLS(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		const total = 3000
		small := func(c *edge.Config) { c.RingEntries, c.RingBytes = 64, 4096 }
		edges := []*running{w.edge(conf), w.edge(conf, small)}
		r := &reader{t: t, room: "lobby"}
		c := w.login(edges[0], "ann")
		c.join("lobby")
		w.stream("lobby", 0, 1, 10)
		r.receive(c.want("msg"))
		var wg sync.WaitGroup
		wg.Go(func() { w.stream("lobby", 1, total-1, 10) })
		defer wg.Wait()
		for i := 1; r.next < total; i++ {
			_ = c.conn.Close()
			c = w.login(edges[i%2], "ann")
			r.resume(c)
			for k := 0; k < 20*i && r.next < total; k++ {
				e, code := c.eventOrClose()
				if code == wire.CloseResume { // the small ring may be too small for the moment
					break
				}
				r.receive(e)
			}
		}
	})
}

// TestTwoEdges shows that everybody sees what many send at the same time in the same order.
func TestTwoEdges(t *testing.T) {
	w := newWorld(t)
	edges := []*running{w.edge(), w.edge()}
	const senders, each = 4, 50
	var readers []*client
	for i := range 4 {
		c := w.login(edges[i%2], fmt.Sprintf("reader%d", i))
		c.join("lobby")
		readers = append(readers, c)
	}
	var wg sync.WaitGroup
	for i := range senders {
		c := w.login(edges[i%2], fmt.Sprintf("sender%d", i))
		c.join("lobby")
		wg.Go(func() {
			for k := range each {
				c.send(`{"type":"send","id":"%d","room":"lobby","msg_id":"m%d","text":"%d"}`, k, k, k)
			}
			for acks := 0; acks < each; {
				if e := c.event(); e.Type == "ack" {
					if e.ID != fmt.Sprint(acks) { // one socket's sends take effect in their order
						t.Errorf("ack of %s, want %d", e.ID, acks)
					}
					acks++
				}
			}
		})
	}
	var orders [4][]string
	for i, c := range readers {
		prev := uint64(0)
		for range senders * each {
			e := c.want("msg")
			if prev != 0 && e.Prev != prev {
				t.Fatalf("reader %d: %d comes after %d, want %d", i, e.Seq, e.Prev, prev)
			}
			prev = e.Seq
			orders[i] = append(orders[i], e.User+e.ID)
		}
		if i > 0 && strings.Join(orders[i], " ") != strings.Join(orders[0], " ") {
			t.Fatalf("readers 0 and %d saw different orders", i)
		}
	}
	wg.Wait()
}

// TestSlowConsumer: one socket reads nothing while its room is busy: it is closed and misses
// nothing after all, and the others do not wait for it.
func TestSlowConsumer(t *testing.T) {
	alsoTLS(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, func(c *edge.Config) { c.RingBytes, c.RingEntries = 256<<10, 4096 })
		slow, quick := w.login(e, "slow"), w.login(e, "quick")
		slow.receive(256 << 10)
		slow.join("lobby")
		quick.join("lobby")
		const total, part, size = 1500, 25, 4000 // more than the kernel's buffers and the ring hold
		r, q := &reader{t: t, room: "lobby"}, &reader{t: t, room: "lobby"}
		stream := func(until func() bool) {
			for q.next < total && !until() {
				w.stream("lobby", q.next, part, size)
				for range part {
					q.receive(quick.want("msg"))
				}
			}
		}
		// The close frame does not wait for the slow one for ever.
		stream(func() bool { return e.count("hubbub_edge_closed_total", "4001") > 0 })
		for {
			ev, code := slow.eventOrClose()
			if code == wire.CloseResume {
				break
			}
			r.receive(ev)
		}
		if r.next == 0 || r.next == total {
			t.Fatalf("the slow one got %d before it was closed", r.next)
		}
		stream(func() bool { return false })
		slow = w.login(e, "slow")
		r.resume(slow)
		if r.next != total {
			t.Errorf("after resuming the slow one has %d of %d", r.next, total)
		}
	})
}

// TestStuck: a socket takes nothing for longer than the write timeout.
func TestStuck(t *testing.T) {
	w := newWorld(t)
	e := w.edge(func(c *edge.Config) { c.Write, c.RingBytes = 300*time.Millisecond, 64<<20 })
	c := w.login(e, "ann")
	c.receive(256 << 10)
	c.join("lobby")
	w.stream("lobby", 0, 2000, 4000) // more than the kernel's buffers hold
	eventually(t, "the socket is closed", func() bool { return e.count("hubbub_edge_closed_total", "4001") == 1 })
	c.wantEnd()
}

// TestJoinAgain joins what is live already: it replays as asked, and goes on.
func TestJoinAgain(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	c := w.login(e, "ann")
	head := c.join("lobby")
	w.stream("lobby", 0, 3, 5)
	first := c.event()
	c.event()
	last := c.event()
	if again := c.join("lobby"); again != last.Seq {
		t.Errorf("joined at %d, want %d", again, last.Seq)
	}
	c.send(`{"type":"join","id":"1","room":"lobby","after":{"seq":%d,"id":"n0"}}`, first.Seq)
	for _, want := range []string{"n1", "n2"} {
		if e := c.event(); e.ID != want {
			t.Errorf("got %+v, want %s", e, want)
		}
	}
	if e := c.event(); e.Type != "joined" || e.Seq != last.Seq {
		t.Errorf("got %+v", e)
	}
	// known from joined alone
	c.send(`{"type":"join","id":"1","room":"lobby","after":{"seq":%d}}`, head)
	for _, want := range []string{"n0", "n1", "n2", "1"} {
		if e := c.event(); e.ID != want {
			t.Errorf("got %+v, want %s", e, want)
		}
	}
	w.stream("lobby", 3, 1, 5)
	if e := c.event(); e.ID != "n3" || e.Prev != last.Seq {
		t.Errorf("got %+v", e)
	}
}

// TestRewind joins after a position that the log does not have.
func TestRewind(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	w.stream("lobby", 0, 3, 5)
	c := w.login(e, "ann")
	head := c.join("lobby")
	for _, after := range []string{
		fmt.Sprintf(`{"seq":%d,"id":"another"}`, head),
		fmt.Sprintf(`{"seq":%d,"id":"n3"}`, head+1000),
	} {
		c.send(`{"type":"join","id":"1","room":"lobby","after":%s}`, after)
		if e := c.event(); e.Type != "joined" || !e.Rewind || e.Seq != head || e.ID != "1" {
			t.Errorf("after %s came %+v", after, e)
		}
	}
	w.stream("lobby", 3, 1, 5)
	if e := c.event(); e.ID != "n3" || e.Prev != head {
		t.Errorf("then came %+v", e)
	}
}
