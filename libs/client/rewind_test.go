package client_test

import (
	"slices"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// TestRewind: the server loses the tail of its log, and gets a part of it again with other seqs.
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

// TestRewindRegrown: the log loses its tail and grows past the client's position while that is
// away: only the id of the position gives it away.
func TestRewindRegrown(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", numbers(1, 5)...)
	ann.reads(numbers(1, 5)...)
	s.do(func() { s.status = 503 })
	s.cut()
	s.do(func() { s.rooms["lobby"] = s.rooms["lobby"][:2] })
	s.post("lobby", numbers(11, 19)...)
	s.do(func() { s.status = 0 })
	eventually(t, func() bool { return len(ann.events("joined")) == 1 }, func() any { return ann.texts() })
	s.post("lobby", "20")
	ann.reads("1", "2", "3", "4", "5", "20")
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

// TestRewindUnasked: the server says by itself that the log of a room that is live was rewound:
// what comes next follows on an entry before the last that was delivered, and all of it counts.
func TestRewindUnasked(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	s.post("lobby", numbers(1, 5)...)
	ann.reads(numbers(1, 5)...)
	s.do(func() {
		s.rooms["lobby"] = s.rooms["lobby"][:3]
		for k := range s.socks {
			k.say(wire.AppendJoined(nil, "", "lobby", s.rooms["lobby"][2].Seq, false, true))
		}
	})
	eventually(t, func() bool { return len(ann.events("joined")) == 1 }, nil)
	s.post("lobby", "6", "7")
	ann.reads("1", "2", "3", "4", "5", "6", "7")
	if joins := len(ann.events("joined")); joins != 1 {
		t.Errorf("told of %d rewinds", joins)
	}
}

// TestReset: the log begins anew: nothing before the reset comes, and that is no gap.
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

// TestHoleInReplay has a log whose entries name one before them that it does not have: what it has
// is delivered.
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
