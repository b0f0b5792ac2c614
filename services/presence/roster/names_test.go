package roster

import (
	"fmt"
	"slices"
	"testing"

	"hubbub.internal/libs/api/presence"
)

// TestName: a user is called what the session that began last has told, whatever came later of
// older ones.
func TestName(t *testing.T) {
	t.Parallel()
	r := New(func(Seat) {})
	edges := []*Edge{NewEdge(), NewEdge()}
	enter := func(edge int, id uint64, since int64, name string) {
		r.Apply(edges[edge], change(presence.Entered, presence.Session{ID: id, User: "ann", Name: name, Since: since, Rooms: []string{"a"}}))
	}
	want := func(what, name string) {
		t.Helper()
		got, _, _, _ := r.User("ann")
		people, _ := r.Who("a", Cursor{}, 10)
		if got != name || len(people) != 1 || people[0].Name != name {
			t.Errorf("%s she is called %q, and %v in the room; want %q", what, got, people, name)
		}
	}
	enter(0, 1, 10, "Ann")
	want("first", "Ann")
	enter(1, 1, 20, "Anna")
	want("with a later session", "Anna")
	enter(1, 2, 15, "Annie")
	want("with an older one that is told later", "Anna")
	enter(0, 1, 10, "Ann") // a snapshot tells it again
	want("when an older one is told again", "Anna")
	r.Apply(edges[1], &presence.Change{Kind: presence.Exited, ID: 1})
	want("when the later one has ended", "Anna")
	enter(1, 2, 15, "Annabel") // a snapshot of another name
	want("when the latest that is left is told again", "Annabel")
	enter(0, 3, 15, "Annette")
	want("with one that began at the same time", "Annette")
}

// TestShareNow: who has left shares no room, although the watchers of it have not been told yet.
func TestShareNow(t *testing.T) {
	t.Parallel()
	var changed []Seat
	r := New(func(at Seat) { changed = append(changed, at) })
	e := NewEdge()
	for i, user := range []string{"ann", "bob", "cyd"} {
		r.Apply(e, change(presence.Entered, presence.Session{ID: uint64(i), User: user, Rooms: []string{"a"}}))
	}
	for _, at := range changed {
		r.Tell(at)
	}
	if !r.Share("ann", "bob") || !r.Share("bob", "ann") {
		t.Error("they share a room")
	}
	r.Apply(e, &presence.Change{Kind: presence.Left, ID: 1, Room: []byte("a")})
	if going := r.Going("a", 10); len(going) != 1 || going[0].User != "bob" {
		t.Fatalf("going is %v", going)
	}
	if r.Share("ann", "bob") || r.Share("bob", "ann") || !r.Share("ann", "cyd") {
		t.Error("who has left still shares the room")
	}
	if rooms := r.RoomsOf("bob", 10); len(rooms) != 0 {
		t.Errorf("who has left is in %v", rooms)
	}
}

// TestBounds: answers about one user and about those who leave have as many entries as was asked
// for, and no more.
func TestBounds(t *testing.T) {
	t.Parallel()
	var changed []Seat
	r := New(func(at Seat) { changed = append(changed, at) })
	e := NewEdge()
	for i := range uint64(2 * presence.MaxDevices) {
		s := presence.Session{ID: i, User: "ann", Device: fmt.Sprint("d", i), Since: int64(100 - i), Rooms: []string{fmt.Sprint("r", i), "all"}}
		r.Apply(e, change(presence.Entered, s))
		r.Apply(e, change(presence.Entered, presence.Session{ID: 1000 + i, User: fmt.Sprint("u", i), Rooms: []string{"all"}}))
	}
	_, _, _, devices := r.User("ann")
	if len(devices) != presence.MaxDevices || !slices.IsSortedFunc(devices, func(a, b presence.Device) int { return int(a.Since - b.Since) }) ||
		devices[0].Since != 100-2*presence.MaxDevices+1 {
		t.Errorf("%d devices: %v", len(devices), devices)
	}
	for _, limit := range []int{0, 1, 5, 1000} {
		if n := len(r.RoomsOf("ann", limit)); n != min(limit, 2*presence.MaxDevices+1) {
			t.Errorf("%d rooms, at most %d", n, limit)
		}
	}
	for _, at := range changed {
		r.Tell(at)
	}
	r.Drop(e)
	for _, limit := range []int{0, 1, 5, 1000} {
		if n := len(r.Going("all", limit)); n != min(limit, 2*presence.MaxDevices+1) {
			t.Errorf("%d are going, at most %d", n, limit)
		}
	}
	if people, more := r.Who("all", Cursor{}, 0); len(people) != 0 || more {
		t.Errorf("who is %v, more %v", people, more)
	}
}
