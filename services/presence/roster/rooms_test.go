package roster

import (
	"fmt"
	"testing"

	"hubbub.internal/libs/api/presence"
)

// entered is a session that is in rooms.
func entered(id uint64, rooms ...string) *presence.Change {
	c := &presence.Change{Kind: presence.Entered, ID: id, User: []byte("ann"), Name: []byte("Ann"), Device: []byte("web"), Status: presence.Online, Since: 7}
	for _, room := range rooms {
		c.Rooms = append(c.Rooms, []byte(room))
	}
	return c
}

// TestRoomsOfASessionThatIsToldAgain: a session that a snapshot tells again is in just the rooms
// that it tells, and where those are the same, however they are ordered, nothing has changed for
// anybody.
func TestRoomsOfASessionThatIsToldAgain(t *testing.T) {
	all := []string{"a", "b", "c", "d"}
	for _, tt := range []struct {
		name    string
		rooms   []string
		changes bool
	}{
		{"the same", []string{"a", "b", "c", "d"}, false},
		{"in another order", []string{"d", "b", "a", "c"}, false},
		{"none", nil, true},
		{"the first", []string{"a"}, true},
		{"the last", []string{"d"}, true},
		{"others", []string{"e", "b"}, true},
	} {
		changed := 0
		var r *Roster
		r = New(func(at Seat) {
			changed++
			r.Tell(at)
		})
		e := NewEdge()
		r.Apply(e, entered(1, all...))
		digest := e.Digest()
		changed = 0
		r.BeginSnapshot(e)
		r.Apply(e, entered(1, tt.rooms...))
		r.EndSnapshot(e)
		if (changed > 0) != tt.changes {
			t.Errorf("%s: %d changes", tt.name, changed)
		}
		if same := e.Digest() == digest; same == tt.changes {
			t.Errorf("%s: the digest is the same: %v", tt.name, same)
		}
		is := map[string]bool{}
		for _, room := range tt.rooms {
			is[room] = true
		}
		for _, room := range []string{"a", "b", "c", "d", "e"} {
			if got := r.Online(room) == 1; got != is[room] {
				t.Errorf("%s: in %s: %v", tt.name, room, got)
			}
		}
		if e.Count() != 1 {
			t.Errorf("%s: %d sessions", tt.name, e.Count())
		}
		r.BeginSnapshot(e)
		r.EndSnapshot(e) // which has nobody any more
		if n, users, rooms := r.Size(); n+users != 0 || e.Digest() != NewEdge().Digest() {
			t.Errorf("%s: left are %d sessions, %d users, %d rooms", tt.name, n, users, rooms)
		}
	}
}

// TestPageSaysThatThereAreMore: of people who do not fit a page it says that there are some, in
// whichever order the room has them.
func TestPageSaysThatThereAreMore(t *testing.T) {
	for i := range 64 {
		r, e := New(func(Seat) {}), NewEdge()
		for n, name := range []string{"a", "b"} {
			c := entered(uint64(n+1), "room")
			c.User, c.Name = fmt.Appendf(nil, "u%d-%d", i, (n+i)%2), []byte(name)
			r.Apply(e, c)
		}
		people, more := r.Who("room", Cursor{}, 1)
		if len(people) != 1 || people[0].Name != "a" || !more {
			t.Errorf("%d: %+v, more %v", i, people, more)
		}
		people, more = r.Who("room", Cursor{Name: people[0].Name, User: people[0].User}, 1)
		if len(people) != 1 || people[0].Name != "b" || more {
			t.Errorf("%d, the second page: %+v, more %v", i, people, more)
		}
	}
}

// TestSetGivesMemoryBack: a set that was large and is not any more takes no more than it needs.
func TestSetGivesMemoryBack(t *testing.T) {
	var s set[uint64]
	hash := mixBits
	const n = 10_000
	for i := range uint64(n) {
		s.add(i+1, hash)
	}
	for i := range uint64(n - 3) {
		s.remove(s.find(hash(i+1), func(e uint64) bool { return e == i+1 }), hash)
	}
	if s.n != 3 || len(s.slots) > 16 {
		t.Errorf("%d values in %d slots", s.n, len(s.slots))
	}
	for i := uint64(n - 3); i < n; i++ {
		if s.find(hash(i+1), func(e uint64) bool { return e == i+1 }) < 0 {
			t.Errorf("%d is not found", i+1)
		}
	}
}
