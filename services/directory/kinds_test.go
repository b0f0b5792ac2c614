package directory

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestGuestMay takes each action from guests in turn, and tries all of them as a guest and as a
// registered user.
func TestGuestMay(t *testing.T) {
	all := directoryapi.GuestActions()
	for _, taken := range append(slices.Clone(all), "") {
		t.Run(string(taken), func(t *testing.T) {
			cfg := config()
			cfg.GuestMay = nil
			for _, a := range all {
				if a != taken && (taken != directoryapi.ActionReact || a != directoryapi.ActionSend) {
					cfg.GuestMay = append(cfg.GuestMay, string(a))
				}
			}
			if err := checkGuestMay(cfg.GuestMay); err != nil {
				t.Fatal(err)
			}
			w := openWorld(t, cfg)
			w.historian()
			var guest credentials
			w.ok("POST", "/v1/guest", "", `{"name":"Gus"}`, &guest)
			ann, bob := w.register("ann"), w.register("bob")
			for _, c := range []credentials{guest, ann} {
				room := chat.NewID()
				if err := w.store.CreateRoom(t.Context(), store.Room{ID: room, Name: "Open", Created: 1}); err != nil {
					t.Fatal(err)
				}
				w.ok("POST", "/v1/rooms/"+room+"/join", c.Token, "", nil)
				access, err := directoryapi.NewClient(w.bus).Access(t.Context(), c.User.ID, room)
				if err != nil {
					t.Fatal(err)
				}
				is := func(may bool) string {
					if may {
						return ""
					}
					return chat.CodeForbidden
				}
				got := map[directoryapi.Action]string{
					directoryapi.ActionInvite:     w.code(c, "POST", "/v1/rooms/"+room+"/members", fmt.Sprintf(`{"user":%q}`, bob.User.ID)),
					directoryapi.ActionMakeRoom:   w.code(c, "POST", "/v1/rooms", `{"name":"Mine","private":true}`),
					directoryapi.ActionPublish:    w.code(c, "POST", "/v1/rooms", fmt.Sprintf(`{"name":"Ours %s"}`, c.User.ID[len(c.User.ID)-6:])),
					directoryapi.ActionOpenDirect: w.code(c, "POST", "/v1/direct", fmt.Sprintf(`{"user":%q}`, bob.User.ID)),
					directoryapi.ActionReport:     w.code(c, "POST", "/v1/rooms/"+room+"/reports", fmt.Sprintf(`{"author":"u1","message":%q,"reason":"spam"}`, chat.NewID())),
					directoryapi.ActionSend:       is(access.Send),
					directoryapi.ActionReact:      is(access.Send || access.React),
				}
				for _, a := range all {
					want := ""
					if c.User.ID == guest.User.ID && !slices.Contains(cfg.GuestMay, string(a)) {
						want = chat.CodeForbidden
					}
					if a == directoryapi.ActionPublish && c.User.ID == guest.User.ID && taken == directoryapi.ActionMakeRoom {
						want = chat.CodeForbidden
					}
					if got[a] != want {
						t.Errorf("%s, guest %v: answered %q, want %q", a, c.User.ID == guest.User.ID, got[a], want)
					}
				}
				if !access.Read {
					t.Error("nobody may read")
				}
			}
		})
	}
	for _, bad := range [][]string{{"rule"}, {"erase"}, {"send"}} {
		cfg := config()
		if cfg.GuestMay = bad; cfg.Validate() == nil {
			t.Errorf("%q is taken for what guests may do", bad)
		}
	}
}

// TestReaderStaysOne shows that a reader who leaves, is removed or is banned for a while comes back
// as a reader.
func TestReaderStaysOne(t *testing.T) {
	w := openWorld(t, config())
	owner, ann := w.register("boss"), w.register("ann")
	var room roomView
	w.ok("POST", "/v1/rooms", owner.Token, `{"name":"Books"}`, &room)
	path := "/v1/rooms/" + room.ID
	give := func(room string, role directoryapi.Role) {
		w.ok("POST", "/v1/rooms/"+room+"/members", owner.Token, fmt.Sprintf(`{"user":%q,"role":%q}`, ann.User.ID, role), nil)
	}
	is := func(room string, want directoryapi.Role) {
		t.Helper()
		a, err := directoryapi.NewClient(w.bus).Access(t.Context(), ann.User.ID, room)
		if err != nil || a.Role != want || a.Send != (want == directoryapi.RoleMember) || want == directoryapi.RoleReader && (!a.Read || a.React) {
			t.Errorf("%+v, %v; want a %q", a, err, want)
		}
	}
	join := func() { w.ok("POST", path+"/join", ann.Token, "", nil) }
	join()
	is(room.ID, directoryapi.RoleMember)
	give(room.ID, directoryapi.RoleReader)
	is(room.ID, directoryapi.RoleReader)
	for _, away := range []func(){
		func() { w.ok("POST", path+"/leave", ann.Token, "", nil) },
		func() { w.ok("DELETE", path+"/members/"+ann.User.ID, owner.Token, "", nil) },
		func() {
			w.ok("PUT", path+"/bans/"+ann.User.ID, owner.Token, `{}`, nil)
			w.ok("DELETE", path+"/bans/"+ann.User.ID, owner.Token, "", nil)
		},
	} {
		away()
		is(room.ID, "")
		join()
		is(room.ID, directoryapi.RoleReader)
	}
	// A member brings the reader back as one; the owner gives the word.
	bob := w.register("bob")
	w.ok("POST", path+"/join", bob.Token, "", nil)
	w.ok("POST", path+"/leave", ann.Token, "", nil)
	w.ok("POST", path+"/members", bob.Token, fmt.Sprintf(`{"user":%q}`, ann.User.ID), nil)
	is(room.ID, directoryapi.RoleReader)
	give(room.ID, directoryapi.RoleMember)
	w.ok("POST", path+"/leave", ann.Token, "", nil)
	join()
	is(room.ID, directoryapi.RoleMember)

	// Of a room for everybody, a ban that ends makes nobody a member again.
	if err := w.store.PutMember(t.Context(), store.Member{Room: "lobby", User: owner.User.ID, Name: "boss", Role: directoryapi.RoleOwner}); err != nil {
		t.Fatal(err)
	}
	give("lobby", directoryapi.RoleReader)
	w.ok("PUT", "/v1/rooms/lobby/bans/"+ann.User.ID, owner.Token, `{}`, nil)
	is("lobby", "")
	w.ok("DELETE", "/v1/rooms/lobby/bans/"+ann.User.ID, owner.Token, "", nil)
	is("lobby", directoryapi.RoleReader)
}

// TestRoomWithoutGuests: who has no account is neither in such a room nor comes into it, whichever
// way is tried.
func TestRoomWithoutGuests(t *testing.T) {
	w := openWorld(t, config())
	owner, ann := w.register("boss"), w.register("ann")
	var gus, late credentials
	w.ok("POST", "/v1/guest", "", `{"name":"Gus"}`, &gus)
	w.ok("POST", "/v1/guest", "", `{"name":"Late"}`, &late)
	var room roomView
	w.ok("POST", "/v1/rooms", owner.Token, `{"name":"Books"}`, &room)
	path := "/v1/rooms/" + room.ID
	for _, c := range []credentials{gus, ann} {
		w.ok("POST", path+"/join", c.Token, "", nil)
	}
	// who is asked, as a stranger
	w.ok("POST", path+"/members", owner.Token, fmt.Sprintf(`{"user":%q}`, late.User.ID), nil)
	if code := w.code(ann, "PATCH", path, `{"guests":false}`); code != chat.CodeForbidden {
		t.Errorf("a member keeps guests out: %q", code)
	}
	var view roomView
	w.ok("PATCH", path, owner.Token, `{"guests":false}`, &view)
	if view.Guests == nil || *view.Guests {
		t.Errorf("the room says %v of guests", view.Guests)
	}
	access := func(c credentials) directoryapi.Access {
		t.Helper()
		a, err := directoryapi.NewClient(w.bus).Access(t.Context(), c.User.ID, room.ID)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	lists := func(c credentials) bool {
		var mine roomsOutput
		w.ok("GET", "/v1/rooms", c.Token, "", &mine)
		var found browseOutput
		w.ok("GET", "/v1/public-rooms", c.Token, "", &found)
		in := slices.ContainsFunc(mine.Rooms, func(r roomView) bool { return r.ID == room.ID })
		if in != slices.ContainsFunc(found.Rooms, func(r browsedView) bool { return r.ID == room.ID }) {
			t.Error("the two lists of rooms differ")
		}
		return in
	}
	for _, c := range []credentials{gus, late} {
		if a := access(c); a != (directoryapi.Access{}) || lists(c) {
			t.Errorf("a guest may %+v, and it is listed: %v", a, lists(c))
		}
		for _, try := range [][3]string{
			{"GET", path, ""}, {"POST", path + "/join", ""}, {"GET", path + "/members", ""},
		} {
			if code := w.code(c, try[0], try[1], try[2]); code != chat.CodeForbidden {
				t.Errorf("%s %s by a guest: %q", try[0], try[1], code)
			}
		}
		for _, by := range []credentials{owner, ann} {
			if code := w.code(by, "POST", path+"/members", fmt.Sprintf(`{"user":%q}`, c.User.ID)); code != chat.CodeForbidden {
				t.Errorf("a guest is brought in: %q", code)
			}
		}
	}
	if code := w.code(late, "POST", "/v1/invitations/"+room.ID+"/accept", ""); code == "" {
		t.Error("a guest comes in by an invitation from before")
	}
	if a := access(ann); !a.Send || !lists(ann) {
		t.Errorf("a registered member may %+v", a)
	}
	if _, err := w.store.Member(t.Context(), room.ID, gus.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the guest who was in it: %v", err)
	}
	// Who became a member in the moment in which it was set is put out by what tells of the
	// membership.
	s := w.Service
	if err := s.membership.putMember(t.Context(), room.ID, late.User.ID, "Late", late.User.ID, directoryapi.RoleMember); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Member(t.Context(), room.ID, late.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the guest who came in meanwhile: %v", err)
	}
	var acts []string
	for _, e := range w.events(room.ID) {
		if e.Type == chat.TypeModerated {
			acts = append(acts, e.Act)
		}
	}
	if !slices.Equal(acts, []string{chat.ActNoGuests}) {
		t.Errorf("the room is told %q", acts)
	}
	w.ok("PATCH", path, owner.Token, `{"guests":true}`, nil)
	w.ok("POST", path+"/join", gus.Token, "", nil)

	var mine roomView
	w.ok("POST", "/v1/rooms", gus.Token, `{"name":"Mine","private":true}`, &mine)
	if code := w.code(gus, "PATCH", "/v1/rooms/"+mine.ID, `{"guests":false}`); code != chat.CodeForbidden {
		t.Errorf("a guest keeps guests out: %q", code)
	}
	if code := w.code(owner, "PATCH", "/v1/rooms/"+room.ID, `{"slow":5,"guests":false}`); code != "" {
		t.Errorf("both at once: %q", code)
	}
}
