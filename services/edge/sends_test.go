package edge_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// picky is a bus that holds up the appends to one room, and fails those with certain ids: before it
// carries them out, or after.
type picky struct {
	bus.Interface
	slow          string
	release       chan struct{}
	before, after map[string]error
}

func (b *picky) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	e.ID, e.Data = strings.Clone(e.ID), slices.Clone(e.Data)
	go func() {
		if e.Room == b.slow {
			<-b.release
		}
		if err := b.before[e.ID]; err != nil {
			done(bus.Appended{}, err)
			return
		}
		b.Interface.Append(e, func(a bus.Appended, err error) {
			if late := b.after[e.ID]; late != nil {
				a, err = bus.Appended{}, late
			}
			done(a, err)
		})
	}()
}

// TestPipelinedSends: sends to one room are carried out in order, also behind one that fails; those
// that need no look at the log are refused at once, and other rooms do not wait.
func TestPipelinedSends(t *testing.T) {
	w := newWorld(t)
	b := &picky{Interface: w.bus, slow: "slow", release: make(chan struct{}), before: map[string]error{"m2": bus.ErrUnavailable}}
	w.bus = b
	c := w.login(w.edge(), "ann")
	c.join("slow")
	c.join("quick")
	send := func(room, id, text string) {
		c.send(`{"type":"send","id":"%s","room":"%s","msg_id":"%s","text":"%s"}`, id, room, id, text)
	}
	send("slow", "m1", "x")
	send("slow", "m2", "x")
	send("slow", "long", strings.Repeat("x", 17_000))
	send("slow", "m3", "x")
	send("quick", "q1", "x")
	send("slow", "m4", "x")
	for _, want := range []string{"long error", "q1 ack"} {
		if e := answer(c); e.ID+" "+e.Type != want {
			t.Errorf("while the slow room waits came %+v, want %s", e, want)
		}
	}
	close(b.release)
	for _, want := range []string{"m1 ack", "m2 error", "m3 ack", "m4 ack"} {
		if e := answer(c); e.ID+" "+e.Type != want {
			t.Errorf("then came %+v, want %s", e, want)
		}
	}
	if got := w.ids("slow"); !slices.Equal(got, []string{"m1", "m3", "m4"}) {
		t.Errorf("the log has %q", got)
	}
}

// answer returns the next ack or error.
func answer(c *client) wire.Event {
	for {
		if e := c.event(); e.Type == wire.EventAck || e.Type == wire.EventError {
			return e
		}
	}
}

// TestRefusedSends: what is refused with unavailable may be in the log or not; with anything else
// it is not.
func TestRefusedSends(t *testing.T) {
	w := newWorld(t)
	w.access[[2]string{"ann", "news"}] = directory.Access{Read: true}
	w.bus = &picky{
		Interface: w.bus,
		before: map[string]error{
			"large": bus.ErrTooLarge, "full": bus.ErrFull, "lost": bus.ErrUnavailable, "broken": errors.New("a fault"),
		},
		after: map[string]error{"lost-late": bus.ErrUnavailable, "broken-late": errors.New("a fault")},
	}
	c := w.login(w.edge(func(c *edge.Config) { c.Rate, c.Burst = 1, 40 }), "ann")
	c.join("lobby")
	c.join("news")
	stored := map[string]bool{}
	for _, tt := range []struct{ frame, id, code string }{
		{`"room":"lobby"`, "empty", "bad_request"}, // it has no text
		{`"room":"lobby","text":"` + strings.Repeat("x", 17_000) + `"`, "long", "too_large"},
		{`"room":"elsewhere","text":"x"`, "outside", "not_joined"},
		{`"room":"news","text":"x"`, "quiet", "forbidden"},
		{`"room":"_control","text":"x"`, "reserved", "forbidden"},
		{`"room":"lobby","text":"x"`, "large", "too_large"},
		{`"room":"lobby","text":"x"`, "full", "unavailable"},
		{`"room":"lobby","text":"x"`, "lost", "unavailable"},
		{`"room":"lobby","text":"x"`, "lost-late", "unavailable"},
		{`"room":"lobby","text":"x"`, "broken", "internal"},
		{`"room":"lobby","text":"x"`, "broken-late", "internal"},
	} {
		c.send(`{"type":"send","id":"%s","msg_id":"%s",%s}`, tt.id, tt.id, tt.frame)
		if e := answer(c); e.Type != wire.EventError || string(e.Code) != tt.code || e.MsgID != tt.id {
			t.Errorf("%s is answered %+v", tt.id, e)
		}
		for _, room := range []string{"lobby", "news", "elsewhere"} {
			if slices.Contains(w.ids(room), tt.id) {
				stored[tt.code] = true
			}
		}
	}
	for range 60 {
		c.send(`{"type":"send","id":"many","room":"lobby","msg_id":"many","text":"%s"}`, strings.Repeat("x", 17_000))
		if e := answer(c); e.Code == chat.CodeRateLimited {
			c.send(`{"type":"send","id":"limited","room":"lobby","msg_id":"limited","text":"x"}`)
			if e := answer(c); e.Code != chat.CodeRateLimited || slices.Contains(w.ids("lobby"), "limited") {
				t.Errorf("beyond the rate: %+v, and the log has %q", e, w.ids("lobby"))
			}
			break
		}
	}
	for code := range stored {
		if code != chat.CodeUnavailable && code != chat.CodeInternal {
			t.Errorf("what was refused with %s is in the log", code)
		}
	}
	if !stored[chat.CodeUnavailable] || !stored[chat.CodeInternal] {
		t.Errorf("unavailable and internal leave it open whether a message is in the log: %v", stored)
	}
}
