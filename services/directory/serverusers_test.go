package directory

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestFindServerUsers finds accounts by a part of their name and by what they are, a page at a
// time.
func TestFindServerUsers(t *testing.T) {
	w := openWorld(t, config())
	op, aud, off := w.operator("Op"), w.register("Audrey"), w.register("Off")
	w.comeIn("Mia")
	w.ok("PUT", "/v1/server/users/"+aud.User.ID+"/role", op.Token, `{"role":"auditor"}`, nil)
	w.ok("PUT", "/v1/server/users/"+off.User.ID+"/disabled", op.Token, `{"disabled":true}`, nil)
	for _, tt := range []struct{ query, want string }{
		{"", "Mia (guest) Audrey Off Op"},
		{"?q=F", "Off"},
		{"?q=%20ff%20", "Off"},
		{"?q=DRE", "Audrey"},
		{"?q=nobody", ""},
		{"?show=registered", "Audrey Off Op"},
		{"?show=registered&q=o", "Off Op"},
		{"?show=guests", "Mia (guest)"},
		{"?q=m", "Mia (guest)"},
		{"?show=disabled", "Off"},
		{"?show=staff", "Audrey Op"},
		{"?show=staff&q=au", "Audrey"},
		{"?q=o&after=off", "Op"},
	} {
		var out serverUsersOutput
		w.ok("GET", "/v1/server/users"+tt.query, aud.Token, "", &out)
		var names []string
		for _, u := range out.Users {
			names = append(names, u.Name)
		}
		if got := strings.Join(names, " "); got != tt.want || out.Next != "" {
			t.Errorf("%s: %s, then %q; want %s", tt.query, got, out.Next, tt.want)
		}
	}
	if c := w.code(op, "GET", "/v1/server/users?show=everything", ""); c != "bad_request" {
		t.Errorf("what there is not: %q", c)
	}
	for i := range 2 * pageUsers {
		u := store.User{ID: chat.NewID(), Name: fmt.Sprintf("Many%03d", i), NameKey: fmt.Sprintf("many%03d", i), Hash: "x"}
		if err := w.store.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	seen, pages := map[string]bool{}, 0
	for after := ""; pages == 0 || after != ""; pages++ {
		var out serverUsersOutput
		w.ok("GET", "/v1/server/users?q=any&after="+after, op.Token, "", &out)
		for _, u := range out.Users {
			seen[u.ID] = true
		}
		after = out.Next
	}
	if len(seen) != 2*pageUsers || pages != 2 {
		t.Errorf("%d users on %d pages", len(seen), pages)
	}
}

// TestServerUser describes an account: to an auditor without log-ins and mute.
func TestServerUser(t *testing.T) {
	w := openWorld(t, config())
	op, aud, bob := w.operator("Op"), w.register("Audrey"), w.register("Bob")
	w.ok("PUT", "/v1/server/users/"+aud.User.ID+"/role", op.Token, `{"role":"auditor"}`, nil)
	path := "/v1/server/users/" + bob.User.ID
	get := func(who credentials) (v personView) {
		t.Helper()
		w.ok("GET", path, who.Token, "", &v)
		return v
	}
	if v := get(op); v.ID != bob.User.ID || v.Name != "Bob" || v.Ban != nil || v.Mute != nil || len(v.Logins) != 1 || v.Logins[0].Address == "" || v.Logins[0].Current {
		t.Errorf("Bob is %+v", v)
	}
	w.ok("PUT", "/v1/mutes/"+bob.User.ID, op.Token, `{"minutes":5,"reason":"spam"}`, nil)
	if v := get(op); v.Mute == nil || v.Mute.Reason != "spam" || v.Mute.ByName != "Op" || v.Mute.Until == 0 {
		t.Errorf("the mute is %+v", v.Mute)
	}
	if v := get(aud); v.Logins != nil || v.Mute != nil {
		t.Errorf("an auditor sees %+v", v)
	}
	w.ok("PUT", "/v1/bans/"+bob.User.ID, op.Token, `{"reason":"more spam"}`, nil)
	if v := get(aud); !v.Banned || v.Ban == nil || v.Ban.Reason != "more spam" || v.Ban.ByName != "Op" {
		t.Errorf("the ban is %+v", v.Ban)
	}
	var bans bansOutput
	w.ok("GET", "/v1/bans", aud.Token, "", &bans)
	if len(bans.Bans) != 1 || bans.Bans[0].ByName != "Op" {
		t.Errorf("bans are %+v", bans)
	}
	for who, code := range map[*credentials]string{&bob: "forbidden", &op: "not_found"} {
		if c := w.code(*who, "GET", "/v1/server/users/nobody", ""); c != code {
			t.Errorf("%s asks for nobody: %q", who.User.Name, c)
		}
	}
}

// TestDeleteUser deletes others' accounts: who it was is gone, and the log says who did that.
func TestDeleteUser(t *testing.T) {
	w := openWorld(t, config())
	h := w.historian()
	op, deputy, aud, bob, gus := w.operator("Op"), w.operator("Deputy"), w.register("Audrey"), w.register("Bob"), w.comeIn("Gus")
	w.ok("PUT", "/v1/server/users/"+aud.User.ID+"/role", op.Token, `{"role":"auditor"}`, nil)
	room := w.create(op, `{"name":"Room"}`)
	w.bring(op, room.ID, bob, directoryapi.RoleMember)
	for _, tt := range []struct {
		who, whom  credentials
		body, code string
	}{
		{bob, gus, `{}`, "forbidden"}, {aud, gus, `{}`, "forbidden"}, {op, deputy, `{}`, "forbidden"}, {op, op, `{}`, "bad_request"},
		{op, aud, `{}`, "conflict"}, {op, bob, `{"messages":"some"}`, "bad_request"}, {op, bob, `{"messages":"remove"}`, ""}, {op, bob, `{}`, "not_found"},
		{op, gus, `{}`, ""},
	} {
		if c := w.code(tt.who, "POST", "/v1/server/users/"+tt.whom.User.ID+"/delete", tt.body); c != tt.code {
			t.Errorf("%s deletes %s, %s: %q, want %q", tt.who.User.Name, tt.whom.User.Name, tt.body, c, tt.code)
		}
	}
	if _, err := w.store.Member(t.Context(), room.ID, bob.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Bob is in the room: %v", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.purges) != 1 {
		t.Errorf("purged are %+v", h.purges)
	}
	for _, p := range h.purges {
		if p.User != bob.User.ID || p.Room != "" {
			t.Errorf("purged is %+v", p)
		}
	}
	for _, who := range []credentials{bob, gus} {
		if c := w.code(who, "GET", "/v1/me", ""); c != "unauthorized" {
			t.Errorf("%s goes on: %q", who.User.Name, c)
		}
	}
	w.keepHouse(t.Context())
	if _, err := w.store.User(t.Context(), gus.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the guest: %v", err)
	}
	if a := w.audited(op, "action=account.delete&subject="+bob.User.ID); len(a) != 1 || a[0].Actor != op.User.ID || a[0].Detail != "with all messages" || a[0].SubjectName != "Bob" {
		t.Errorf("written down is %+v", a)
	}
}
