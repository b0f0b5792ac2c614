package directory

import (
	"errors"
	"fmt"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestDeleteAccount deletes accounts, also with a crash right after the user's name is gone: nothing of them is left but the name,
// which nobody else gets.
func TestDeleteAccount(t *testing.T) {
	for _, crash := range []bool{false, true} {
		cfg := config()
		w := idle(t, cfg)
		w.keepHouse(t.Context())
		op, ann, bob, gus := w.operator("Op"), w.register("Ann"), w.register("Bob"), w.comeIn("Gus")
		w.keepHouse(t.Context())
		phone := w.logIn()
		room := w.create(ann, `{"name":"Room"}`)
		w.bring(ann, room.ID, bob, directoryapi.RoleMember)
		var direct roomView
		w.ok("POST", "/v1/direct", ann.Token, fmt.Sprintf(`{"user":%q}`, bob.User.ID), &direct)
		w.ok("PATCH", "/v1/settings", ann.Token, `{"seen_by":"nobody"}`, nil)
		for _, tt := range []struct {
			name, password, code string
			who                  credentials
		}{{"with a wrong password", "wrong horse", "forbidden", ann}, {"who runs the server", "correct horse", "conflict", op}, {"a guest", "", "", gus}} {
			if code := w.code(tt.who, "POST", "/v1/me/delete", fmt.Sprintf(`{"password":%q}`, tt.password)); code != tt.code {
				t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
			}
		}
		w.keepHouse(t.Context())
		if _, err := w.store.User(t.Context(), gus.User.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the guest: %v", err)
		}
		if crash {
			w.memory.Fail(func(call string, done bool) error {
				if call == "EndSessionsOf" {
					return errors.New("crash")
				}
				return nil
			})
		}
		if code := w.code(ann, "POST", "/v1/me/delete", `{"password":"correct horse"}`); (code != "") != crash {
			t.Fatalf("the account is deleted: %q", code)
		}
		if crash {
			w.memory.Fail(nil)
			w.age()
			if err := w.tellUntold(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for what, code := range map[string]string{
			"a log-in":             w.post("/v1/login", `{"name":"Ann","password":"correct horse"}`),
			"a log-in by its hash": w.post("/v1/login", `{"name":"Ann","password":"-"}`),
			"a refresh":            w.refreshCode(phone), "a token": w.code(ann, "GET", "/v1/me", ""),
		} {
			if code != "unauthorized" {
				t.Errorf("%s of who is gone: %q", what, code)
			}
		}
		if code := w.post("/v1/register", `{"name":"ann","password":"correct horse"}`); code != "conflict" {
			t.Errorf("the name for somebody else: %q", code)
		}
		if m, err := w.store.Member(t.Context(), room.ID, bob.User.ID); err != nil || m.Role != directoryapi.RoleOwner {
			t.Errorf("the room's owner is %+v, %v", m, err)
		}
		if e := w.last(room.ID); e.Type != chat.TypeMember {
			t.Errorf("the room was told %+v", e)
		}
		if r := w.listed(bob)[direct.ID]; r.Name != deletedName || r.With != ann.User.ID {
			t.Errorf("the direct room is %+v", r)
		}
		var found struct{ Users []account }
		if w.ok("GET", "/v1/users?q=ann", bob.Token, "", &found); len(found.Users) != 0 {
			t.Errorf("found %+v", found)
		}
		var all membersOutput
		w.ok("GET", "/v1/rooms/lobby/members", bob.Token, "", &all)
		for _, m := range all.Members {
			if m.User == ann.User.ID {
				t.Errorf("listed is %+v", m)
			}
		}
		if a, err := w.store.Account(t.Context(), ann.User.ID); err != nil || a.SeenBy != "" || a.DeviceKey != nil {
			t.Errorf("kept is %+v, %v", a, err)
		}
		if code := w.code(bob, "POST", "/v1/direct", fmt.Sprintf(`{"user":%q}`, ann.User.ID)); code != "not_found" {
			t.Errorf("a new direct room: %q", code)
		}
		w.keepHouse(t.Context())
	}
}

// TestDeleteAccountWithMessages: history is asked to delete what was said if the user wants that, also when it is back later.
func TestDeleteAccountWithMessages(t *testing.T) {
	w := idle(t, config())
	ann, bob, eve, gus := w.register("Ann"), w.register("Bob"), w.register("Eve"), w.comeIn("Gus")
	if code := w.code(ann, "POST", "/v1/me/delete", `{"password":"correct horse","messages":"some"}`); code != "bad_request" {
		t.Errorf("some of the messages: %q", code)
	}
	if code := w.code(ann, "POST", "/v1/me/delete", `{"password":"correct horse","messages":"remove"}`); code != "unavailable" {
		t.Errorf("with history away: %q", code)
	}
	if code := w.post("/v1/login", `{"name":"Ann","password":"correct horse"}`); code != "unauthorized" {
		t.Errorf("a log-in of who is gone: %q", code)
	}
	h := w.historian()
	w.age()
	w.keepHouse(t.Context())
	if r := h.purge(t); r.User != ann.User.ID || r.Actor != ann.User.ID || r.Room != "" || r.After != 0 || r.Name != deletedName {
		t.Errorf("history was asked for %+v", r)
	}
	w.ok("POST", "/v1/me/delete", bob.Token, `{"password":"correct horse","messages":"remove"}`, nil)
	if r := h.purge(t); r.User != bob.User.ID {
		t.Errorf("history was asked for %+v", r)
	}
	w.ok("POST", "/v1/me/delete", gus.Token, `{"password":"","messages":"remove"}`, nil)
	if r := h.purge(t); r.User != gus.User.ID {
		t.Errorf("history was asked for %+v", r)
	}
	w.ok("POST", "/v1/me/delete", eve.Token, `{"password":"correct horse","messages":"keep"}`, nil)
	if h.mu.Lock(); len(h.purges) != 0 {
		t.Errorf("history was asked for %+v", h.purges)
	}
	h.mu.Unlock()
}

// TestMyData: users take along what the directory has of them, and of nobody else.
func TestMyData(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Room"}`)
	w.create(bob, `{"name":"Bob's"}`)
	if err := w.store.PutSeen(t.Context(), []store.Seen{{User: ann.User.ID, At: 5}}); err != nil {
		t.Fatal(err)
	}
	w.ok("PATCH", "/v1/settings", ann.Token, `{"seen_by":"rooms"}`, nil)
	var d myData
	w.ok("GET", "/v1/me/data", ann.Token, "", &d)
	if d.Account != ann.User || d.Created == 0 || d.LastSeen != 5 || d.Settings.SeenBy != "rooms" || len(d.Sessions) != 1 || len(d.Memberships) != 1 ||
		d.Memberships[0].Room != room.ID || d.Memberships[0].Name != "Room" || d.Memberships[0].Role != directoryapi.RoleOwner || d.Memberships[0].Since == 0 {
		t.Errorf("the data are %+v", d)
	}
}
