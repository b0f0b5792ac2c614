package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestDeleteAccount deletes accounts, also with a crash right after the user's name is gone:
// nothing of them is left but the name, which nobody else gets.
func TestDeleteAccount(t *testing.T) {
	for _, crash := range []bool{false, true} {
		cfg := config()
		w := idle(t, cfg)
		w.historian()
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
			if err := w.changes.tellUntold(t.Context()); err != nil {
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

// TestNothingIsLeftAgainstWhoIsGone: what others had against a user, in rooms and on the server,
// goes with the account.
func TestNothingIsLeftAgainstWhoIsGone(t *testing.T) {
	w := idle(t, config())
	w.historian()
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(bob, `{"name":"Room"}`).ID
	ctx, id := t.Context(), ann.User.ID
	w.ok("PUT", "/v1/blocks/"+id, bob.Token, `{"kind":"block"}`, nil)
	err := errors.Join(
		w.store.PutBan(ctx, store.Ban{Room: room, User: id, Name: "Ann", Actor: bob.User.ID}),
		w.store.PutMute(ctx, store.Mute{Room: room, User: id, Name: "Ann", Actor: bob.User.ID, Until: chat.Forever}),
		w.store.PutReader(ctx, room, id),
	)
	if err != nil {
		t.Fatal(err)
	}
	w.ok("POST", "/v1/me/delete", ann.Token, `{"password":"correct horse"}`, nil)
	bans, err1 := w.store.BansOf(ctx, id)
	mutes, err2 := w.store.MutesOf(ctx, id)
	reader, err3 := w.store.Reader(ctx, room, id)
	blocks, err4 := w.store.Blocks(ctx, bob.User.ID, "", 10)
	if err := errors.Join(err1, err2, err3, err4); err != nil || len(bans)+len(mutes)+len(blocks) > 0 || reader {
		t.Errorf("left are bans %+v, mutes %+v, a reader %v, blocks %+v (%v)", bans, mutes, reader, blocks, err)
	}
}

// TestDeleteAccountWithMessages: history is asked to delete what was said if the user wants that,
// also when it is back later.
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

// TestMyData: users take along what there is of them, and of nobody else, with all that they have
// said.
func TestMyData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		h := w.historian()
		ann, bob := w.register("Ann"), w.register("Bob")
		room := w.create(ann, `{"name":"Room"}`)
		w.create(bob, `{"name":"Bob's"}`)
		if err := w.store.PutSeen(t.Context(), []store.Seen{{User: ann.User.ID, At: 5}}); err != nil {
			t.Fatal(err)
		}
		w.ok("PATCH", "/v1/settings", ann.Token, `{"seen_by":"rooms"}`, nil)
		said := func(room string, seq uint64, text string) chat.Message {
			return chat.Message{Event: chat.Event{Type: chat.TypeMsg, Room: room, Seq: seq, ID: fmt.Sprint("m", seq), User: ann.User.ID, Text: text}}
		}
		h.mu.Lock()
		h.said = map[string][]chat.Message{
			ann.User.ID: {said(room.ID, 4, "one"), said("lobby", 1, "\"two\"\n"), said("lobby", 9, "three")}, bob.User.ID: {said("lobby", 2, "Bob's")},
		}
		h.mu.Unlock()
		var d struct {
			myData
			Messages []chat.Message
		}
		w.ok("GET", "/v1/me/data", ann.Token, "", &d)
		if d.Account != ann.User || d.Created == 0 || d.LastSeen != 5 || d.Settings.SeenBy != "rooms" || len(d.Sessions) != 1 || len(d.Memberships) != 1 ||
			d.Memberships[0].Room != room.ID || d.Memberships[0].Name != "Room" || d.Memberships[0].Role != directoryapi.RoleOwner || d.Memberships[0].Since == 0 {
			t.Errorf("the data are %+v", d)
		}
		if m := d.Messages; len(m) != 3 || m[0].Text != "one" || m[1].Text != "\"two\"\n" || m[2].Text != "three" || m[0].Room != room.ID {
			t.Errorf("the messages are %+v", m)
		}
		// Who has said nothing.
		eve := w.register("Eve")
		w.ok("GET", "/v1/me/data", eve.Token, "", &d)
		if d.Account != eve.User || len(d.Messages) != 0 {
			t.Errorf("the data are %+v", d)
		}
		// While history is away there are none, and not some.
		h.mu.Lock()
		h.away = 1
		h.mu.Unlock()
		if code := w.code(ann, "GET", "/v1/me/data", ""); code != chat.CodeUnavailable {
			t.Errorf("without history: %q", code)
		}
		e, err := w.ownAccount.startExport(t.Context(), w.claims(ann))
		if err != nil {
			t.Fatal(err)
		}
		write := func(away int) (string, error) {
			h.mu.Lock()
			h.away = away
			h.mu.Unlock()
			var out strings.Builder
			err := e.write(t.Context(), &out, func() {})
			return out.String(), err
		}
		if text, err := write(2); err != nil || !json.Valid([]byte(text)) || strings.Count(text, `"text"`) != 3 {
			t.Errorf("history is away for a moment: %s, %v", text, err)
		}
		if text, err := write(100); err == nil || json.Valid([]byte(text)) {
			t.Errorf("history stays away: %s, %v", text, err)
		}
		// It reads much, so not for ever.
		for range dataHour {
			w.code(eve, "GET", "/v1/me/data", "")
		}
		if code := w.code(eve, "GET", "/v1/me/data", ""); code != chat.CodeRateLimited {
			t.Errorf("again and again: %q", code)
		}
	})
}

// TestDeletedUsers: a client learns of whom it shows messages that they have deleted the account,
// by their ids.
func TestDeletedUsers(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, gus := w.register("Ann"), w.register("Bob"), w.comeIn("Gus")
	body := fmt.Sprintf(`{"users":[%q,%q,%q,"nobody"]}`, bob.User.ID, ann.User.ID, gus.User.ID)
	var out deletedOutput
	w.ok("POST", "/v1/users/deleted", ann.Token, body, &out)
	if len(out.Deleted) != 0 {
		t.Errorf("deleted are %q", out.Deleted)
	}
	w.ok("POST", "/v1/me/delete", bob.Token, `{"password":"correct horse"}`, nil)
	h := w.historian() // which was away
	w.age()
	if err := w.changes.tellUntold(t.Context()); err != nil {
		t.Error(err)
	}
	if !slices.Equal(h.unsaved, []string{bob.User.ID}) {
		t.Errorf("what they have saved is forgotten of %q", h.unsaved)
	}
	w.ok("POST", "/v1/users/deleted", ann.Token, body, &out)
	if len(out.Deleted) != 1 || out.Deleted[0] != bob.User.ID {
		t.Errorf("deleted are %q", out.Deleted)
	}
	for _, tt := range []struct {
		who        credentials
		body, code string
	}{{credentials{}, body, "unauthorized"}, {ann, `{"users":[` + strings.Repeat(`"x",`, 100) + `"x"]}`, "bad_request"}, {ann, `{"users":[]}`, ""}} {
		if code := w.code(tt.who, "POST", "/v1/users/deleted", tt.body); code != tt.code {
			t.Errorf("%.30s: %q, want %q", tt.body, code, tt.code)
		}
	}
}
