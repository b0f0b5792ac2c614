package directory

import (
	"errors"
	"fmt"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

func (w *world) invitationsOf(c credentials) []invitationView {
	w.t.Helper()
	var out invitationsOutput
	w.ok("GET", "/v1/invitations", c.Token, "", &out)
	return out.Invitations
}

func TestInvitations(t *testing.T) {
	w := openWorld(t, strangers())
	ann, eve, zed := w.register("Ann"), w.register("Eve"), w.register("Zed")
	room := w.create(eve, `{"name":"Buy my things","private":true}`)
	path := "/v1/rooms/" + room.ID
	invite := func() {
		t.Helper()
		var added addedOutput
		if w.ok("POST", path+"/members", eve.Token, with(ann), &added); !added.Invited {
			t.Error("a stranger was added without being asked")
		}
	}
	invite()
	if _, in := w.listed(ann)[room.ID]; in || w.access(ann, room.ID).Read {
		t.Error("who is asked is in the room, or reads it")
	}
	if e := w.last(chat.UserRoom(ann.User.ID)); e.Type != chat.TypeChanged || e.Target != chat.ListInvitations {
		t.Errorf("who is asked was told %+v", e)
	}
	told := len(w.events(chat.UserRoom(ann.User.ID)))
	invite()
	if got := w.invitationsOf(ann); len(got) != 1 || got[0].Room != room.ID || got[0].RoomName != "Buy my things" || got[0].By != eve.User.ID || got[0].ByName != "Eve" || !got[0].Private {
		t.Errorf("invitations are %+v", got)
	}
	if len(w.events(chat.UserRoom(ann.User.ID))) != told {
		t.Error("who is asked twice is told twice")
	}
	mine := "/v1/invitations/" + room.ID
	for _, tt := range []struct {
		name         string
		who          credentials
		method, path string
		code         string
	}{
		{"another accepts", zed, "POST", mine + "/accept", "not_found"},
		{"none is accepted", ann, "POST", "/v1/invitations/none/accept", "not_found"},
		{"no id is declined", ann, "DELETE", "/v1/invitations/a%20b", "not_found"},
		{"another looks who is asked", zed, "GET", path + "/invitations", "forbidden"},
		{"another withdraws it", zed, "DELETE", path + "/invitations/" + ann.User.ID, "forbidden"},
		{"a bad page", eve, "GET", path + "/invitations?after=a%20b", "bad_request"},
		{"decline", ann, "DELETE", mine, ""},
		{"again", ann, "DELETE", mine, "not_found"},
		{"accept what was declined", ann, "POST", mine + "/accept", "not_found"},
	} {
		if c := w.code(tt.who, tt.method, tt.path, ""); c != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, c, tt.code)
		}
	}
	told = len(w.events(chat.UserRoom(ann.User.ID)))
	invite() // as far as the asker knows
	if len(w.invitationsOf(ann)) > 0 || len(w.events(chat.UserRoom(ann.User.ID))) != told {
		t.Error("who has declined is asked again")
	}
	var out invitationsOutput
	if w.ok("GET", path+"/invitations", eve.Token, "", &out); len(out.Invitations) != 1 {
		t.Errorf("the asker sees %+v", out)
	}
	if err := w.store.DeleteInvitation(t.Context(), room.ID, ann.User.ID); err != nil {
		t.Fatal(err)
	}
	invite()
	w.ok("DELETE", path+"/invitations/"+ann.User.ID, eve.Token, "", nil)
	if len(w.invitationsOf(ann)) > 0 {
		t.Error("an invitation that was withdrawn stays")
	}
	invite()
	var accepted roomView
	w.ok("POST", mine+"/accept", ann.Token, "", &accepted)
	if accepted.Role != directoryapi.RoleMember || accepted.Name != "Buy my things" || len(w.invitationsOf(ann)) > 0 || !w.access(ann, room.ID).Send {
		t.Errorf("accepted is %+v", accepted)
	}

	// An invitation is worth no more than who asked may do now.
	next := w.create(eve, `{"name":"Next","private":true}`)
	// they know each other by now
	w.ok("POST", "/v1/rooms/"+next.ID+"/members", eve.Token, with(ann), nil)
	w.ok("POST", "/v1/rooms/"+next.ID+"/members", ann.Token, with(zed), nil)
	w.ok("POST", "/v1/rooms/"+next.ID+"/leave", ann.Token, "", nil)
	if c := w.code(zed, "POST", "/v1/invitations/"+next.ID+"/accept", ""); c != "not_found" || len(w.invitationsOf(zed)) > 0 {
		t.Errorf("an invitation by who has left: %q", c)
	}
}

// TestInvitationIsWorth: an invitation is worth what who asked may do when it is accepted, and
// nothing to who may not be there. One that is worth nothing any more is gone afterwards, but where
// only the invited is in the way.
func TestInvitationIsWorth(t *testing.T) {
	w := openWorld(t, strangers())
	for i, tt := range []struct {
		name      string
		meanwhile func(room string, eve, ann credentials)
		code      string
		role      directoryapi.Role // of the invited, when all is done
		stays     bool              // the invitation
	}{
		{"nothing", func(string, credentials, credentials) {}, "", directoryapi.RoleModerator, false},
		{"who asked may not give roles any more", func(room string, eve, _ credentials) {
			w.put(store.Member{Room: room, User: eve.User.ID, Name: "Eve", Role: directoryapi.RoleMember})
		}, "", directoryapi.RoleMember, false},
		{"who asked has left", func(room string, eve, _ credentials) { w.admit(room, eve.User.ID) }, "not_found", "", false},
		{"who asked is banned", func(room string, eve, _ credentials) {
			w.put(store.Ban{Room: room, User: eve.User.ID})
		}, "not_found", "", false},
		{"who is asked is banned", func(room string, _, ann credentials) {
			w.put(store.Ban{Room: room, User: ann.User.ID})
		}, "not_found", "", false},
		{"the ban of who is asked is over", func(room string, _, ann credentials) {
			w.put(store.Ban{Room: room, User: ann.User.ID, Until: 1})
		}, "", directoryapi.RoleModerator, false},
		{"who is asked is there, as a member", func(room string, _, ann credentials) {
			w.put(store.Member{Room: room, User: ann.User.ID, Name: "Ann", Role: directoryapi.RoleMember})
		}, "", directoryapi.RoleMember, false},
		{"who is asked is there, as an owner", func(room string, _, ann credentials) {
			w.put(store.Member{Room: room, User: ann.User.ID, Name: "Ann", Role: directoryapi.RoleOwner})
		}, "", directoryapi.RoleOwner, false},
		{"the room has gone", func(room string, _, _ credentials) {
			if err := w.store.DeleteRoom(t.Context(), room); err != nil {
				t.Fatal(err)
			}
		}, "not_found", "", false},
		{"who is asked is in as many rooms as anybody", func(_ string, _, ann credentials) {
			for n := range maxRooms {
				w.put(store.Member{Room: fmt.Sprint("x", n), User: ann.User.ID, Role: directoryapi.RoleMember})
			}
		}, "too_many", "", true},
	} {
		eve, ann := w.register(fmt.Sprint("Eve", i)), w.register(fmt.Sprint("Ann", i))
		room := w.create(eve, `{"name":"Here","private":true}`).ID
		// so that it has an owner whatever happens
		w.put(store.Member{Room: room, User: "keeper", Name: "Keeper", Role: directoryapi.RoleOwner})
		var added addedOutput
		if w.ok("POST", "/v1/rooms/"+room+"/members", eve.Token, fmt.Sprintf(`{"user":%q,"role":"moderator"}`, ann.User.ID), &added); !added.Invited {
			t.Fatal("she is not asked")
		}
		tt.meanwhile(room, eve, ann)
		if c := w.code(ann, "POST", "/v1/invitations/"+room+"/accept", ""); c != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, c, tt.code)
		}
		m, err := w.store.Member(t.Context(), room, ann.User.ID)
		if unlessMissing(err) != nil || m.Role != tt.role {
			t.Errorf("%s: she is %q there, want %q (%v)", tt.name, m.Role, tt.role, err)
		}
		_, err = w.store.Invitation(t.Context(), room, ann.User.ID)
		if stays := err == nil; unlessMissing(err) != nil || stays != tt.stays {
			t.Errorf("%s: the invitation stays: %v, want %v (%v)", tt.name, stays, tt.stays, err)
		}
	}
}

// TestGuestAcceptsIntoAClosedRoom: an invitation is worth nothing to a guest once the room is
// closed to guests.
func TestGuestAcceptsIntoAClosedRoom(t *testing.T) {
	w := openWorld(t, strangers())
	eve, gus := w.register("Eve"), w.comeIn("Gus")
	room := w.create(eve, `{"name":"Here","private":true}`).ID
	var added addedOutput
	if w.ok("POST", "/v1/rooms/"+room+"/members", eve.Token, with(gus), &added); !added.Invited {
		t.Fatal("the guest is not asked")
	}
	w.ok("PATCH", "/v1/rooms/"+room, eve.Token, `{"guests":false}`, nil)
	if c := w.code(gus, "POST", "/v1/invitations/"+room+"/accept", ""); c != "not_found" {
		t.Errorf("the guest accepts: %q", c)
	}
	if _, err := w.store.Member(t.Context(), room, gus.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the guest is a member: %v", err)
	}
	if left := w.invitationsOf(gus); len(left) > 0 {
		t.Errorf("the guest is still asked: %+v", left)
	}
}

// put keeps a membership or a ban, of which nobody is told.
func (w *world) put(it any) {
	w.t.Helper()
	var err error
	switch it := it.(type) {
	case store.Member:
		w.admit(it.Room, it.User) // a membership that is there stays as it is
		err = w.store.PutMember(w.t.Context(), it)
	case store.Ban:
		err = w.store.PutBan(w.t.Context(), it)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// admit ends a membership, of which nobody is told.
func (w *world) admit(room, user string) {
	w.t.Helper()
	if err := w.store.DeleteMember(w.t.Context(), room, user); err != nil {
		w.t.Fatal(err)
	}
}

// TestWhoWithdraws: an invitation is taken back by who asked, and by who may remove members, and by
// nobody else.
func TestWhoWithdraws(t *testing.T) {
	w := openWorld(t, strangers())
	eve, mod, bob, zed, ann := w.register("Eve"), w.register("Dora"), w.register("Bob"), w.register("Zed"), w.register("Ann")
	room := w.create(eve, `{"name":"Here","private":true}`).ID
	for c, role := range map[*credentials]directoryapi.Role{&mod: directoryapi.RoleModerator, &bob: directoryapi.RoleMember, &zed: directoryapi.RoleMember} {
		w.put(store.Member{Room: room, User: c.User.ID, Name: c.User.Name, Role: role})
	}
	for _, tt := range []struct {
		who  credentials
		code string
	}{{zed, "forbidden"}, {ann, "forbidden"}, {mod, ""}, {eve, ""}, {bob, ""}} {
		w.ok("POST", "/v1/rooms/"+room+"/members", bob.Token, with(ann), nil)
		if c := w.code(tt.who, "DELETE", "/v1/rooms/"+room+"/invitations/"+ann.User.ID, ""); c != tt.code {
			t.Errorf("%s takes back Bob's invitation: %q, want %q", tt.who.User.Name, c, tt.code)
		}
		if stays := len(w.invitationsOf(ann)) > 0; stays != (tt.code != "") {
			t.Errorf("after %s the invitation is there: %v", tt.who.User.Name, stays)
		}
	}
}

func TestInvitationsAreBounded(t *testing.T) {
	w := openWorld(t, strangers())
	ann, eve, gus := w.register("Ann"), w.register("Eve"), w.comeIn("Gus")
	room := w.create(gus, `{"name":"Advertising","private":true}`)
	members := "/v1/rooms/" + room.ID + "/members"
	for i := range maxGuestInvitationsBy {
		w.ok("POST", members, gus.Token, with(w.comeIn(fmt.Sprint("Other", i))), nil)
	}
	if c := w.code(gus, "POST", members, with(ann)); c != "too_many" {
		t.Errorf("an invitation too many by a guest: %q", c)
	}
	for i := range maxInvitationsTo {
		inv := store.Invitation{Room: fmt.Sprint("r", i), User: ann.User.ID, Actor: "nobody", Created: int64(i), Expires: 1 << 50}
		if err := w.store.CreateInvitation(t.Context(), inv); err != nil {
			t.Fatal(err)
		}
	}
	room = w.create(eve, `{"name":"Hello","private":true}`)
	members = "/v1/rooms/" + room.ID + "/members"
	if c := w.code(eve, "POST", members, with(ann)); c != "too_many" {
		t.Errorf("an invitation too many to a user: %q", c)
	}
	// Those of guests end with them, and all with their time.
	w.ok("POST", "/v1/logout", gus.Token, "", nil)
	if err := w.departures.removeEnded(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := w.store.InvitationsBy(t.Context(), gus.User.ID, 10); err != nil || len(left) > 0 {
		t.Errorf("of a guest who has gone stay %+v, %v", left, err)
	}
	if err := w.store.CreateInvitation(t.Context(), store.Invitation{Room: "old", User: eve.User.ID, Actor: ann.User.ID, Expires: 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.invitations.endInvitations(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := w.store.InvitationsBy(t.Context(), ann.User.ID, 10); err != nil || len(left) > 0 {
		t.Errorf("of those whose time is over stay %+v, %v", left, err)
	}
}

// TestNobodyFillsTheRoomsOfAnother: who is in many rooms is asked even by acquaintances, and can
// still make rooms.
func TestNobodyFillsTheRoomsOfAnother(t *testing.T) {
	w := openWorld(t, strangers())
	ann, eve := w.register("Ann"), w.register("Eve")
	hall := w.create(ann, `{"name":"Hall"}`)
	w.ok("POST", "/v1/rooms/"+hall.ID+"/join", eve.Token, "", nil)
	room := w.create(eve, `{"name":"Advertising","private":true}`)
	members := "/v1/rooms/" + room.ID + "/members"
	for i := range maxBrought - 1 { // with the hall
		m := store.Member{Room: fmt.Sprint("r", i), User: ann.User.ID, Role: directoryapi.RoleMember}
		if err := w.store.PutMember(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var added addedOutput
	if w.ok("POST", members, eve.Token, with(ann), &added); !added.Invited || len(w.invitationsOf(ann)) != 1 {
		t.Errorf("an acquaintance brings who is in many rooms into another: %+v", added)
	}
	if err := w.store.DeleteMember(t.Context(), "r0", ann.User.ID); err != nil {
		t.Fatal(err)
	}
	room = w.create(eve, `{"name":"Books","private":true}`)
	added = addedOutput{}
	if w.ok("POST", "/v1/rooms/"+room.ID+"/members", eve.Token, with(ann), &added); added.Invited {
		t.Error("an acquaintance asks who is in few rooms")
	}
}

func TestBlockedInviteNobody(t *testing.T) {
	w := openWorld(t, strangers())
	ann, eve := w.register("Ann"), w.register("Eve")
	room := w.create(eve, `{"name":"Hello","private":true}`)
	w.ok("PUT", "/v1/blocks/"+eve.User.ID, ann.Token, `{}`, nil)
	told := len(w.events(chat.UserRoom(ann.User.ID)))
	var added addedOutput
	w.ok("POST", "/v1/rooms/"+room.ID+"/members", eve.Token, with(ann), &added)
	if !added.Invited || len(w.invitationsOf(ann)) > 0 || len(w.events(chat.UserRoom(ann.User.ID))) != told {
		t.Error("who is blocked asks, or is told of the block")
	}
}

// TestInvitationsEndWithTheRoom: who is asked into a room that is deleted, or that nobody is in any
// more, is asked no longer, and told.
func TestInvitationsEndWithTheRoom(t *testing.T) {
	for name, end := range map[string]func(w *world, owner credentials, room roomView){
		"deleted": func(w *world, owner credentials, room roomView) {
			w.ok("POST", "/v1/rooms/"+room.ID+"/delete", owner.Token, `{"name":"Garden"}`, nil)
		},
		"left": func(w *world, owner credentials, room roomView) {
			w.ok("POST", "/v1/rooms/"+room.ID+"/leave", owner.Token, "", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := openWorld(t, strangers())
			w.historian()
			ann, eve := w.register("Ann"), w.register("Eve")
			room := w.create(eve, `{"name":"Garden","private":true}`)
			w.ok("POST", "/v1/rooms/"+room.ID+"/members", eve.Token, with(ann), nil)
			told := len(w.events(chat.UserRoom(ann.User.ID)))
			end(w, eve, room)
			if left, err := w.store.InvitationsTo(t.Context(), ann.User.ID, 10); err != nil || len(left) != 0 {
				t.Errorf("left are %+v, %v", left, err)
			}
			if e := w.last(chat.UserRoom(ann.User.ID)); len(w.events(chat.UserRoom(ann.User.ID))) == told || e.Target != chat.ListInvitations {
				t.Errorf("who was asked is told %+v", e)
			}
		})
	}
}

// TestGuestsLeaveRoomForOthers: guests fill only their share of the invitations that a person may
// have.
func TestGuestsLeaveRoomForOthers(t *testing.T) {
	w := openWorld(t, strangers())
	ann, eve, gus := w.register("Ann"), w.register("Eve"), w.comeIn("Gus")
	for i := range maxGuestInvitationsTo {
		u := store.User{ID: fmt.Sprint("g", i), Name: "G", NameKey: fmt.Sprint(":g", i)}
		if err := w.store.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		inv := store.Invitation{Room: fmt.Sprint("r", i), User: ann.User.ID, Actor: u.ID, Created: int64(i), Expires: 1 << 52}
		if err := w.store.CreateInvitation(t.Context(), inv); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(by credentials, name string) string {
		room := w.create(by, fmt.Sprintf(`{"name":%q,"private":true}`, name))
		return w.code(by, "POST", "/v1/rooms/"+room.ID+"/members", with(ann))
	}
	if code := ask(gus, "Buy"); code != chat.CodeTooMany {
		t.Errorf("one more guest: %q", code)
	}
	if code := ask(eve, "Books"); code != "" {
		t.Errorf("a registered user: %q", code)
	}
}
