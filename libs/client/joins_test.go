package client_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// many are the positions from which n rooms are joined.
func many(n int) (rooms []client.RoomAt) {
	for i := range n {
		rooms = append(rooms, client.RoomAt{Room: fmt.Sprint("room", i)})
	}
	return rooms
}

// TestJoinAll: a client in 500 rooms loses its connection and comes back: the joins are five
// messages each time where the server takes 100 rooms in one, fewer rooms where its messages are
// short, and 500 messages where it is of an earlier release. What was missed comes, in each room.
func TestJoinAll(t *testing.T) {
	for name, tt := range map[string]struct {
		limits      wire.Limits
		least, most int // messages
	}{
		"lists":            {wire.Limits{Frame: 64 << 10, Joins: 100}, 5, 5},
		"short messages":   {wire.Limits{Frame: 2 << 10, Joins: 100}, 6, 50},
		"earlier releases": {wire.Limits{Frame: 64 << 10}, 500, 500},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.limits = tt.limits
			const rooms = 500
			ann := dial(t, quick(s, "ann"))
			for _, j := range ann.JoinAll(soon(t), many(rooms)) {
				if j.Err != nil || j.Event.Room != j.Room {
					t.Fatalf("%+v", j)
				}
			}
			check := func(when string) {
				t.Helper()
				s.do(func() {
					sum := 0
					for _, n := range s.joins {
						sum += n
					}
					if n := len(s.joins); n < tt.least || n > tt.most || sum != rooms {
						t.Errorf("%s: %d messages join %d rooms", when, n, sum)
					}
					s.joins = nil
				})
			}
			check("at first")
			s.do(func() { s.status = 503 })
			s.cut()
			for i := range rooms {
				s.post(fmt.Sprint("room", i), fmt.Sprint(i))
			}
			s.do(func() { s.status = 0 })
			eventually(t, func() bool { return len(ann.texts()) == rooms }, func() any { return len(ann.texts()) })
			got := ann.texts()
			slices.Sort(got)
			want := numbers(0, rooms-1)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("delivered %q", got)
			}
			check("back again")
		})
	}
}

// TestJoinAllOfBadRooms: a room that is refused, and one that no room is called, harm no other.
func TestJoinAllOfBadRooms(t *testing.T) {
	s := newServer(t)
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Join || string(c.Room) != "secret" {
			return false
		}
		k.refuse(c, chat.E(chat.CodeForbidden, "no"))
		return true
	})
	ann := dial(t, quick(s, "ann"))
	var got []string
	for _, j := range ann.JoinAll(soon(t), []client.RoomAt{{Room: "a"}, {Room: "secret"}, {Room: "a b"}, {Room: "b", After: &wire.Position{}}}) {
		code := ""
		if j.Err != nil {
			code = chat.CodeOf(j.Err)
		}
		got = append(got, j.Room+" "+code)
	}
	if want := "a /secret forbidden/a b bad_request/b "; strings.Join(got, "/") != want {
		t.Errorf("joined %q, want %q", got, want)
	}
	s.post("a", "1")
	ann.reads("1")
	s.post("b", "2")
	ann.reads("1", "2")
	if _, ok := ann.Position("secret"); ok {
		t.Error("the client keeps a room that was refused")
	}
}

// TestJoinAllUnanswered: a server loses a list of joins: they are said again, alone.
func TestJoinAllUnanswered(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.ReplyTimeout = 300 * time.Millisecond
	lost := 0
	s.script(func(_ *sock, c *wire.Command) bool {
		if c.Kind == wire.Join && lost < 3 {
			lost++
			return true
		}
		return false
	})
	ann := dial(t, cfg)
	for _, j := range ann.JoinAll(soon(t), many(3)) {
		if j.Err != nil {
			t.Errorf("%+v", j)
		}
	}
	s.do(func() {
		// more where the machine is slow
		if len(s.joins) < 4 || s.joins[0] != 3 || slices.Max(s.joins[1:]) != 1 {
			t.Errorf("joined by %v", s.joins)
		}
	})
	ann.Close()
	if j := ann.JoinAll(soon(t), many(1)); j[0].Err == nil {
		t.Error("a client that is closed joins rooms")
	}
}
