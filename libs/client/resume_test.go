package client_test

import (
	"fmt"
	"slices"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

func numbers(from, to int) (texts []string) {
	for i := from; i <= to; i++ {
		texts = append(texts, fmt.Sprint(i))
	}
	return texts
}

// TestResume has a client miss more than one join replays, and the own sends go on meanwhile.
func TestResume(t *testing.T) {
	s := newServer(t)
	s.page = 10
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", "0")
	ann.reads("0")
	s.do(func() { s.status = 503 }) // the client stays out until it has missed all
	s.cut()
	s.post("lobby", numbers(1, 35)...)
	s.do(func() { s.status = 0 })
	ann.reads(numbers(0, 35)...)
	ann.send("lobby", "36")
	ann.reads(numbers(0, 36)...)
	checkPrev(t, ann)
}

// checkPrev shows that the delivered messages are a run of the log.
func checkPrev(t *testing.T, p *person) {
	t.Helper()
	var last wire.Event
	for _, e := range p.events("msg") {
		if last.Seq != 0 && e.Prev != last.Seq {
			t.Errorf("%d follows %d, and was delivered after %d", e.Seq, e.Prev, last.Seq)
		}
		last = e
	}
}

// TestResumeWithoutEntry loses the connection before any entry came: what is then missed comes all the same.
func TestResumeWithoutEntry(t *testing.T) {
	for _, before := range []int{0, 3} {
		s := newServer(t)
		s.post("lobby", numbers(1, before)...)
		ann := dial(t, quick(s, "ann"))
		ann.join("lobby")
		s.do(func() { s.status = 503 })
		s.cut()
		s.post("lobby", "missed")
		s.do(func() { s.status = 0 })
		ann.reads("missed")
	}
}

func TestJoinAfter(t *testing.T) {
	s := newServer(t)
	s.page = 10
	s.post("lobby", numbers(1, 30)...)
	var at wire.Position
	s.do(func() { at = wire.Position{Seq: s.rooms["lobby"][4].Seq, ID: s.rooms["lobby"][4].ID} })
	ann := dial(t, quick(s, "ann"))
	joined := ann.joinAfter("lobby", &at)
	if got := ann.texts(); !slices.Equal(got, numbers(6, 30)) { // delivered before Join returned
		t.Errorf("delivered %q", got)
	}
	p, ok := ann.Position("lobby")
	if last := s.rooms["lobby"][29]; !ok || p.Seq != last.Seq || p.ID != last.ID || joined.Seq != p.Seq {
		t.Errorf("the position is %+v, %v, joined %d", p, ok, joined.Seq)
	}
	// From the start of the log, a second time.
	ann.joinAfter("lobby", &wire.Position{})
	if got := ann.texts(); !slices.Equal(got, append(numbers(6, 30), numbers(1, 30)...)) {
		t.Errorf("delivered %q", got)
	}
	if _, ok := ann.Position("elsewhere"); ok {
		t.Error("there is a position in a room that was not joined")
	}
}

// TestGap has entries not delivered live: the next one uncovers it.
func TestGap(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", "1")
	s.do(func() {
		for _, text := range []string{"2", "3"} { // stored, and not told
			s.rooms["lobby"] = append(s.rooms["lobby"], s.entry("lobby", "bob", chat.NewID(), text))
		}
	})
	s.post("lobby", "4", "5")
	ann.reads(numbers(1, 5)...)
	s.post("lobby", "6")
	ann.reads(numbers(1, 6)...)
	checkPrev(t, ann)
}

// TestLiveDuringJoin has live entries come between a join and its replay.
func TestLiveDuringJoin(t *testing.T) {
	s := newServer(t)
	s.post("lobby", numbers(1, 3)...)
	ann := dial(t, quick(s, "ann"))
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind == wire.Join {
			k.joined["lobby"] = true
			s.on = nil
			s.store("lobby", "bob", chat.NewID(), "4") // told before the replay
			s.answer(k, c)
			return true
		}
		return false
	})
	ann.joinAfter("lobby", &wire.Position{})
	s.post("lobby", "5")
	ann.reads(numbers(1, 5)...)
	checkPrev(t, ann)
}

// TestLiveBeforeJoined has an entry come that joined does not count.
func TestLiveBeforeJoined(t *testing.T) {
	s := newServer(t)
	s.post("lobby", "1")
	ann := dial(t, quick(s, "ann"))
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Join {
			return false
		}
		head := s.rooms["lobby"][0].Seq
		k.joined["lobby"] = true
		s.store("lobby", "bob", chat.NewID(), "2")
		k.say(wire.AppendJoined(nil, c.ID, "lobby", head, false, false))
		return true
	})
	ann.join("lobby")
	s.post("lobby", "3")
	ann.reads("2", "3")
}

// TestFlood has more live entries come before joined than a client keeps.
func TestFlood(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Join {
			return false
		}
		s.on = nil
		k.joined["lobby"] = true
		for _, text := range numbers(1, 2500) {
			s.store("lobby", "bob", chat.NewID(), text)
		}
		k.say(wire.AppendJoined(nil, c.ID, "lobby", 0, false, false))
		return true
	})
	ann.join("lobby")
	ann.reads(numbers(1, 2500)...)
	checkPrev(t, ann)
}

// TestRepeats has the server say things twice.
func TestRepeats(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", "1", "2", "3")
	s.do(func() {
		for _, e := range slices.Clone(s.rooms["lobby"]) {
			s.tell(e)
		}
		// The same message once more in the log, as a retry after the window for repeats puts it.
		again := s.entry("lobby", s.rooms["lobby"][0].User, s.rooms["lobby"][0].ID, "1")
		s.rooms["lobby"] = append(s.rooms["lobby"], again)
		s.tell(again)
	})
	s.post("lobby", "4")
	ann.reads("1", "2", "3", "4")
	p, _ := ann.Position("lobby")
	s.do(func() {
		if last := s.rooms["lobby"][4]; p.Seq != last.Seq {
			t.Errorf("the position is %d, want %d", p.Seq, last.Seq)
		}
	})
	// Another's message may have the same id.
	s.do(func() { s.store("lobby", "carol", s.rooms["lobby"][0].ID, "5") })
	ann.reads("1", "2", "3", "4", "5")
}

// TestRewind has the server lose the tail of its log, and get a part of it again with other seqs.
func TestRewind(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", numbers(1, 5)...)
	ann.reads(numbers(1, 5)...)
	var lost wire.Event
	s.do(func() {
		lost = s.rooms["lobby"][4]
		s.rooms["lobby"] = s.rooms["lobby"][:2]
	})
	s.cut()
	eventually(t, func() bool { return len(ann.events("joined")) == 1 }, nil)
	if e := ann.events("joined")[0]; !e.Rewind || e.Room != "lobby" {
		t.Errorf("told of %+v", e)
	}
	s.do(func() { s.store("lobby", lost.User, lost.ID, lost.Text) })
	s.post("lobby", "6")
	ann.reads("1", "2", "3", "4", "5", "5", "6")
}

// TestRewindWhileLive has another entry stand where one was delivered.
func TestRewindWhileLive(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", numbers(1, 5)...)
	ann.reads(numbers(1, 5)...)
	s.do(func() { s.rooms["lobby"] = s.rooms["lobby"][:3] })
	s.post("lobby", "other")
	eventually(t, func() bool { return len(ann.events("joined")) == 1 }, nil)
	s.post("lobby", "6")
	ann.reads("1", "2", "3", "4", "5", "6")
}

// TestReset has the log begin anew: nothing before the reset comes, and that is no gap.
func TestReset(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", "1")
	ann.reads("1")
	s.do(func() {
		for range 3 {
			s.rooms["lobby"] = append(s.rooms["lobby"], s.entry("lobby", "bob", chat.NewID(), "gone"))
		}
		e := s.entry("lobby", "", chat.NewID(), "")
		e.Type = chat.TypeReset
		s.rooms["lobby"] = append(s.rooms["lobby"], e)
		s.tell(e)
	})
	s.post("lobby", "2")
	ann.reads("1", "2")
	if n := len(ann.events("reset")); n != 1 {
		t.Errorf("%d resets were delivered", n)
	}
}

// TestHoleInReplay has a log whose entries name one before them that it does not have: what it has is delivered.
func TestHoleInReplay(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", numbers(1, 4)...)
	ann.reads(numbers(1, 4)...)
	s.do(func() { s.status = 503 })
	s.cut()
	s.post("lobby", numbers(5, 9)...)
	s.do(func() {
		s.rooms["lobby"] = slices.Delete(s.rooms["lobby"], 5, 7) // 6 and 7
		s.status = 0
	})
	ann.reads("1", "2", "3", "4", "5", "8", "9")
	s.post("lobby", "10")
	ann.reads("1", "2", "3", "4", "5", "8", "9", "10")
}

// TestUnknownEntries shows that an entry of a type that a newer release adds keeps its place.
func TestUnknownEntries(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.do(func() {
		e := s.entry("lobby", "bob", chat.NewID(), "")
		e.Type = "sparkle"
		s.rooms["lobby"] = append(s.rooms["lobby"], e)
		s.tell(e)
	})
	s.post("lobby", "1")
	ann.reads("1")
	if n := len(ann.events("sparkle")); n != 1 {
		t.Errorf("%d entries of an unknown type were delivered", n)
	}
}

// TestOwnRoom resumes the room that the server joins by itself.
func TestOwnRoom(t *testing.T) {
	s := newServer(t)
	own := chat.UserRoom("ann")
	ann := dial(t, quick(s, "ann"))
	invite := func(text string) {
		s.do(func() {
			for k := range s.socks {
				k.joined[own] = true
			}
			s.store(own, "", chat.NewID(), text)
		})
	}
	invite("1")
	ann.reads("1")
	s.do(func() { s.status = 503 })
	s.cut()
	invite("2")
	s.do(func() { s.status = 0 })
	ann.reads("1", "2")
	invite("3")
	ann.reads("1", "2", "3")
}

func TestJoinRefused(t *testing.T) {
	s := newServer(t)
	refuse := func(k *sock, c *wire.Command) bool {
		if c.Kind == wire.Join && string(c.Room) == "secret" {
			k.refuse(c, chat.E(chat.CodeForbidden, "no"))
			return true
		}
		return false
	}
	s.script(refuse)
	ann := dial(t, quick(s, "ann"))
	if _, err := ann.Join(soon(t), "secret", nil); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("join: %v", err)
	}
	if _, err := ann.Join(soon(t), "../x", nil); chat.CodeOf(err) != chat.CodeBadRequest {
		t.Errorf("join: %v", err)
	}
	// Removed from the room while away.
	s.script(nil)
	ann.join("secret")
	s.script(refuse)
	s.cut()
	eventually(t, func() bool { return len(ann.events("error")) > 0 }, nil)
	if e := ann.events("error")[0]; e.Room != "secret" || e.Code != chat.CodeForbidden || chat.CodeOf(e.Err()) != chat.CodeForbidden {
		t.Errorf("told of %+v", e)
	}
	if _, ok := ann.Position("secret"); ok {
		t.Error("the room is still joined")
	}
}

// TestJoinIsRepeated has joins fail in ways that pass.
func TestJoinIsRepeated(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.ReplyTimeout = 50_000_000
	ann := dial(t, cfg)
	n := 0
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Join {
			return false
		}
		switch n++; n {
		case 1:
			k.refuse(c, chat.Unavailable("away", 1_000_000))
		case 2: // no answer
		case 3:
			_ = k.conn.Close()
		default:
			return false
		}
		return true
	})
	ann.join("lobby")
	s.post("lobby", "1")
	ann.reads("1")
}

// TestRoomsComeBack shows that what was asked for on one connection holds on the next.
func TestRoomsComeBack(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("one")
	ann.join("two")
	if err := ann.Watch(soon(t), "two", true); err != nil {
		t.Fatal(err)
	}
	if err := ann.Status(soon(t), "dnd"); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	s.script(func(_ *sock, c *wire.Command) bool {
		seen[fmt.Sprint(c.Kind, " ", string(c.Room), string(c.Status))] = true
		return false
	})
	s.cut()
	for _, want := range []string{"join one", "join two", "watch two", "status dnd"} {
		eventually(t, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return seen[want]
		}, func() any { return want })
	}
}
