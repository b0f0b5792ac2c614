package directory

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

func (w *world) keepCode(c credentials, name, rest string, out any) string {
	w.t.Helper()
	_, code := w.call("POST", "/v1/me/register", c.Token, fmt.Sprintf(`{"name":%q,"password":"correct horse"%s}`, name, rest), out)
	return code
}

// TestKeepAccount has a guest, who owns a room, is in another's, and has a direct room, become a
// registered user.
func TestKeepAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		gus, ann := w.comeIn("Gus"), w.register("Ann")
		own := w.create(gus, `{"name":"Own","private":true}`)
		w.bring(gus, own.ID, ann, directoryapi.RoleMember)
		anns := w.create(ann, `{"name":"Ann's","private":true}`)
		w.bring(ann, anns.ID, gus, directoryapi.RoleModerator)
		var direct roomView
		w.ok("POST", "/v1/direct", gus.Token, fmt.Sprintf(`{"user":%q}`, ann.User.ID), &direct)
		cache := w.cache(func(directoryapi.Change) {})

		for _, tt := range []struct{ name, as, code string }{
			{"a taken name", "Ann", "conflict"}, {"a bad name", "a b", "bad_request"}, {"the mark of guests", gus.User.Name, "bad_request"},
		} {
			if code := w.keepCode(gus, tt.as, "", nil); code != tt.code {
				t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
			}
		}
		if code := w.code(gus, "POST", "/v1/me/register", `{"name":"Gustav","password":"short"}`); code != "bad_request" {
			t.Errorf("a bad password: %q", code)
		}
		var kept credentials
		if code := w.keepCode(gus, "Gustav", "", &kept); code != "" {
			t.Fatal(code)
		}
		claims := w.claims(kept)
		if kept.User != (account{ID: gus.User.ID, Name: "Gustav"}) || claims.Guest || claims.Name != "Gustav" || claims.Session != w.claims(gus).Session || kept.Refresh != "" || kept.Device == "" {
			t.Errorf("answered %+v, %+v", kept, claims)
		}
		if code := w.keepCode(kept, "Gustaf", "", nil); code != "conflict" {
			t.Errorf("again: %q", code)
		}
		// All goes on: the token and the refresh token from before, rooms and roles.
		w.ok("GET", "/v1/me", gus.Token, "", nil)
		next := w.refreshed(gus)
		if next.User != kept.User {
			t.Errorf("the next token is of %+v", next.User)
		}
		synctest.Wait()
		if cache.Revoked(w.claims(gus)) {
			t.Error("the sockets were closed")
		}
		rooms := w.listed(next)
		if rooms[own.ID].Role != directoryapi.RoleOwner || rooms[anns.ID].Role != directoryapi.RoleModerator || rooms[direct.ID].With != ann.User.ID {
			t.Errorf("the rooms are %+v", rooms)
		}
		if r := w.listed(ann)[direct.ID]; r.Name != "Gustav" {
			t.Errorf("to the other the direct room is %+v", r)
		}
		m, err := w.store.Member(t.Context(), anns.ID, gus.User.ID)
		if err != nil || m.Name != "Gustav" {
			t.Errorf("the membership is %+v, %v", m, err)
		}
		// It lasts as an account does, and not as a guest.
		time.Sleep(w.cfg.GuestLife + w.cfg.SessionLife + time.Hour)
		if err := w.departures.removeEnded(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.ok("POST", "/v1/login", "", `{"name":"gustav","password":"correct horse"}`, &next)
		if next.User != kept.User {
			t.Errorf("logged in as %+v", next.User)
		}
		acts, err := w.store.Acts(t.Context(), store.ActFilter{Subject: gus.User.ID, Action: actRegister}, 10)
		if err != nil || len(acts) == 0 || !strings.Contains(acts[0].Detail, gus.User.Name) || acts[0].Actor != gus.User.ID || acts[0].Outcome != store.OutcomeDone {
			t.Errorf("written down: %+v, %v", acts, err)
		}
	})
}

// TestKeepAccountByInvitationLink: it takes what registering takes.
func TestKeepAccountByInvitationLink(t *testing.T) {
	w := openWorld(t, config())
	op, gus, hal := w.operator("Op"), w.comeIn("Gus"), w.comeIn("Hal")
	var made invitationLinkView
	w.ok("POST", "/v1/server/invitations", op.Token, `{"uses":1}`, &made)
	w.ok("PATCH", "/v1/server", op.Token, `{"registration":"closed"}`, nil)
	if code := w.keepCode(gus, "Gustav", "", nil); code != "forbidden" {
		t.Errorf("while registration is closed: %q", code)
	}
	w.ok("PATCH", "/v1/server", op.Token, `{"registration":"invited"}`, nil)
	link := fmt.Sprintf(`,"invitation":%q`, made.Link)
	for _, tt := range []struct {
		name, as, rest string
		who            credentials
		code           string
	}{
		{"without", "Gustav", "", gus, "forbidden"}, {"with a name that is taken", "Op", link, gus, "conflict"}, {"with it", "Gustav", link, gus, ""},
		{"with one that was used", "Harald", link, hal, "forbidden"},
	} {
		if code := w.keepCode(tt.who, tt.as, tt.rest, nil); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}
}

// TestKeepAccountCrashes: the process ends before the guest's rooms know the name, and somebody
// takes the name in the same moment.
func TestKeepAccountCrashes(t *testing.T) {
	w := idle(t, config())
	ann, gus := w.register("Ann"), w.comeIn("Gus")
	room := w.create(ann, `{"name":"Ann's","private":true}`)
	w.bring(ann, room.ID, gus, directoryapi.RoleMember)
	w.memory.Fail(func(call string, done bool) error {
		if call == "ReplaceUser" && done {
			return errors.New("crash")
		}
		return nil
	})
	if code := w.keepCode(gus, "Gustav", "", nil); code != chat.CodeUnavailable {
		t.Fatalf("the crash: %q", code)
	}
	w.memory.Fail(nil)
	w.age()
	if err := w.changes.tellUntold(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, err := w.store.Member(t.Context(), room.ID, gus.User.ID)
	if err != nil || m.Name != "Gustav" {
		t.Errorf("the membership is %+v, %v", m, err)
	}
	hal := w.comeIn("Hal")
	w.memory.Fail(func(call string, done bool) error {
		if call == "ReplaceUser" && !done {
			w.memory.Fail(nil)
			w.register("Harald")
		}
		return nil
	})
	if code := w.keepCode(hal, "Hara1d", "", nil); code != "conflict" {
		t.Errorf("a name that looks like one of this moment: %q", code)
	}
	if u, err := w.store.User(t.Context(), hal.User.ID); err != nil || !u.Guest() || u.Name != hal.User.Name {
		t.Errorf("the guest is %+v, %v", u, err)
	}
}
