package edge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// deaf is a bus that can be made to keep hints to itself, to answer no heads and to replay nothing.
type deaf struct {
	bus.Interface
	mu      sync.Mutex
	quiet   bool
	heads   error
	replay  error
	rewound bool
	tried   int // replays that failed
	watcher bus.Watcher
}

func (d *deaf) set(do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do()
}

type hints struct {
	d *deaf
	bus.Watcher
}

func (h hints) Hint(room string, seq uint64) {
	h.d.mu.Lock()
	quiet := h.d.quiet
	h.d.mu.Unlock()
	if !quiet {
		h.Watcher.Hint(room, seq)
	}
}

func (d *deaf) Watch(ctx context.Context, w bus.Watcher) (bus.Subscription, error) {
	d.set(func() { d.watcher = w })
	return d.Interface.Watch(ctx, hints{d, w})
}

func (d *deaf) Heads(ctx context.Context, rooms []string) ([]bus.Head, error) {
	d.mu.Lock()
	err := d.heads
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return d.Interface.Heads(ctx, rooms)
}

func (d *deaf) Replay(ctx context.Context, room string, after bus.Position, limit int) (bus.Replayed, error) {
	d.mu.Lock()
	err, rewound := d.replay, d.rewound
	if err != nil {
		d.tried++
	}
	d.mu.Unlock()
	if err != nil || rewound {
		return bus.Replayed{Rewound: rewound}, err
	}
	return d.Interface.Replay(ctx, room, after, limit)
}

func newDeafWorld(t *testing.T) (*world, *deaf) {
	w := newWorld(t)
	d := &deaf{Interface: w.bus}
	w.bus = d
	return w, d
}

// notice puts an invitation into a user's own room, and returns its Seq.
func (w *world) notice(user, id string) uint64 {
	w.t.Helper()
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeInvited, Room: chat.UserRoom(user), ID: id, User: "bob", Target: "club", Role: "member"})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.append(chat.UserRoom(user), data).Seq
}

// wantNotices reads notices with these ids, in this order.
func (c *client) wantNotices(ids ...string) {
	c.t.Helper()
	for _, id := range ids {
		if e := c.event(); e.Type != chat.TypeInvited || e.ID != id {
			c.t.Fatalf("got %+v, want the notice %s", e, id)
		}
	}
}

// TestOwnRoom shows that what is put into a user's own room reaches all of the user's sockets,
// unasked.
func TestOwnRoom(t *testing.T) {
	w := newWorld(t)
	edges := []*running{w.edge(), w.edge()}
	a, b, other := w.login(edges[0], "ann"), w.login(edges[1], "ann"), w.login(edges[0], "bob")
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeInvited, Room: "u-ann", ID: "i1", User: "bob", Target: "club", Role: "member"})
	if err != nil {
		t.Fatal(err)
	}
	at := w.append("u-ann", data)
	for _, c := range []*client{a, b} {
		if e := c.event(); e.Type != chat.TypeInvited || e.Target != "club" || e.Seq != at.Seq {
			t.Errorf("got %+v", e)
		}
	}
	other.send(`{"type":"ping","id":"1"}`)
	other.want("ack")
	// the server's to join, not the client's to leave
	a.send(`{"type":"leave","id":"1","room":"u-ann"}`)
	a.want("ack")
	w.append("u-ann", data)
	if e := a.event(); e.Type != chat.TypeInvited {
		t.Errorf("got %+v", e)
	}
	a.send(`{"type":"send","id":"1","room":"u-ann","msg_id":"m","text":"x"}`)
	a.wantError("1", "forbidden")
}

// TestOwnRoomInOrder: many at once, to users with several sockets, each once and in order.
func TestOwnRoomInOrder(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	users := []string{"ann", "bob", "cy"}
	var wg sync.WaitGroup
	const n = 50
	for _, user := range users {
		clients := []*client{w.login(e, user), w.login(e, user), w.login(e, user)}
		wg.Go(func() {
			for i := range n {
				w.notice(user, fmt.Sprint("n", i))
			}
		})
		for _, c := range clients {
			wg.Go(func() {
				held := uint64(0)
				for i := range n {
					e := c.event()
					if e.ID != fmt.Sprint("n", i) || e.Room != chat.UserRoom(user) || i > 0 && e.Prev != held {
						t.Errorf("got %+v, want notice %d of %s, after %d", e, i, user, held)
						return
					}
					held = e.Seq
				}
			})
		}
	}
	wg.Wait()
}

// TestOwnRoomHintsLost: what no hint told of is found when the bus says that hints may have been
// lost, in order and once.
func TestOwnRoomHintsLost(t *testing.T) {
	w, d := newDeafWorld(t)
	e := w.edge()
	ann, bob := w.login(e, "ann"), w.login(e, "bob")
	d.set(func() { d.quiet = true })
	w.notice("ann", "1")
	w.notice("ann", "2")
	d.set(func() { d.replay = errors.New("the log does not answer") })
	d.watcher.Suspect() // it cannot be read: the edge tries again by itself
	eventually(t, "reading was tried again", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.tried > 1
	})
	d.set(func() { d.replay = nil })
	ann.wantNotices("1", "2")
	d.set(func() { d.quiet = false })
	w.notice("ann", "3")
	w.notice("bob", "4")
	ann.wantNotices("3")
	bob.wantNotices("4")
}

// TestOwnRoomNoLog: nobody is let in while it is unknown where the own room stands; they come back.
func TestOwnRoomNoLog(t *testing.T) {
	w, d := newDeafWorld(t)
	e := w.edge()
	d.set(func() { d.heads = bus.ErrUnavailable })
	c := dial(t, e.Addr())
	c.send(`{"type":"hello","id":"1","version":1,"token":"%s"}`, w.token("ann"))
	c.wantError("1", chat.CodeUnavailable)
	c.wantClose(wire.CloseLost)
	d.set(func() { d.heads = nil })
	w.login(e, "ann")
}

// TestOwnRoomResume: a client gets what it missed of its own room, in pages when it is much, and
// then what is new.
func TestOwnRoomResume(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	const missed = 1030
	var first uint64
	var want []string
	for i := range missed + 1 {
		id := fmt.Sprint("n", i)
		seq := w.notice("ann", id)
		if i == 0 {
			first = seq
			continue
		}
		want = append(want, id)
	}
	ann := w.login(e, "ann")
	joined := func(id string) (notices []string, j wire.Event) {
		for {
			switch e := ann.event(); e.Type {
			case "joined":
				if e.ID != id || e.Room != "u-ann" {
					t.Fatalf("answered with %+v", e)
				}
				return notices, e
			case chat.TypeInvited:
				notices = append(notices, e.ID)
			default:
				t.Fatalf("got %+v, want the answer to %s", e, id)
			}
		}
	}
	ann.send(`{"type":"join","id":"1","room":"u-ann","after":{"seq":%d}}`, first)
	got, j := joined("1")
	if !j.More || len(got) != 1000 {
		t.Fatalf("%d notices, more %v", len(got), j.More)
	}
	w.notice("ann", "while paging")
	ann.send(`{"type":"join","id":"2","room":"u-ann","after":{"seq":%d}}`, j.Seq)
	rest, j := joined("2")
	if j.More {
		t.Error("more is said of the last page")
	}
	if got = append(got, rest...); !slices.Equal(got, append(want, "while paging")) {
		t.Errorf("got %d notices: %v", len(got), got)
	}
	w.notice("ann", "new")
	ann.wantNotices("new")
	ann.send(`{"type":"join","id":"3","room":"u-ann"}`) // from now on, which is so already
	if got, _ := joined("3"); len(got) > 0 {
		t.Errorf("got %v again", got)
	}
	w.notice("ann", "newer")
	ann.wantNotices("newer")
}

// TestOwnRoomRewound: a client whose own room's log is not the one that it knows is told so, asked
// or not.
func TestOwnRoomRewound(t *testing.T) {
	w, d := newDeafWorld(t)
	e := w.edge()
	ann := w.login(e, "ann")
	d.set(func() { d.rewound = true })
	ann.send(`{"type":"join","id":"1","room":"u-ann","after":{"seq":77,"id":"x"}}`)
	if e := ann.event(); e.Type != "joined" || !e.Rewind {
		t.Errorf("got %+v", e)
	}
	w.notice("ann", "lost")
	if e := ann.event(); e.Type != "joined" || !e.Rewind || e.Room != "u-ann" {
		t.Errorf("got %+v", e)
	}
	d.set(func() { d.rewound = false })
	w.notice("ann", "1")
	ann.wantNotices("1")
}

// TestOwnRoomRead: a read position in the own room, and in another.
func TestOwnRoomRead(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	a, b := w.login(e, "ann"), w.login(e, "ann")
	a.send(`{"type":"read","id":"1","room":"u-ann","seq":5}`)
	a.want("ack")
	if e := b.event(); e.Type != "read" || e.Room != "u-ann" || e.Seq != 5 {
		t.Errorf("got %+v", e)
	}
	eventually(t, "the record has it", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.reads) == 1 && w.reads[0].Room == "u-ann" && w.reads[0].Seq == 5
	})
}
