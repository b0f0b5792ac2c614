package client_test

import (
	"slices"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

func TestTalk(t *testing.T) {
	s := newServer(t)
	ann, bob := dial(t, quick(s, "ann")), dial(t, quick(s, "bob"))
	if w := ann.Welcome(); w.User != "ann" || w.PingMS != 25000 {
		t.Errorf("welcome is %+v", w)
	}
	ann.join("lobby")
	bob.join("lobby")
	first := ann.send("lobby", "hello \"bob\" 😀\n")
	if second := bob.send("lobby", "hello ann"); second <= first {
		t.Errorf("seq %d after %d", second, first)
	}
	for _, p := range []*person{ann, bob} {
		p.reads("hello \"bob\" 😀\n", "hello ann")
	}
	if err := bob.Leave(soon(t), "lobby"); err != nil {
		t.Fatal(err)
	}
	ann.send("lobby", "bob?")
	ann.reads("hello \"bob\" 😀\n", "hello ann", "bob?")
	if _, err := bob.Send(soon(t), "lobby", "x"); chat.CodeOf(err) != chat.CodeNotJoined {
		t.Errorf("a send to a room that was left: %v", err)
	}
}

func TestCalls(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	ann.send("lobby", "one")
	ctx := soon(t)
	var got []wire.Command
	s.script(func(_ *sock, c *wire.Command) bool {
		got = append(got, wire.Command{Kind: c.Kind, On: c.On, Seq: c.Seq, Before: c.Before, After: c.After, Around: c.Around, Limit: c.Limit,
			Target: slices.Clone(c.Target), Author: slices.Clone(c.Author), Emoji: slices.Clone(c.Emoji), Text: slices.Clone(c.Text), Status: slices.Clone(c.Status), Next: slices.Clone(c.Next)})
		return false
	})
	for name, call := range map[string]func() (wire.Event, error){
		"edit":   func() (wire.Event, error) { return ann.Edit(ctx, "lobby", "m1", "x") },
		"delete": func() (wire.Event, error) { return ann.Delete(ctx, "lobby", client.Name{User: "bob", ID: "m1"}) },
		"react": func() (wire.Event, error) {
			return ann.React(ctx, "lobby", client.Name{User: "bob", ID: "m1"}, "👍", true)
		},
		"pin": func() (wire.Event, error) { return ann.Pin(ctx, "lobby", client.Name{User: "bob", ID: "m1"}, false) },
	} {
		if ack, err := call(); err != nil || ack.Seq != 77 {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
	}
	page, err := ann.History(ctx, "lobby", client.Query{After: 5, Limit: 10})
	if err != nil || len(page.Messages) != 1 || page.Messages[0].Text != "one" || !page.More {
		t.Errorf("history: %+v, %v", page, err)
	}
	who, err := ann.Who(ctx, "lobby", "bob")
	if err != nil || who.Count != 2 || len(who.Users) != 1 || who.Users[0].Status != "dnd" || who.Next != "ada" {
		t.Errorf("who: %+v, %v", who, err)
	}
	if d, err := ann.Ping(ctx); err != nil || d <= 0 {
		t.Errorf("ping: %v, %v", d, err)
	}
	for _, err := range []error{ann.Typing(ctx, "lobby"), ann.Read(ctx, "lobby", 9), ann.Watch(ctx, "lobby", true), ann.Status(ctx, "idle")} {
		if err != nil {
			t.Error(err)
		}
	}
	want := map[wire.Kind]func(c wire.Command) bool{
		wire.Edit: func(c wire.Command) bool {
			return string(c.Target) == "m1" && string(c.Author) == "ann" && string(c.Text) == `"x"`
		},
		wire.Delete:  func(c wire.Command) bool { return string(c.Target) == "m1" && string(c.Author) == "bob" },
		wire.React:   func(c wire.Command) bool { return string(c.Emoji) == "👍" && c.On && string(c.Author) == "bob" },
		wire.Pin:     func(c wire.Command) bool { return !c.On && string(c.Author) == "bob" },
		wire.Who:     func(c wire.Command) bool { return string(c.Next) == "bob" },
		wire.History: func(c wire.Command) bool { return c.After == 5 && c.Limit == 10 },
		wire.Ping:    func(wire.Command) bool { return true },
		wire.Typing:  func(wire.Command) bool { return true },
		wire.Read:    func(c wire.Command) bool { return c.Seq == 9 },
		wire.Watch:   func(c wire.Command) bool { return c.On },
		wire.Status:  func(c wire.Command) bool { return string(c.Status) == "idle" },
	}
	s.do(func() {
		for i := range got {
			if check := want[got[i].Kind]; check == nil || !check(got[i]) {
				t.Errorf("the client said %s with other fields", got[i].Kind)
			}
			delete(want, got[i].Kind)
		}
	})
	if len(want) > 0 {
		t.Errorf("%d commands were not said", len(want))
	}
}

func TestEventsAreHandled(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	s.do(func() {
		for k := range s.socks {
			k.say(wire.AppendTyping(nil, "lobby", "bob", []byte(`"Bob"`)))
			k.say(wire.AppendRead(nil, "lobby", "bob", 5))
			k.say([]byte(`{"type":"presence","room":"lobby","users":[],"count":3}`))
			k.say(wire.AppendNotice(nil, "", "lobby", "users", "nobody", 0, nil))
			k.say(wire.AppendError(nil, "", chat.E("bad_json", "x"), "", ""))
			k.say([]byte(`{"type":"sparkle","room":"lobby"}`)) // of a later release: ignored
			k.say([]byte(`{"type":"ack","id":"zzz"}`))         // nobody waits for it
			k.say([]byte(`{"type":"msg","room":"elsewhere","id":"m","user":"x","seq":5,"text":"not joined"}`))
			k.say(wire.AppendBye(nil, wire.CloseDrain, "bye", 1))
		}
	})
	want := []string{"typing", "read", "presence", "notice", "error", "bye"}
	eventually(t, func() bool { return len(ann.events("")) >= len(want) }, nil)
	var got []string
	for _, e := range ann.events("") {
		got = append(got, e.Type)
	}
	if !slices.Equal(got, want) {
		t.Errorf("handled %q, want %q", got, want)
	}
}
