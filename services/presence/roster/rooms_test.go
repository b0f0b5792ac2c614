package roster

import (
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
