package client_test

import (
	"fmt"
	"slices"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
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

// TestResumeWithoutEntry loses the connection before any entry came: what is then missed comes all
// the same.
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

// TestCloseWhileHandling: what the position stands behind has been handled when Close returns.
func TestCloseWhileHandling(t *testing.T) {
	s := newServer(t)
	s.post("lobby", numbers(1, 3)...)
	cfg := quick(s, "ann")
	first, release := make(chan struct{}), make(chan struct{})
	var got []string
	cfg.Handle = func(e wire.Event) {
		if e.Type != "msg" {
			return
		}
		if got = append(got, e.Text); e.Text == "5" {
			close(first)
			<-release
		}
	}
	at := wire.Position{Seq: s.rooms["lobby"][2].Seq, ID: s.rooms["lobby"][2].ID}
	var next []wire.Event
	s.do(func() {
		for _, text := range numbers(4, 6) {
			next = append(next, s.entry("lobby", "bob", chat.NewID(), text))
			s.rooms["lobby"] = append(s.rooms["lobby"], next[len(next)-1])
		}
	})
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Join {
			return false
		}
		// The log has lost the first one, so joined delivers the others together.
		k.event(next[1])
		k.event(next[2])
		k.say(wire.AppendJoined(nil, c.ID, "lobby", next[2].Seq, false, false))
		return true
	})
	c, err := client.Dial(soon(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		_, _ = c.Join(soon(t), "lobby", &at)
	}()
	select {
	case <-first:
	case <-soon(t).Done():
		t.Fatal("nothing was delivered")
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		c.Close()
	}()
	<-c.Done()
	close(release)
	<-closed
	<-joined
	if !slices.Equal(got, numbers(5, 6)) {
		t.Errorf("handled %q before Close returned", got)
	}
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

// TestLiveBeforeJoined: an entry comes that joined does not count.
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

// TestFlood: more live entries come before joined than a client keeps.
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

// TestRepeats: the server says things twice.
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

// TestRoomsComeBack shows that what was asked for on one connection holds on the next: the status
// first, so that no room sees another.
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
	var seen []string
	s.script(func(_ *sock, c *wire.Command) bool {
		seen = append(seen, fmt.Sprint(c.Kind, " ", string(c.Room), string(c.Status)))
		return false
	})
	s.cut()
	for _, want := range []string{"join one", "join two", "watch two", "status dnd"} {
		eventually(t, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return slices.Contains(seen, want)
		}, func() any { return want })
	}
	s.do(func() {
		if at := slices.Index(seen, "status dnd"); at != slices.Index(seen, "hello ")+1 {
			t.Errorf("said %q", seen)
		}
	})
}
