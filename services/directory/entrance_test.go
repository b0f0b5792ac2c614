package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// TestRefusedForAMinuteCostsNoDay: a new account that is one too many in its minute does not count
// among those of the day.
func TestRefusedForAMinuteCostsNoDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config()
		cfg.AccountRate, cfg.AccountDay = 1, 2
		w := idle(t, cfg)
		enter := func() string { return chat.CodeOf(w.accounts.countEntry(t.Context(), "new accounts", "203.0.113.1")) }
		got := []string{enter(), enter()}
		time.Sleep(time.Minute)
		got = append(got, enter())
		time.Sleep(time.Minute)
		got = append(got, enter())
		if fmt.Sprint(got) != "[ rate_limited  rate_limited]" {
			t.Errorf("answered %q", got)
		}
	})
}

// TestInvitationLinkComesBack: a use of an invitation link that let nobody in, because the name was
// taken, lets another in, whether or not the one who asked waits for the answer.
func TestInvitationLinkComesBack(t *testing.T) {
	w := idle(t, config())
	op, gus := w.operator("Op"), w.comeIn("Gus")
	w.ok("PATCH", "/v1/server", op.Token, `{"registration":"invited"}`, nil)
	i := w.invitationLink(op, `{"uses":1}`)
	used := func() int64 {
		kept, err := w.store.InvitationLink(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		return kept.Used
	}
	for name, register := range map[string]func(context.Context) error{
		"register": func(ctx context.Context) error {
			_, err := w.register0(ctx, "Op", i.Link)
			return err
		},
		"keep": func(ctx context.Context) error {
			_, err := w.accounts.keepGuest(ctx, w.claims(gus), "Op", "correct horse", i.Link, "203.0.113.1")
			return err
		},
	} {
		ctx, leave := context.WithCancel(t.Context())
		w.during("UserByName", leave)
		if err := register(ctx); !errors.Is(err, errNameTaken) || used() != 0 {
			t.Errorf("%s: %v, %d uses are taken", name, err, used())
		}
		leave()
	}
}

// register0 registers by the name of a method that the tests' own hides.
func (w *world) register0(ctx context.Context, name, link string) (store.User, error) {
	return w.Service.accounts.register(ctx, name, "correct horse", link, "203.0.113.1")
}

// TestNobodyRunsNoServer: a request of nobody is not one of the console.
func TestNobodyRunsNoServer(t *testing.T) {
	w := idle(t, config())
	if _, err := w.rights.permittedOnServer(t.Context(), directoryapi.ActionBan, ""); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("nobody: %v", err)
	}
	if role, err := w.rights.permittedOnServer(asConsole(t.Context(), "root"), directoryapi.ActionBan, ""); err != nil || role != directoryapi.RoleOperator {
		t.Errorf("the console: %q, %v", role, err)
	}
	if _, err := w.rights.permittedOnServer(asConsole(t.Context(), "root"), directoryapi.ActionBan, "u1"); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("a user at the console: %v", err)
	}
}

// TestOperatorsAreToldHow: an operator who may do something, but not to another operator, is told
// what comes first, and everybody else that they may not.
func TestOperatorsAreToldHow(t *testing.T) {
	for role, want := range map[directoryapi.Role]string{
		directoryapi.RoleOperator: "take the role away first", directoryapi.RoleAuditor: "only who runs this server", "": "only who runs this server",
	} {
		if err := mayTo(role, directoryapi.ActionBan, directoryapi.WholeServer, directoryapi.RoleOperator); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", role, err)
		}
	}
}

// TestGuestsOfOneName: they are numbered, then found by chance, and when there is no name left, one
// is told so.
func TestGuestsOfOneName(t *testing.T) {
	w := idle(t, config())
	names := map[string]bool{}
	for i := range maxNumbered + 3 {
		c := w.comeIn("Gus")
		names[c.User.Name] = true
		if want := fmt.Sprintf("Gus-%d (guest)", i+1); i > 0 && i < maxNumbered && c.User.Name != want {
			t.Errorf("guest %d is %q, want %q", i, c.User.Name, want)
		}
	}
	if len(names) != maxNumbered+3 {
		t.Errorf("%d names: %v", len(names), names)
	}
	tries := 0
	w.store.set(func(method string) error {
		if method != "CreateGuest" {
			return nil
		}
		tries++
		return store.ErrConflict
	})
	if _, err := w.accounts.guest(t.Context(), "Gus", "203.0.113.1"); err == nil || tries != 2*maxNumbered {
		t.Errorf("after %d tries: %v", tries, err)
	}
}

// TestWhatAnotherReplicaChanges: what is known of the server's record is a second old at most, and
// what this process changes counts at once.
func TestWhatAnotherReplicaChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := idle(t, config())
		guests := func() string {
			r, err := w.serverRecord.recentServer(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return r.Guests
		}
		change := func(to string) { // as another replica does
			r, err := w.memory.Server(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r.Guests = to
			if err := w.memory.PutServer(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		guests()
		change(guestsOff)
		got := []string{guests()}
		time.Sleep(serverFresh)
		got = append(got, guests())
		change(guestsOn)
		if err := w.serverRecord.changeServer(t.Context(), func(r *store.Server) error { r.SetUp = 1; return nil }); err != nil {
			t.Fatal(err)
		}
		if got = append(got, guests()); fmt.Sprint(got) != "[ off on]" {
			t.Errorf("guests are %q", got)
		}
	})
}

// TestRoomsOfGuests: those that an operator names are there and public, and not too many.
func TestRoomsOfGuests(t *testing.T) {
	w := idle(t, config())
	op, ann := w.operator("Op"), w.register("Ann")
	open, closed := w.create(ann, `{"name":"Open"}`), w.create(ann, `{"name":"Closed","private":true}`)
	list := func(n int) string {
		return `"` + strings.Join(strings.Split(strings.Repeat(open.ID+" ", n-1)+open.ID, " "), `","`) + `"`
	}
	for _, tt := range []struct{ body, want string }{
		{`{"guests":"rooms"}`, chat.CodeBadRequest},
		{`{"guests":"rooms","guest_rooms":[]}`, chat.CodeBadRequest},
		{`{"guest_rooms":["` + closed.ID + `"]}`, chat.CodeNotFound},
		{`{"guest_rooms":["nowhere"]}`, chat.CodeNotFound},
		{`{"guest_rooms":["a b"]}`, chat.CodeBadRequest},
		{`{"guest_rooms":[` + list(maxGuestRooms+1) + `]}`, chat.CodeBadRequest},
		{`{"guests":"some"}`, chat.CodeBadRequest},
		{`{"registration":"some"}`, chat.CodeBadRequest},
		{`{"guest_rooms":[` + list(maxGuestRooms) + `]}`, ""},
		{`{"guests":"rooms"}`, ""},
		{`{"guests":"on","registration":"invited"}`, ""},
	} {
		if code := w.code(op, "PATCH", "/v1/server", tt.body); code != tt.want {
			t.Errorf("%.60s: %q, want %q", tt.body, code, tt.want)
		}
	}
	var out serverView
	w.ok("GET", "/v1/server", "", "", &out)
	if out.Guests != guestsOn || out.GuestRooms != nil {
		t.Errorf("everybody is told %+v", out)
	}
}

// TestAlikeInTheSameMoment: of two names that look alike and are taken in the same moment, the
// later leaves nothing behind, and a guest who wanted it stays a guest.
func TestAlikeInTheSameMoment(t *testing.T) {
	w := idle(t, config())
	gus := w.comeIn("Gus")
	another := func(name string) func() {
		return func() {
			u := store.User{ID: chat.NewID(), Name: name, NameKey: names.Key(name), Looks: names.LooksOf(name), Hash: "x", Created: 1}
			if err := w.memory.CreateUser(t.Context(), u); err != nil {
				t.Error(err)
			}
		}
	}
	if _, code := w.registers("Max", ""); code != "" && code != chat.CodeConflict {
		t.Fatal(code)
	}
	w.during("CreateUser", another("BOB"))
	if _, code := w.registers("B0B", ""); code != chat.CodeConflict {
		t.Errorf("a name that looks like another: %q", code)
	}
	if u, err := w.store.UserByName(t.Context(), names.Key("B0B")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("left is %+v, %v", u, err)
	}
	w.during("ReplaceUser", another("EVE0"))
	if code := w.keepCode(gus, "EVEO", "", nil); code != chat.CodeConflict {
		t.Errorf("a guest who takes a name that looks like another: %q", code)
	}
	if u, err := w.store.User(t.Context(), gus.User.ID); err != nil || !u.Guest() || u.Name != gus.User.Name {
		t.Errorf("the guest is %+v, %v", u, err)
	}
}

// TestGuestsOfOtherRulesEnd: each time that the rules change, the guests of before are signed out,
// however many users there are, and those who came since are not.
func TestGuestsOfOtherRulesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := idle(t, config())
		for i := range guestsBatch + 10 {
			u := store.User{ID: fmt.Sprintf("0-%04d", i), Name: fmt.Sprint("u", i), NameKey: fmt.Sprint("u", i), Hash: "x", Created: 1}
			if err := w.memory.CreateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
		ended := func(c credentials) bool { return w.code(c, "GET", "/v1/me", "") == chat.CodeUnauthorized }
		for i := range 2 {
			before := w.comeIn("Before")
			err := w.serverRecord.changeServer(t.Context(), func(r *store.Server) error { r.GuestsSince = time.Now().UnixMilli() + 1; return nil })
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Millisecond)
			since := w.comeIn("Since")
			for range 2 {
				if err := w.admissions.endGuests(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if !ended(before) || ended(since) || !w.admissions.guestsEnded.done {
				t.Errorf("change %d: ended %v, and of since %v; done %v", i, ended(before), ended(since), w.admissions.guestsEnded.done)
			}
		}
	})
}

// TestRefusedByTheRoom: somebody who may not archive a room, and does not run the server either, is
// told who may.
func TestRefusedByTheRoom(t *testing.T) {
	w := idle(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Open"}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleModerator)
	if err := w.rooms.archive(t.Context(), w.claims(bob), room.ID, true); err == nil || !strings.Contains(err.Error(), "only an owner may archive the room") {
		t.Errorf("a moderator: %v", err)
	}
	if err := w.rooms.archive(t.Context(), w.claims(bob), "no room", true); !errors.Is(err, errNoRoom) {
		t.Errorf("no room: %v", err)
	}
}

// TestCachesForgetADeletedRoom: whoever keeps permissions is told, also of a room of one.
func TestCachesForgetADeletedRoom(t *testing.T) {
	w := idle(t, config())
	w.historian()
	ann := w.register("Ann")
	room := w.create(ann, `{"name":"Open"}`)
	before := len(w.control())
	w.ok("POST", "/v1/rooms/"+room.ID+"/delete", ann.Token, `{"name":"Open"}`, nil)
	for _, c := range w.control()[before:] {
		if c.Kind == directoryapi.ChangeRoom && c.Room == room.ID {
			return
		}
	}
	t.Errorf("told was %+v", w.control()[before:])
}

// TestManyActsOfAMillisecond: their ids are as long as others, and none is there twice.
func TestManyActsOfAMillisecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ids actIDs
		seen := map[string]bool{}
		for range 10_000 {
			id := ids.next()
			if len(id) != 36 || !chat.ValidID(id) || store.ActTime(id) != time.Now().UnixMilli() || seen[id] {
				t.Fatalf("id %q after %d", id, len(seen))
			}
			seen[id] = true
		}
	})
}
