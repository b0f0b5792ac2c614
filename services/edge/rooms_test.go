package edge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// TestPermissions goes through what somebody may not do, from the start and later.
func TestPermissions(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		set := func(user, room string, a directory.Access) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.access[[2]string{user, room}] = a
		}
		set("ann", "secret", directory.Access{})
		set("ann", "news", directory.Access{Read: true})
		e := w.edge(conf)
		ann, bob := w.login(e, "ann"), w.login(e, "bob")
		for _, cmd := range []string{
			`{"type":"join","id":"1","room":"secret"}`, `{"type":"history","id":"1","room":"secret"}`, `{"type":"who","id":"1","room":"secret"}`,
			`{"type":"watch","id":"1","room":"secret","on":true}`, `{"type":"join","id":"1","room":"u-bob"}`,
		} {
			ann.send("%s", cmd)
			ann.wantError("1", "forbidden")
		}
		ann.join("news")
		for _, cmd := range []string{
			`{"type":"send","id":"1","room":"news","msg_id":"m","text":"x"}`, `{"type":"react","id":"1","room":"news","msg_id":"m","target":"x","emoji":"👍","on":true}`,
		} {
			ann.send("%s", cmd)
			ann.wantError("1", "forbidden")
		}

		// Access that is lost while joined ends the room for the one, and not for the other.
		ann.join("lobby")
		bob.join("lobby")
		set("ann", "lobby", directory.Access{})
		w.change(directory.Change{Kind: directory.ChangeAccess, User: "ann", Room: "lobby"})
		if e := ann.event(); e.Type != wire.EventNotice || e.Room != "lobby" || e.Code != "left" {
			t.Fatalf("ann got %+v", e)
		}
		bob.say("lobby", "m1", "she is gone")
		ann.send(`{"type":"send","id":"2","room":"lobby","msg_id":"m","text":"x"}`)
		ann.wantError("2", "not_joined")
		ann.send(`{"type":"join","id":"3","room":"lobby"}`)
		ann.wantError("3", "forbidden")

		// New rules of a room are asked for.
		ann.join("club")
		bob.join("club")
		set("ann", "club", directory.Access{})
		w.change(directory.Change{Kind: directory.ChangeRoom, Room: "club"})
		if e := ann.event(); e.Type != wire.EventNotice || e.Room != "club" {
			t.Fatalf("ann got %+v", e)
		}
		bob.say("club", "m2", "still here")
	})
}

// TestRevoked closes the sockets of a log-in, and those of a user.
func TestRevoked(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	first, second, other := w.login(e, "ann"), dial(t, e.Addr()), w.login(e, "bob")
	second.send(`{"type":"hello","version":1,"token":"%s"}`, w.token("ann", func(c *auth.Claims) { c.Session = "second" }))
	second.want("welcome")
	w.change(directory.Change{Kind: directory.ChangeUser, User: "ann", Session: "second", At: time.Now().UnixMilli()})
	second.wantClose(wire.CloseRevoked)
	first.join("lobby")
	w.change(directory.Change{Kind: directory.ChangeUser, User: "ann", At: time.Now().UnixMilli()})
	first.wantClose(wire.CloseRevoked)
	// The token is as revoked as the socket.
	again := dial(t, e.Addr())
	again.send(`{"type":"hello","id":"1","version":1,"token":"%s"}`, w.token("ann"))
	again.wantError("1", "unauthorized")
	again.wantClose(wire.CloseRevoked)
	fresh := dial(t, e.Addr())
	fresh.send(`{"type":"hello","id":"1","version":1,"token":"%s"}`, w.token("ann", func(c *auth.Claims) { c.Issued = time.Now().Add(time.Second) }))
	fresh.want("welcome")
	other.join("lobby")
}

// lateLog is a bus whose control log cannot be read back until it is let.
type lateLog struct {
	bus.Interface
	readable chan struct{}
}

// Replay implements bus.Log.
func (l lateLog) Replay(ctx context.Context, room string, after bus.Position, limit int) (bus.Replayed, error) {
	if room == chat.ControlRoom {
		select {
		case <-l.readable:
		case <-ctx.Done():
			return bus.Replayed{}, ctx.Err()
		}
	}
	return l.Interface.Replay(ctx, room, after, limit)
}

// TestRevokedBeforeTheStart lets nobody in before it is known who has been shut out.
func TestRevokedBeforeTheStart(t *testing.T) {
	w := newWorld(t)
	w.change(directory.Change{Kind: directory.ChangeUser, User: "ann", At: time.Now().UnixMilli()})
	late := lateLog{w.bus, make(chan struct{})}
	w.bus = late
	e := w.edge()
	ann, bob := dial(t, e.Addr()), dial(t, e.Addr())
	ann.send(`{"type":"hello","id":"1","version":1,"token":"%s"}`, w.token("ann"))
	bob.send(`{"type":"hello","id":"1","version":1,"token":"%s"}`, w.token("bob"))
	eventually(t, "both have said hello", func() bool { return e.count("hubbub_edge_commands_total", "hello") == 2 })
	close(late.readable)
	ann.wantError("1", "unauthorized")
	ann.wantClose(wire.CloseRevoked)
	bob.want("welcome")
}

// TestRecord passes edits and their like on to history, and pages back.
func TestRecord(t *testing.T) {
	w := newWorld(t)
	w.access[[2]string{"mod", "lobby"}] = directory.Access{Role: directory.RoleModerator, Read: true, Send: true}
	w.access[[2]string{"ann", "d-x"}] = directory.Access{Role: directory.RoleMember, Read: true, Send: true, Direct: true}
	e := w.edge()
	ann, mod := w.login(e, "ann"), w.login(e, "mod")
	ann.send(`{"type":"edit","id":"0","room":"lobby","msg_id":"e","target":"m","text":"x"}`)
	ann.wantError("0", "not_joined")
	ann.join("lobby")
	ann.join("d-x")
	mod.join("lobby")
	for i, tt := range []struct {
		c         *client
		send      string
		kind      string
		moderates bool
		pins      bool
		check     func(chat.Event) bool
	}{
		{ann, `{"type":"edit","id":"1","room":"lobby","msg_id":"e1","target":"m","author":"bob","text":"a\tb"}`, "edited", false, false, func(e chat.Event) bool { return e.Text == "a\tb" }},
		{mod, `{"type":"delete","id":"1","room":"lobby","msg_id":"e2","target":"m","author":"bob"}`, "deleted", true, true, func(chat.Event) bool { return true }},
		{ann, `{"type":"react","id":"1","room":"lobby","msg_id":"e3","target":"m","author":"bob","emoji":"👍","on":true}`, "reacted", false, false, func(e chat.Event) bool { return e.Emoji == "👍" && e.On }},
		{ann, `{"type":"pin","id":"1","room":"d-x","msg_id":"e4","target":"m","on":false}`, "pinned", false, true, func(e chat.Event) bool { return !e.On }},
	} {
		tt.c.send("%s", tt.send)
		if e := tt.c.want("ack"); e.ID != "1" || e.Seq != uint64(i+1) {
			t.Errorf("%s: ack is %+v", tt.kind, e)
		}
		w.mu.Lock()
		got := w.record[i]
		w.mu.Unlock()
		ev := got.Event
		author := "bob"
		if tt.kind == "pinned" { // by a client that says none
			author = ""
		}
		if ev.Type != tt.kind || ev.Target != "m" || ev.Author != author || ev.ID != fmt.Sprintf("e%d", i+1) || ev.TS == 0 || !strings.HasSuffix(ev.Name, ev.User) ||
			got.Moderator != tt.moderates || got.Pin != tt.pins || !tt.check(ev) {
			t.Errorf("history was asked %+v", got)
		}
	}
	ann.send(`{"type":"send","room":"lobby","msg_id":"m9","text":"yes","reply_to":"m","reply_author":"bob"}`)
	if e := mod.want("msg"); e.ReplyTo != "m" || e.ReplyAuthor != "bob" {
		t.Errorf("the answer is %+v", e)
	}
	ann.want("msg")
	ann.send(`{"type":"send","room":"lobby","msg_id":"m10","text":"there","thread":{"author":"bob","id":"m"}}`)
	if e := mod.want("msg"); e.Thread != (chat.Thread{Author: "bob", ID: "m"}) || e.Broadcast || e.Prev == 0 {
		t.Errorf("the answer in a thread is %+v", e)
	}
	ann.want("msg")
	ann.send(`{"type":"delete","id":"2","room":"lobby","msg_id":"e5","target":"gone"}`)
	ann.wantError("2", "not_found")
	ann.send(`{"type":"history","id":"3","room":"lobby","around":77,"limit":12}`)
	if e := ann.want("history"); e.ID != "3" || e.Room != "lobby" || !e.More || len(e.Messages) != 1 || e.Messages[0].Seq != 77 || e.Messages[0].ID != "12" {
		t.Errorf("page is %+v", e)
	}
	ann.send(`{"type":"edit","id":"4","room":"lobby","msg_id":"e6","target":"m","text":"%s"}`, strings.Repeat("x", 17_000))
	ann.wantError("4", "too_large")
	ann.send(`{"type":"send","id":"5","room":"lobby","msg_id":"m6","text":"%s"}`, strings.Repeat("x", 17_000))
	if e := ann.wantError("5", "too_large"); e.MsgID != "m6" || e.Room != "lobby" {
		t.Errorf("error is %+v", e)
	}
}

// TestLive passes on typing to the room, and read positions to the user's other sockets, over two
// edges.
func TestLive(t *testing.T) {
	w := newWorld(t)
	edges := []*running{w.edge(), w.edge()}
	ann, phone, bob := w.login(edges[0], "ann"), w.login(edges[1], "ann"), w.login(edges[1], "bob")
	ann.join("lobby")
	bob.join("lobby")
	for range 3 {
		ann.send(`{"type":"typing","room":"lobby"}`)
	}
	if e := bob.event(); e.Type != "typing" || e.User != "ann" || e.Name != "Name of ann" || e.Room != "lobby" {
		t.Errorf("bob got %+v", e)
	}
	for _, seq := range []int{5, 9, 7} {
		ann.send(`{"type":"read","id":"r","room":"lobby","seq":%d}`, seq)
		ann.want("ack")
	}
	// the first at once, the largest of the others a second later
	for _, want := range []uint64{5, 9} {
		if e := phone.event(); e.Type != "read" || e.User != "ann" || e.Room != "lobby" || e.Seq != want {
			t.Errorf("the phone got %+v, want %d", e, want)
		}
	}
	eventually(t, "history has the positions", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.reads) == 2 && w.reads[1].Seq == 9 && w.reads[1].User == "ann" && w.reads[1].Room == "lobby"
	})
	bob.send(`{"type":"ping","id":"1"}`) // bob was told of the typing once, and of no read
	if e := bob.event(); e.ID != "1" {
		t.Errorf("bob got %+v", e)
	}
	bob.send(`{"type":"read","id":"2","room":"elsewhere","seq":1}`)
	bob.wantError("2", "not_joined")
	bob.send(`{"type":"typing","id":"3","room":"elsewhere"}`)
	bob.wantError("3", "not_joined")
}

// TestReadTogether tells a room of few members, over two edges, how far one of them has read, and
// no other room.
func TestReadTogether(t *testing.T) {
	w := newWorld(t)
	few := directory.Access{Role: directory.RoleMember, Read: true, Send: true, Small: true}
	w.access[[2]string{"ann", "few"}], w.access[[2]string{"bob", "few"}] = few, few
	ann, bob := w.login(w.edge(), "ann"), w.login(w.edge(), "bob")
	for _, c := range []*client{ann, bob} {
		c.join("lobby")
		c.join("few")
	}
	for _, room := range []string{"lobby", "few"} {
		ann.send(`{"type":"read","id":"1","room":"%s","seq":7}`, room)
		ann.want("ack")
	}
	if e := bob.event(); e.Type != wire.EventRead || e.User != "ann" || e.Room != "few" || e.Seq != 7 {
		t.Errorf("bob got %+v", e)
	}
}

// TestUnavailable takes the log away.
func TestUnavailable(t *testing.T) {
	w := newWorld(t)
	w.bus = &failing{Interface: w.bus}
	e := w.edge()
	c := w.login(e, "ann")
	c.join("lobby")
	for err, want := range map[error]string{bus.ErrUnavailable: "unavailable", bus.ErrFull: "unavailable", bus.ErrTooLarge: "too_large"} {
		w.bus.(*failing).set(err)
		c.send(`{"type":"send","id":"1","room":"lobby","msg_id":"m","text":"x"}`)
		e := c.wantError("1", want)
		if e.MsgID != "m" || e.Room != "lobby" || want == "unavailable" && e.RetryAfterMS == 0 {
			t.Errorf("%v is told as %+v", err, e)
		}
	}
	w.bus.(*failing).set(nil)
	c.say("lobby", "m", "now")
}
