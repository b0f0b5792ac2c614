package protocol

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
)

// commands are all that a session may send, with an id to put in, what each is answered with, and
// whether it needs the room to be joined, a permission to write, or a service.
var commands = []struct {
	name, frame, reply string
	joined             bool   // refused with not_joined where the room is not joined
	writes             bool   // refused where the user may only read
	reads              bool   // refused where the user may not read
	service            string // unavailable while this one fails
}{
	{name: "join", frame: `"type":"join","room":"lobby"`, reply: "joined", reads: true},
	{name: "join after", frame: `"type":"join","room":"lobby","after":{"seq":0}`, reply: "joined", reads: true},
	{name: "join own", frame: `"type":"join","room":"u-ann"`, reply: "joined"},
	{name: "join rooms", frame: `"type":"join","rooms":[{"room":"lobby"},{"room":"u-ann"}]`, reply: "ack"},
	{name: "leave", frame: `"type":"leave","room":"lobby"`, reply: "ack"},
	{name: "send", frame: `"type":"send","room":"lobby","msg_id":"m","text":"x"`, reply: "ack", joined: true, writes: true},
	{name: "list", frame: `"type":"send","room":"lobby","msg_id":"m","text":"/list-users"`, reply: "ack", joined: true, service: presence.ServiceWho},
	{name: "edit", frame: `"type":"edit","room":"lobby","msg_id":"m","target":"t","text":"x"`, reply: "ack", joined: true, writes: true, service: history.ServiceApply},
	{name: "delete", frame: `"type":"delete","room":"lobby","msg_id":"m","target":"t"`, reply: "ack", joined: true, writes: true, service: history.ServiceApply},
	{name: "react", frame: `"type":"react","room":"lobby","msg_id":"m","target":"t","emoji":"👍","on":true`, reply: "ack", joined: true, writes: true, service: history.ServiceApply},
	{name: "pin", frame: `"type":"pin","room":"lobby","msg_id":"m","target":"t","on":true`, reply: "ack", joined: true, writes: true, service: history.ServiceApply},
	{name: "typing", frame: `"type":"typing","room":"lobby"`, reply: "ack", joined: true, writes: true},
	{name: "read", frame: `"type":"read","room":"lobby","seq":1`, reply: "ack", joined: true},
	{name: "history", frame: `"type":"history","room":"lobby"`, reply: "history", reads: true, service: history.ServicePage},
	{name: "who", frame: `"type":"who","room":"lobby"`, reply: "who", reads: true, service: presence.ServiceWho},
	{name: "watch", frame: `"type":"watch","room":"lobby","on":true`, reply: "ack", reads: true},
	{name: "watch off", frame: `"type":"watch","room":"lobby","on":false`, reply: "ack"},
	{name: "status", frame: `"type":"status","status":"dnd"`, reply: "ack"},
	{name: "inbox", frame: `"type":"inbox"`, reply: "inbox", service: history.ServiceInbox},
	{name: "inbox of a room", frame: `"type":"inbox","room":"lobby","next":"x"`, reply: "inbox", service: history.ServiceInbox},
	{name: "unread", frame: `"type":"unread","room":"lobby","seq":7`, reply: "ack", reads: true, service: history.ServiceMark},
	{name: "seen", frame: `"type":"seen","room":"lobby"`, reply: "ack", reads: true, service: history.ServiceMark},
	{name: "seen all", frame: `"type":"seen"`, reply: "ack", service: history.ServiceMark},
	{name: "ping", frame: `"type":"ping"`, reply: "ack"},
}

// answers returns what came in answer to commands with this id.
func (c *client) answers(id string) (got []frameOf) {
	c.r.t.Helper()
	for _, f := range c.all() {
		if f.ID == id && f.Type != "notice" && f.Type != "msg" {
			got = append(got, f)
		}
	}
	return got
}

// TestEachCommandIsAnsweredOnce: with an id, once; without one, not at all.
func TestEachCommandIsAnsweredOnce(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		for i, c := range commands {
			ann := r.login("ann")
			ann.enter("lobby")
			id := fmt.Sprint("id", i)
			ann.say(`{"id":%q,%s}`, id, strings.Replace(c.frame, `"msg_id":"m"`, `"msg_id":"`+id+`"`, 1))
			r.pass(time.Second)
			if got := ann.answers(id); len(got) != 1 || got[0].Type != c.reply {
				t.Errorf("%s: answered with %+v, want one %s", c.name, got, c.reply)
			}
			ann.say(`{%s}`, strings.Replace(c.frame, `"msg_id":"m"`, `"msg_id":"again`+id+`"`, 1))
			r.pass(time.Second)
			for _, f := range ann.all() {
				// Answers of these say more than that it was done.
				if f.Type == "error" || f.ID == "" && f.Type == "ack" {
					t.Errorf("%s without an id: answered with %s", c.name, f.raw)
				}
			}
		}
	})
}

// TestRefusedCommands: each command is refused once, with the code that says why, and the session
// goes on.
func TestRefusedCommands(t *testing.T) {
	down := errors.New("the store is down")
	for _, why := range []struct {
		name, code string
		in         bool // the room is joined
		access     directory.Access
		fails      bool // the command's service fails
		applies    func(i int) bool
	}{
		{"not joined", chat.CodeNotJoined, false, member, false, func(i int) bool { return commands[i].joined }},
		{"may not write", chat.CodeForbidden, true, directory.Access{Read: true}, false, func(i int) bool { return commands[i].writes }},
		{"may not read", chat.CodeForbidden, false, directory.Access{}, false, func(i int) bool { return commands[i].reads }},
		{"the service fails", chat.CodeInternal, true, member, true, func(i int) bool { return commands[i].service != "" }},
	} {
		t.Run(why.name, func(t *testing.T) {
			rigged(t, 1, func(r *rig) {
				r.access[[2]string{"ann", "lobby"}] = why.access
				for i, c := range commands {
					ann := r.login("ann")
					if why.in {
						ann.enter("lobby")
					}
					if why.fails {
						r.fail(c.service, down)
					}
					ann.say(`{"id":"x",%s}`, c.frame)
					r.fail(c.service, nil)
					got := ann.answers("x")
					want := why.code
					if c.joined && !why.in {
						want = chat.CodeNotJoined
					}
					switch {
					case !why.applies(i) && want == why.code:
						if len(got) != 1 || got[0].Type != c.reply {
							t.Errorf("%s: %+v, want one %s", c.name, got, c.reply)
						}
					case len(got) != 1 || got[0].Type != "error" || got[0].Code != want:
						t.Errorf("%s: %+v, want one error %s", c.name, got, want)
					}
					ann.say(`{"type":"ping","id":"p"}`)
					if got := ann.answers("p"); len(got) != 1 || got[0].Type != "ack" {
						t.Errorf("%s: then a ping is answered with %+v", c.name, got)
					}
				}
			})
		})
	}
}

// TestCommandsWithoutABus: while the bus is away each command that needs it is refused as
// unavailable in its time, and works when it is back.
func TestCommandsWithoutABus(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		r.server.Down()
		asked := map[string]string{}
		for i, c := range commands {
			if c.service != "" || c.name == "send" {
				asked[fmt.Sprint("id", i)] = c.name
				ann.say(`{"id":"id%d",%s}`, i, c.frame)
			}
		}
		ann.say(`{"id":"j","type":"join","room":"another"}`)
		asked["j"] = "join"
		r.pass(bus.AppendTimeout + time.Second)
		for _, f := range ann.all() {
			if asked[f.ID] == "" || f.Type != "error" || f.Code != chat.CodeUnavailable || f.RetryAfterMS == 0 {
				t.Errorf("%s: %s", asked[f.ID], f.raw)
			}
			delete(asked, f.ID)
		}
		if len(asked) > 0 {
			t.Errorf("not answered: %v", asked)
		}
		r.server.Up()
		r.pass(time.Second)
		ann.all()
		ann.enter("another")
		ann.say(`{"type":"send","id":"s","room":"lobby","msg_id":"m","text":"x"}`)
		if got := ann.answers("s"); len(got) != 1 || got[0].Type != "ack" || got[0].Seq == 0 {
			t.Errorf("a send with the bus back: %+v", got)
		}
	})
}

// TestSend: the order, the own message, a repeat, the log's refusals and the limits of a send.
func TestSend(t *testing.T) {
	riggedWith(t, 2, func(o *Options) { o.Sends.Pending = 3; o.Sends.Text = 10 }, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		ann.enter("lobby")
		bob.enter("lobby")
		for i := range 4 {
			ann.write(`{"type":"send","id":"s%d","room":"lobby","msg_id":"m%d","text":"x"}`, i, i)
		}
		r.settle()
		var acked []uint64
		for _, f := range ann.all() {
			switch {
			case f.Type == "ack":
				acked = append(acked, f.Seq)
			case f.Type == "error" && (f.ID != "s3" || f.Code != chat.CodeTooMany || f.MsgID != "m3" || f.RetryAfterMS == 0):
				t.Errorf("told %s", f.raw)
			}
		}
		var got []uint64
		prev := uint64(0)
		for i, f := range bob.all() {
			if f.ID != fmt.Sprint("m", i) || f.User != "ann" || i > 0 && f.Prev != prev {
				t.Errorf("the other got %s", f.raw)
			}
			prev = f.Seq
			got = append(got, f.Seq)
		}
		if fmt.Sprint(acked) != fmt.Sprint(got) || len(got) != 3 {
			t.Errorf("acknowledged %v, delivered %v", acked, got)
		}
		ann.say(`{"type":"send","id":"again","room":"lobby","msg_id":"m1","text":"x"}`)
		if f := ann.want("ack", "again"); f.Seq != got[1] {
			t.Errorf("a repeat is acknowledged with %d, not %d", f.Seq, got[1])
		}
		bob.quiet()
		ann.say(`{"type":"send","id":"long","room":"lobby","msg_id":"l","text":"12345678901"}`)
		ann.refused("long", chat.CodeTooLarge)
		for i := range 3 {
			ann.write(`{"type":"send","id":"w%d","room":"lobby","msg_id":"w%d","text":"1234567890"}`, i, i)
		}
		ann.say(`{"type":"send","id":"long","room":"lobby","msg_id":"l","text":"12345678901"}`)
		if f := answered(ann.all(), "long"); f.Code != chat.CodeTooLarge {
			t.Errorf("a long one behind as many as may wait: %+v", f)
		}
		bob.all()
		ann.say(`{"type":"send","id":"own","room":"u-ann","msg_id":"o","text":"x"}`)
		ann.refused("own", chat.CodeForbidden)
		for err, code := range map[error]string{
			bus.ErrFull: chat.CodeUnavailable, bus.ErrTooLarge: chat.CodeTooLarge, errors.New("what is this"): chat.CodeInternal,
		} {
			r.server.Fail(func(call, _ string) error {
				if call == "Append" {
					return err
				}
				return nil
			})
			ann.say(`{"type":"send","id":"s","room":"lobby","msg_id":"f","text":"x"}`)
			ann.refused("s", code)
		}
		r.server.Fail(nil)
		ann.say(`{"type":"send","id":"s","room":"lobby","msg_id":"f","text":"x"}`)
		if got := ann.answers("s"); len(got) != 1 || got[0].Type != "ack" {
			t.Errorf("after errors: %+v", got)
		}
		bob.want("msg", "f")
	})
}

// TestRates: what is above the rate is refused and counts as a violation; too many of these end the
// connection.
func TestRates(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Rate, o.Burst, o.Session.UserRate, o.Session.UserBurst = 10, 3, 10, 1000 }, func(r *rig) {
		ann := r.login("ann")
		ann.say(`{"type":"ping","id":"1"}`)
		ann.want("ack", "1")
		ann.say(`{"type":"ping","id":"2"}`)
		ann.want("ack", "2")
		ann.say(`{"type":"ping","id":"3"}`)
		if f := ann.refused("3", chat.CodeRateLimited); f.RetryAfterMS != 100 {
			t.Errorf("again after %d ms", f.RetryAfterMS)
		}
		time.Sleep(100 * time.Millisecond)
		ann.say(`{"type":"ping","id":"4"}`)
		ann.want("ack", "4")
		for range conn.MaxViolations {
			ann.write(`{"type":"ping"}`)
		}
		r.settle()
		ann.all()
		if ann.code != int(wire.CloseAbuse) {
			t.Errorf("closed with %d", ann.code)
		}
	})
	riggedWith(t, 1, func(o *Options) { o.Session.UserRate, o.Session.UserBurst = 1, 2 }, func(r *rig) {
		one, two, bob := r.login("ann"), r.login("ann"), r.login("bob")
		one.say(`{"type":"ping","id":"1"}`)
		one.want("ack", "1")
		two.say(`{"type":"ping","id":"2"}`)
		two.want("ack", "2")
		one.say(`{"type":"ping","id":"3"}`)
		one.refused("3", chat.CodeRateLimited)
		bob.say(`{"type":"ping","id":"4"}`)
		bob.want("ack", "4")
		if n := one.s.conn.Probe().Violations(one.slot); n != 0 {
			t.Errorf("%d violations for what other sockets have used", n)
		}
	})
}

// TestViolationsAreTakenBack: who heeds the limits in between is not closed, however often they
// were broken in all.
func TestViolationsAreTakenBack(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Rate, o.Burst = 10, 1 }, func(r *rig) {
		ann := r.login("ann")
		for range 3 * conn.MaxViolations {
			time.Sleep(110 * time.Millisecond)
			ann.write(`{"type":"ping"}`) // within the rate
			ann.write(`{"type":"ping"}`) // above it
		}
		r.settle()
		// all that were above the rate are answered
		if n := len(ann.all()); n != 3*conn.MaxViolations || ann.code != 0 {
			t.Errorf("%d answers, closed with %d", n, ann.code)
		}
		if n := ann.s.conn.Probe().Violations(ann.slot); n > 1 {
			t.Errorf("%d violations are left", n)
		}
	})
}

// TestRoomLimit: a socket is in so many rooms at most, a failed join takes no place, and a left
// room gives one back.
func TestRoomLimit(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Rooms.Rooms = 2 }, func(r *rig) {
		r.access[[2]string{"ann", "secret"}] = directory.Access{}
		ann := r.login("ann")
		ann.enter("one")
		ann.say(`{"type":"join","id":"j","room":"secret"}`)
		ann.refused("j", chat.CodeForbidden)
		r.server.Fail(func(call, name string) error {
			if call == "Follow" {
				return bus.ErrUnavailable
			}
			return nil
		})
		ann.say(`{"type":"join","id":"j","room":"away"}`)
		ann.refused("j", chat.CodeUnavailable)
		r.server.Fail(nil)
		ann.enter("two")
		ann.say(`{"type":"join","id":"j","room":"three"}`)
		ann.refused("j", chat.CodeTooMany)
		ann.enter("two") // again
		ann.say(`{"type":"leave","id":"l","room":"one"}`)
		ann.want("ack", "l")
		ann.enter("three")
		for _, room := range []string{"one", "two"} {
			ann.say(`{"type":"watch","id":"w","room":%q,"on":true}`, room)
			ann.want("ack", "w")
		}
		ann.say(`{"type":"watch","id":"w","room":"three","on":true}`)
		ann.refused("w", chat.CodeTooMany)
	})
}
