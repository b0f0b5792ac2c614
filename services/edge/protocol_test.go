package edge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// The tests of this file hold sentences of libs/wire/PROTOCOL.md that a client relies on and that
// no other test is about.

// logOf returns the entries of a room's log.
func (w *world) logOf(room string) []bus.Entry {
	w.t.Helper()
	got, err := w.bus.Replay(w.t.Context(), room, bus.Position{}, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return got.Entries
}

// ids returns the ids of a room's entries, in order.
func (w *world) ids(room string) (ids []string) {
	w.t.Helper()
	for _, e := range w.logOf(room) {
		ids = append(ids, e.ID)
	}
	return ids
}

// resumed joins after a position and returns what came before joined, and joined.
func (c *client) resumed(room, after string) (replayed []wire.Event, joined wire.Event) {
	c.t.Helper()
	c.send(`{"type":"join","id":"resume","room":"%s","after":%s}`, room, after)
	for {
		e := c.event()
		switch {
		case e.Type == wire.EventJoined && e.ID == "resume":
			return replayed, e
		case e.Type == wire.EventError:
			c.t.Fatalf("a join after %s is answered %+v", after, e)
		}
		replayed = append(replayed, e)
	}
}

// TestPositions: a position is the seq and the id of one entry. The seq of joined may be above the
// last entry, where there is none: with the id of that entry it is a place of no log.
func TestPositions(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	w.stream("lobby", 0, 2, 5)
	w.stream("elsewhere", 0, 5, 5) // the log of all rooms goes on
	entries := w.logOf("lobby")
	first, last := entries[0], entries[1]
	c := w.login(e, "ann")
	for _, tt := range []struct {
		after  string
		rewind bool
		want   []string
	}{
		{`{"seq":0}`, false, []string{"n0", "n1"}},
		{fmt.Sprintf(`{"seq":%d,"id":"n0"}`, first.Seq), false, []string{"n1"}},
		{fmt.Sprintf(`{"seq":%d,"id":"n1"}`, last.Seq), false, nil},
		{fmt.Sprintf(`{"seq":%d,"id":"n0"}`, last.Seq), true, nil},
	} {
		got, joined := c.resumed("lobby", tt.after)
		var ids []string
		for _, e := range got {
			ids = append(ids, e.ID)
		}
		if joined.Rewind != tt.rewind || !slices.Equal(ids, tt.want) {
			t.Errorf("after %s came %q and %+v", tt.after, ids, joined)
		}
	}
	// An edge on which nobody is in the room yet asks the log, which says through where the room
	// has nothing else.
	far := w.login(w.edge(), "ann")
	_, joined := far.resumed("lobby", fmt.Sprintf(`{"seq":%d,"id":"n0"}`, first.Seq))
	if joined.Seq <= last.Seq {
		t.Fatalf("joined is %+v, and the last entry is at %d: the test needs a seq above it", joined, last.Seq)
	}
	if _, again := far.resumed("lobby", fmt.Sprintf(`{"seq":%d}`, joined.Seq)); again.Rewind {
		t.Errorf("after the seq of joined alone came %+v", again)
	}
	if _, again := far.resumed("lobby", fmt.Sprintf(`{"seq":%d,"id":"n1"}`, joined.Seq)); !again.Rewind {
		t.Errorf("after the seq of joined with the id of the last entry came %+v", again)
	}
	w.stream("lobby", 2, 1, 5)
	if got := far.want("msg"); got.Prev > joined.Seq {
		t.Errorf("the next entry follows on %d, a gap to who has everything through %d", got.Prev, joined.Seq)
	}
}

// TestFailedJoin: a join that is answered with an error changes nothing, whatever the room was
// before.
func TestFailedJoin(t *testing.T) {
	w := newWorld(t)
	torn := &deaf{Interface: w.bus}
	w.bus = torn
	e := w.edge(func(c *edge.Config) { c.RingEntries, c.RingBytes = 16, 4096 })
	w.stream("half", 0, 1100, 5)
	c, other := w.login(e, "ann"), w.login(e, "bob")
	other.join("none")
	other.join("live")
	head := c.join("live")
	if _, joined := c.resumed("half", `{"seq":0}`); !joined.More {
		t.Fatalf("joined is %+v", joined)
	}
	torn.set(func() { torn.replay = bus.ErrUnavailable })
	for _, room := range []string{"live", "half", "none"} {
		c.send(`{"type":"join","id":"1","room":"%s","after":{"seq":1,"id":"x"}}`, room)
		c.wantError("1", "unavailable")
	}
	torn.set(func() { torn.replay = nil })

	other.say("live", "m1", "still live")
	if got := c.want("msg"); got.ID != "m1" || got.Prev != head {
		t.Errorf("in the live room came %+v, want what follows on %d", got, head)
	}
	c.say("half", "m2", "what is half joined may be sent to")
	c.send(`{"type":"send","id":"s","room":"none","msg_id":"m3","text":"x"}`)
	c.wantError("s", "not_joined")
	other.say("none", "m4", "nobody hears")
	c.send(`{"type":"ping","id":"p"}`)
	if e := c.event(); e.ID != "p" {
		t.Errorf("of rooms that are not live came %+v", e)
	}
}

// TestReadsOfTwoDevices: a read event may be smaller than the one before it.
func TestReadsOfTwoDevices(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	phone, desktop, third := w.login(e, "ann"), w.login(e, "ann"), w.login(e, "ann")
	for _, c := range []*client{phone, desktop} {
		c.join("lobby")
	}
	for i, want := range []uint64{9, 5} {
		[]*client{desktop, phone}[i].send(`{"type":"read","room":"lobby","seq":%d}`, want)
		if got := third.want(wire.EventRead); got.Seq != want || got.Room != "lobby" || got.User != "ann" {
			t.Errorf("the third device is told %+v, want %d", got, want)
		}
	}
}

// TestLargestEvent: an event is far larger than the frame that a client may send, and at most
// limits.event, which is told before it comes.
func TestLargestEvent(t *testing.T) {
	// What another service answers with crosses the bus; the edge adds an id, a room and their
	// names.
	const around = 512
	if bus.MaxData+around > wire.MaxEvent {
		t.Fatalf("the bus carries %d bytes, and an event has at most %d", bus.MaxData, wire.MaxEvent)
	}
	w := newWorld(t)
	large := &fullPage{Interface: w.bus}
	w.bus = large
	e := w.edge()
	c := dial(t, e.Addr())
	c.send(`{"type":"hello","version":1,"token":"%s"}`, w.token("ann"))
	limits := c.want("welcome").Limits
	if want := (wire.Limits{Frame: 64 << 10, Text: 16 << 10, Rooms: 500, Rate: 100_000, Burst: 100_000, Pending: 1000, Event: 1 << 20, Joins: wire.MaxJoins}); *limits != want {
		t.Errorf("limits are %+v, want %+v", *limits, want)
	}
	id := strings.Repeat("i", chat.MaxIDLen)
	c.send(`{"type":"history","id":"%s","room":"%s"}`, id, id)
	_, payload, err := c.frame() // in one frame, which frame checks
	if err != nil || len(payload) < bus.MaxData || len(payload) > bus.MaxData+around {
		t.Errorf("the page has %d bytes, %v", len(payload), err)
	}
}

// fullPage is a bus over which history answers with as much as it carries.
type fullPage struct{ bus.Interface }

func (b *fullPage) Request(ctx context.Context, service string, data []byte) ([]byte, error) {
	if service != history.ServicePage {
		return b.Interface.Request(ctx, service, data)
	}
	page := `{"more":true,"messages":[],"x":"` + strings.Repeat("x", bus.MaxData)
	return append([]byte(page)[:bus.MaxData-2], `"}`...), nil
}

// TestDeletedInReplay: what was deleted is left out of a replay of the log, and has no text in one
// of the record. In neither is that a gap.
func TestDeletedInReplay(t *testing.T) {
	t.Run("log", func(t *testing.T) {
		w := newWorld(t)
		w.stream("lobby", 0, 4, 5)
		all := w.logOf("lobby")
		if err := w.bus.Remove(t.Context(), "lobby", all[1].Seq); err != nil {
			t.Fatal(err)
		}
		c := w.login(w.edge(), "ann")
		for _, after := range []string{`{"seq":0}`, fmt.Sprintf(`{"seq":%d,"id":"n0"}`, all[0].Seq), fmt.Sprintf(`{"seq":%d,"id":"n1"}`, all[1].Seq)} {
			got, joined := c.resumed("lobby", after)
			have := uint64(0)
			if after != `{"seq":0}` {
				have = all[0].Seq
			}
			for _, e := range got {
				if e.ID == "n1" || e.Prev > max(have, all[1].Seq) {
					t.Errorf("after %s came %+v", after, e)
				}
				have = e.Seq
			}
			if joined.Rewind || have != all[3].Seq {
				t.Errorf("after %s the client is at %d with %+v", after, have, joined)
			}
		}
	})
	t.Run("record", func(t *testing.T) {
		w := newWorld(t)
		w.bus = truncated{w.bus}
		scrubbed, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "lobby", ID: "gone", User: "bob"})
		if err != nil {
			t.Fatal(err)
		}
		w.since = func(history.SinceRequest) (history.Since, error) {
			return history.Since{Entries: []history.Entry{{Seq: 7, Prev: 5, ID: "gone", User: "bob", Data: scrubbed}}, Through: 8}, nil
		}
		c := w.login(w.edge(), "ann")
		c.send(`{"type":"join","id":"1","room":"lobby","after":{"seq":5,"id":"five"}}`)
		_, frame, err := c.frame()
		if err != nil || !strings.HasPrefix(string(frame), `{"seq":7,"prev":5,"type":"msg"`) || strings.Contains(string(frame), `"text"`) {
			t.Errorf("got %s, %v", frame, err)
		}
	})
}

// TestGoing: going has the same form as users, and passes through as presence has it.
func TestGoing(t *testing.T) {
	w := newWorld(t)
	w.online = presence.Who{
		Count: 1, Users: []presence.Person{{User: "bob", Name: "Bob", Status: presence.Online}},
		Going: []presence.Person{{User: "cy", Name: "Cy", Status: presence.Idle}}, GoingMS: 5500,
	}
	c := w.login(w.edge(), "ann")
	c.send(`{"type":"who","id":"1","room":"lobby"}`)
	if e := c.want("who"); !slices.Equal(e.Going, []wire.Person{{User: "cy", Name: "Cy", Status: "idle"}}) || e.GoingMS != 5500 || len(e.Users) != 1 {
		t.Errorf("who is %+v", e)
	}
}

// TestUnknown: fields and commands that no release knows yet do no harm.
func TestUnknown(t *testing.T) {
	w := newWorld(t)
	c := dial(t, w.edge().Addr())
	c.send(`{"type":"hello","id":"h","version":1,"token":"%s","theme":{"dark":[true]}}`, w.token("ann"))
	c.want("welcome")
	c.send(`{"type":"juggle","id":"1","room":"lobby"}`)
	c.wantError("1", "unknown_command")
	c.send(`{"type":"join","id":"2","room":"lobby","limit":"of another command","balls":3}`)
	if e := c.event(); e.Type != wire.EventJoined || e.ID != "2" {
		t.Errorf("got %+v", e)
	}
}

// TestWhatNeedsAJoin: to speak in a room is for who has joined it, to ask about it is not.
func TestWhatNeedsAJoin(t *testing.T) {
	w := newWorld(t)
	c := w.login(w.edge(), "ann")
	for frame, want := range map[string]string{
		`{"type":"history","id":"1","room":"lobby"}`:                                               wire.EventHistory,
		`{"type":"who","id":"1","room":"lobby"}`:                                                   wire.EventWho,
		`{"type":"watch","id":"1","room":"lobby","on":true}`:                                       wire.EventAck,
		`{"type":"leave","id":"1","room":"lobby"}`:                                                 wire.EventAck,
		`{"type":"send","id":"1","room":"lobby","msg_id":"m","text":"x"}`:                          chat.CodeNotJoined,
		`{"type":"edit","id":"1","room":"lobby","msg_id":"m","target":"t","text":"x"}`:             chat.CodeNotJoined,
		`{"type":"delete","id":"1","room":"lobby","msg_id":"m","target":"t"}`:                      chat.CodeNotJoined,
		`{"type":"react","id":"1","room":"lobby","msg_id":"m","target":"t","emoji":"👍","on":true}`: chat.CodeNotJoined,
		`{"type":"pin","id":"1","room":"lobby","msg_id":"m","target":"t","on":true}`:               chat.CodeNotJoined,
		`{"type":"typing","id":"1","room":"lobby"}`:                                                chat.CodeNotJoined,
		`{"type":"read","id":"1","room":"lobby","seq":1}`:                                          chat.CodeNotJoined,
	} {
		c.send("%s", frame)
		if e := c.event(); e.ID != "1" || e.Type != want && string(e.Code) != want {
			t.Errorf("%s is answered %+v, want %s", frame, e, want)
		}
	}
}

// TestReplies: with an id each command has one reply; without one, errors alone are told, also
// without.
func TestReplies(t *testing.T) {
	w := newWorld(t)
	c := w.login(w.edge(), "ann")
	c.join("lobby")
	quiet := []string{
		`{"type":"typing","room":"lobby"}`, `{"type":"read","room":"lobby","seq":3}`, `{"type":"watch","room":"lobby","on":false}`,
		`{"type":"status","status":"dnd"}`, `{"type":"ping"}`, `{"type":"edit","room":"lobby","msg_id":"e","target":"t","text":"x"}`,
		`{"type":"send","room":"lobby","msg_id":"m","text":"x"}`, `{"type":"leave","room":"lobby"}`,
	}
	for _, frame := range quiet {
		c.send("%s", frame)
	}
	c.send(`{"type":"ping","id":"end"}`)
	for e := c.event(); e.ID != "end"; e = c.event() {
		if e.Type != chat.TypeMsg && e.Type != wire.EventTyping && e.Type != wire.EventRead {
			t.Errorf("nobody asked for %+v", e)
		}
	}
	c.send(`{"type":"typing","room":"lobby"}`)
	if e := answer(c); e.Type != wire.EventError || e.Code != chat.CodeNotJoined || e.ID != "" {
		t.Errorf("what failed is told as %+v", e)
	}
}
