package roster

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"hubbub.internal/libs/api/presence"
)

// truth is the roster as anybody would write it: sessions in a map, and every answer by looking at
// all of them.
type truth map[key]presence.Session

type key struct {
	edge int
	id   uint64
}

func (tr truth) status(user string) presence.Status {
	has := map[presence.Status]bool{}
	for _, s := range tr {
		if s.User == user {
			has[s.Status] = true
		}
	}
	for _, st := range []presence.Status{presence.Invisible, presence.DND, presence.Online, presence.Idle} {
		if has[st] {
			if st == presence.Invisible {
				return presence.Offline
			}
			return st
		}
	}
	return presence.Offline
}

func (tr truth) who(room string) []presence.Person {
	found := map[string]presence.Person{}
	for _, s := range tr {
		if st := tr.status(s.User); st != presence.Offline && slices.Contains(s.Rooms, room) {
			found[s.User] = presence.Person{User: s.User, Name: s.Name, Status: st}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b presence.Person) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.User, b.User))
	})
}

// ids returns the numbers of the sessions of an edge.
func (tr truth) ids(edge int) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for k := range tr {
			if k.edge == edge && !yield(k.id) {
				return
			}
		}
	}
}

func (tr truth) in(user, room string) bool {
	for _, s := range tr {
		if s.User == user && slices.Contains(s.Rooms, room) {
			return true
		}
	}
	return false
}

func (tr truth) devices(user string) []presence.Device {
	var all []presence.Device
	for _, s := range tr {
		if s.User == user {
			all = append(all, presence.Device{Kind: s.Device, Since: s.Since})
		}
	}
	slices.SortFunc(all, func(a, b presence.Device) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

func change(kind presence.ChangeKind, s presence.Session) *presence.Change {
	c := &presence.Change{
		Kind: kind, ID: s.ID, User: []byte(s.User), Name: []byte(s.Name), Device: []byte(s.Device), Status: s.Status, Since: s.Since,
	}
	for _, room := range s.Rooms {
		c.Rooms = append(c.Rooms, []byte(room))
	}
	return c
}

func digest(s presence.Session) uint64 {
	d := presence.Fact(s.ID, presence.Hash(s.User), presence.Hash(s.Device), s.Since) + presence.StatusFact(s.ID, s.Status)
	for _, room := range s.Rooms {
		d += presence.RoomFact(s.ID, presence.Hash(room))
	}
	return d
}

// TestRosterModel makes random changes and compares every answer, the digests, and what watchers
// were told.
func TestRosterModel(t *testing.T) {
	t.Parallel()
	rooms := []string{"a", "b", "c", "d"}
	states := []presence.Status{presence.Online, presence.Idle, presence.DND, presence.Invisible}
	rapid.Check(t, func(t *rapid.T) {
		changed := map[Seat]bool{}
		r := New(func(at Seat) { changed[at] = true })
		edges := []*Edge{NewEdge(), NewEdge()}
		tr := truth{}
		watchers := map[string]map[string]presence.Person{} // what they were told, by room and user
		// what those know who began to watch meanwhile
		asked := map[string][]map[string]presence.Person{}
		tell := func() {
			for at := range changed {
				p, _, differs := r.Pending(at)
				if !differs {
					continue
				}
				room := r.Room(at)
				r.Tell(at)
				if watchers[room] == nil {
					watchers[room] = map[string]presence.Person{}
				}
				for _, known := range append(asked[room], watchers[room]) {
					if p.Status == presence.Offline {
						delete(known, p.User)
					} else {
						known[p.User] = p
					}
				}
				if n := r.Told(room); n != len(watchers[room]) {
					t.Fatalf("room %s: told %d, watchers know %v", room, n, watchers[room])
				}
			}
			clear(changed)
		}
		draw := func() (key, presence.Session) {
			k := key{rapid.IntRange(0, 1).Draw(t, "edge"), rapid.Uint64Range(1, 6).Draw(t, "id")}
			n := rapid.IntRange(1, 4).Draw(t, "user")
			return k, presence.Session{
				ID: k.id, User: fmt.Sprint("u", n), Name: fmt.Sprint("name", n%2), Device: rapid.SampledFrom([]string{"web", "phone"}).Draw(t, "device"),
				Since: rapid.Int64Range(1, 2).Draw(t, "since"), Status: rapid.SampledFrom(states).Draw(t, "status"),
				Rooms: rapid.SliceOfNDistinct(rapid.SampledFrom(rooms), 0, 3, rapid.ID[string]).Draw(t, "rooms"),
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"enter": func(*rapid.T) {
				k, s := draw()
				r.Apply(edges[k.edge], change(presence.Entered, s))
				tr[k] = s
			},
			"join or leave": func(t *rapid.T) {
				k, s := draw()
				room := rapid.SampledFrom(rooms).Draw(t, "room")
				join := rapid.Bool().Draw(t, "join")
				kind := presence.Left
				if join {
					kind = presence.Joined
				}
				r.Apply(edges[k.edge], &presence.Change{Kind: kind, ID: s.ID, Room: []byte(room)})
				if s, ok := tr[k]; ok {
					s.Rooms = slices.DeleteFunc(slices.Clone(s.Rooms), func(r string) bool { return r == room })
					if join {
						s.Rooms = append(s.Rooms, room)
					}
					tr[k] = s
				}
			},
			"status": func(*rapid.T) {
				k, s := draw()
				r.Apply(edges[k.edge], &presence.Change{Kind: presence.StatusChanged, ID: s.ID, Status: s.Status})
				if old, ok := tr[k]; ok {
					old.Status = s.Status
					tr[k] = old
				}
			},
			"exit": func(*rapid.T) {
				k, _ := draw()
				r.Apply(edges[k.edge], &presence.Change{Kind: presence.Exited, ID: k.id})
				delete(tr, k)
			},
			"snapshot": func(*rapid.T) {
				k, s := draw()
				r.BeginSnapshot(edges[k.edge])
				for have, old := range tr {
					if have.edge == k.edge && have != k && old.ID%2 == 0 {
						r.Apply(edges[k.edge], change(presence.Entered, old))
					} else if have.edge == k.edge {
						delete(tr, have)
					}
				}
				r.Apply(edges[k.edge], change(presence.Entered, s))
				tr[k] = s
				r.EndSnapshot(edges[k.edge])
			},
			"drop": func(*rapid.T) {
				k, _ := draw()
				r.Drop(edges[k.edge])
				edges[k.edge] = NewEdge()
				maps.DeleteFunc(tr, func(have key, _ presence.Session) bool { return have.edge == k.edge })
			},
			"tell": func(*rapid.T) { tell() },
			"watch": func(t *rapid.T) {
				room := rapid.SampledFrom(rooms).Draw(t, "room")
				known := map[string]presence.Person{}
				people, _ := r.Who(room, Cursor{}, 10)
				for _, p := range append(people, r.Going(room, 10)...) {
					known[p.User] = p
				}
				asked[room] = append(asked[room], known)
			},
			"": func(t *rapid.T) {
				for _, room := range rooms {
					for _, p := range r.Going(room, 10) {
						told, ok := watchers[room][p.User]
						if !ok || told.Status != p.Status || tr.in(p.User, room) {
							t.Fatalf("%+v is told as going from %s; watchers know %v", p, room, watchers[room])
						}
					}
					for user := range watchers[room] {
						if !tr.in(user, room) && !slices.ContainsFunc(r.Going(room, 10), func(p presence.Person) bool { return p.User == user }) {
							t.Fatalf("%s is not told as going from %s", user, room)
						}
					}
					want := tr.who(room)
					got, more := r.Who(room, Cursor{}, 10)
					count := r.Online(room)
					if diff := gocmp.Diff(want, append([]presence.Person(nil), got...)); diff != "" || count != len(want) || more {
						t.Fatalf("who of %s, count %d, more %t: %s", room, count, more, diff)
					}
				}
				for _, user := range []string{"u1", "u2", "u3", "u4"} {
					if _, seen, _, devices := r.User(user); seen != tr.status(user) || !slices.Equal(devices, tr.devices(user)) {
						t.Fatalf("%s is %s on %v, want %s on %v", user, seen, devices, tr.status(user), tr.devices(user))
					}
				}
				for i, e := range edges {
					var sum uint64
					n := 0
					for k, s := range tr {
						if k.edge == i {
							sum += digest(s)
							n++
							if d, ok := r.DigestOf(e, k.id); !ok || d != digest(s) || d != change(presence.Entered, s).Digest() {
								t.Fatalf("session %d of edge %d has the digest %x, %v, want %x", k.id, i, d, ok, digest(s))
							}
						}
					}
					ids := r.IDs(e)
					slices.Sort(ids)
					if want := slices.Sorted(tr.ids(i)); !slices.Equal(ids, want) {
						t.Fatalf("edge %d has the sessions %d, want %d", i, ids, want)
					}
					if _, held := r.DigestOf(e, 99); held {
						t.Fatal("a session that nobody has is held")
					}
					if e.Digest() != sum || e.Count() != n {
						t.Fatalf("edge %d has %d sessions with digest %x, want %d with %x", i, e.Count(), e.Digest(), n, sum)
					}
				}
			},
		})
		tell()
		for _, room := range rooms {
			want := map[string]presence.Person{}
			for _, p := range tr.who(room) {
				want[p.User] = p
			}
			for _, got := range append(asked[room], watchers[room]) {
				if len(got)+len(want) > 0 && !maps.Equal(got, want) {
					t.Fatalf("watchers of %s know %v, want %v", room, got, want)
				}
			}
		}
		for _, e := range edges {
			r.Drop(e)
		}
		tell()
		if s, u, n := r.Size(); s+u+n+r.devices.len() > 0 {
			t.Fatalf("%d sessions, %d users, %d rooms, %d devices are left of nothing", s, u, n, r.devices.len())
		}
	})
}

func TestWhoPages(t *testing.T) {
	t.Parallel()
	r := New(func(Seat) {})
	e := NewEdge()
	const n = 57
	for i := range n {
		// Names repeat, so the order goes on by id.
		s := presence.Session{ID: uint64(i), User: fmt.Sprintf("u%03d", i), Name: fmt.Sprint("name", i%5), Status: presence.Online, Rooms: []string{"room"}}
		r.Apply(e, change(presence.Entered, s))
	}
	all, more := r.Who("room", Cursor{}, 1000)
	if len(all) != n || more {
		t.Fatalf("%d people, more %t", len(all), more)
	}
	var paged []presence.Person
	after := Cursor{}
	for {
		page, more := r.Who("room", after, 10)
		if len(page) > 10 {
			t.Fatalf("%d people", len(page))
		}
		paged = append(paged, page...)
		if !more {
			break
		}
		after = Cursor{page[len(page)-1].Name, page[len(page)-1].User}
	}
	if diff := gocmp.Diff(all, paged); diff != "" {
		t.Error(diff)
	}
	if page, more := r.Who("nowhere", Cursor{}, 10); r.Online("nowhere") != 0 || len(page) != 0 || more {
		t.Error("somebody is in a room that is not there")
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	r := New(func(Seat) {})
	e := NewEdge()
	for i, s := range []presence.Session{
		{User: "ann", Rooms: []string{"a", "b"}, Status: presence.Invisible}, {User: "bob", Rooms: []string{"b"}},
		{User: "cyd", Rooms: []string{"c"}}, {User: "bob", Rooms: []string{"c"}},
	} {
		s.ID = uint64(i)
		r.Apply(e, change(presence.Entered, s))
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{"ann", "bob", true}, {"bob", "ann", true}, {"ann", "cyd", false}, {"cyd", "bob", true}, {"ann", "nobody", false}, {"nobody", "ann", false}} {
		if got := r.Share(c.a, c.b); got != c.want {
			t.Errorf("share %s %s: %t", c.a, c.b, got)
		}
	}
	if got := r.RoomsOf("bob", 10); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"b", "c"}) {
		t.Errorf("rooms of bob: %v", got)
	}
	if got := r.RoomsOf("ann", 1); len(got) != 1 {
		t.Errorf("rooms of ann: %v", got)
	}
	if _, seen, self, _ := r.User("ann"); seen != presence.Offline || self != presence.Invisible {
		t.Errorf("ann is %s, and %s to herself", seen, self)
	}
}
