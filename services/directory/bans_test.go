package directory

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

func TestRoomBans(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve, zed := w.register("Ann"), w.register("Bob"), w.register("Eve"), w.register("Zed")
	room := w.create(ann, `{"name":"Open"}`)
	path := "/v1/rooms/" + room.ID
	w.bring(ann, room.ID, bob, directoryapi.RoleModerator)
	w.bring(ann, room.ID, eve, directoryapi.RoleMember)
	cache := w.cache(func(directoryapi.Change) {})
	read := func(u credentials) bool {
		a, err := cache.Access(t.Context(), u.User.ID, room.ID)
		return err == nil && a.Read
	}
	if !read(eve) || !read(zed) {
		t.Error("everybody may read a public room")
	}
	ban := func(u credentials) string { return path + "/bans/" + u.User.ID }

	for _, tt := range []struct {
		name               string
		who                credentials
		method, path, body string
		code               string
	}{
		{"a member bans", eve, "PUT", ban(zed), `{}`, "forbidden"},
		{"a stranger bans", zed, "PUT", ban(eve), `{}`, "forbidden"},
		{"a member looks who is banned", eve, "GET", path + "/bans", "", "forbidden"},
		{"a moderator bans an owner", bob, "PUT", ban(ann), `{}`, "forbidden"},
		{"a moderator bans himself", bob, "PUT", ban(bob), `{}`, "bad_request"},
		{"nobody is banned", bob, "PUT", path + "/bans/nobody", `{}`, "not_found"},
		{"a reason of two lines", bob, "PUT", ban(eve), `{"reason":"a\nb"}`, "bad_request"},
		{"in no room", bob, "PUT", "/v1/rooms/none/bans/" + eve.User.ID, `{}`, "forbidden"},
		{"a moderator bans a member", bob, "PUT", ban(eve), `{"reason":"spam"}`, ""},
		{"again, for another reason", bob, "PUT", ban(eve), `{"reason":"much spam"}`, ""},
		{"a moderator bans who is no member", bob, "PUT", ban(zed), `{}`, ""},
		{"the banned comes back", eve, "POST", path + "/join", "", "forbidden"},
		{"the banned looks at the room", eve, "GET", path, "", "forbidden"},
		{"the banned is brought back", ann, "POST", path + "/members", fmt.Sprintf(`{"user":%q}`, eve.User.ID), "forbidden"},
		{"the banned bans", eve, "PUT", ban(bob), `{}`, "forbidden"},
		{"the banned lifts the ban", eve, "DELETE", ban(eve), "", "forbidden"},
		{"a bad page", bob, "GET", path + "/bans?after=a%20b", "", "bad_request"},
	} {
		if c := w.code(tt.who, tt.method, tt.path, tt.body); c != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.name, c, tt.code)
		}
	}
	w.eventually("caches know", func() bool { return !read(eve) && !read(zed) })
	if _, listed := w.listed(eve)[room.ID]; listed {
		t.Error("the banned still sees the room listed")
	}
	if e := w.last(chat.UserRoom(eve.User.ID)); e.Type != chat.TypeRemoved || e.Target != room.ID || e.User != bob.User.ID {
		t.Errorf("the banned was told %+v", e)
	}
	var out bansOutput
	w.ok("GET", path+"/bans", bob.Token, "", &out)
	// They come by user id, and ids of one millisecond are in no order.
	slices.SortFunc(out.Bans, func(a, b banView) int { return strings.Compare(a.Name, b.Name) })
	if len(out.Bans) != 2 || out.Bans[0].Name != "Eve" || out.Bans[0].Reason != "much spam" || out.Bans[0].By != bob.User.ID || out.Bans[0].Since == 0 {
		t.Errorf("bans are %+v", out)
	}

	told := len(w.events(room.ID))
	w.ok("DELETE", ban(eve), bob.Token, "", nil)
	w.ok("DELETE", ban(eve), bob.Token, "", nil)
	w.eventually("caches know that the ban has ended", func() bool { return read(eve) })
	since := w.events(room.ID)[told:]
	if len(since) != 1 || since[0].Act != chat.ActUnban || since[0].Member != eve.User.ID || since[0].User != bob.User.ID {
		t.Errorf("of the end of the ban, which brings nobody back yet, the room was told %+v", since)
	}
	w.ok("POST", path+"/join", eve.Token, "", nil)
	w.bring(ann, room.ID, eve, directoryapi.RoleReader)
	var acts []string
	for _, e := range w.events(room.ID) {
		if e.Type == chat.TypeModerated && e.Member == eve.User.ID {
			acts = append(acts, strings.TrimSpace(e.Act+" "+e.Role+e.Text))
			if e.Name == "" || e.MemberName != "Eve" {
				t.Errorf("told is %+v", e)
			}
		}
	}
	if want := []string{"ban spam", "unban", "role reader"}; !slices.Equal(acts, want) {
		t.Errorf("the room was told %q, want %q", acts, want)
	}
}

// TestBannedWhileBroughtIn leaves a membership that was written while its user was being banned: it
// counts for nothing, and is gone when the ban has been told.
func TestBannedWhileBroughtIn(t *testing.T) {
	w := openWorld(t, config())
	ann, eve := w.register("Ann"), w.register("Eve")
	room := w.create(ann, `{"name":"Secret","private":true}`)
	w.ok("PUT", "/v1/rooms/"+room.ID+"/bans/"+eve.User.ID, ann.Token, `{}`, nil)
	if err := w.membership.putMember(t.Context(), room.ID, eve.User.ID, "Eve", ann.User.ID, directoryapi.RoleMember); err != nil {
		t.Fatal(err)
	}
	if c := w.code(eve, "GET", "/v1/rooms/"+room.ID, ""); c != "forbidden" {
		t.Errorf("the banned looks at the room: %q", c)
	}
	if members, err := w.store.Members(t.Context(), room.ID, "", 10); err != nil || len(members) != 1 {
		t.Errorf("members are %+v, %v", members, err)
	}
}

func TestDefaultRoomBan(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	ann, eve := w.operator("Ann"), w.register("Eve")
	w.keepHouse(t.Context())
	w.ok("PUT", "/v1/rooms/lobby/bans/"+eve.User.ID, ann.Token, `{}`, nil)
	if _, listed := w.listed(eve)["lobby"]; listed {
		t.Error("the banned still sees the lobby")
	}
	w.ok("DELETE", "/v1/rooms/lobby/bans/"+eve.User.ID, ann.Token, "", nil)
	if r := w.listed(eve)["lobby"]; !r.Member {
		t.Errorf("after the ban: %+v", r)
	}
	if e := w.last(chat.UserRoom(eve.User.ID)); e.Type != chat.TypeInvited || e.Target != "lobby" {
		t.Errorf("told %+v", e)
	}
}

func TestServerBans(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	ann, bob, eve := w.operator("Ann"), w.register("Bob"), w.register("Eve")
	room := w.create(eve, `{"name":"Eve's"}`)
	revoked := make(chan directoryapi.Change, 16)
	cache := w.cache(func(c directoryapi.Change) {
		if c.Kind == directoryapi.ChangeUser {
			revoked <- c
		}
	})
	for _, tt := range []struct {
		name         string
		who          credentials
		method, path string
		code         string
	}{
		{"somebody bans", bob, "PUT", "/v1/bans/" + eve.User.ID, "forbidden"},
		{"somebody looks who is banned", bob, "GET", "/v1/bans", "forbidden"},
		{"somebody ends a ban", bob, "DELETE", "/v1/bans/" + eve.User.ID, "forbidden"},
		{"who runs the server is banned", ann, "PUT", "/v1/bans/" + ann.User.ID, "bad_request"},
		{"nobody is banned", ann, "PUT", "/v1/bans/nobody", "not_found"},
		{"eve is banned", ann, "PUT", "/v1/bans/" + eve.User.ID, ""},
		{"eve goes on", eve, "GET", "/v1/rooms", "forbidden"},
		{"eve speaks up", eve, "POST", "/v1/rooms", "forbidden"},
	} {
		if c := w.code(tt.who, tt.method, tt.path, `{"name":"x"}`); c != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.name, c, tt.code)
		}
	}
	for path, body := range map[string]string{
		"/v1/login":   `{"name":"Eve","password":"correct horse"}`,
		"/v1/refresh": fmt.Sprintf(`{"refresh_token":%q}`, eve.Refresh),
	} {
		if status, code := w.call("POST", path, "", body, nil); status != http.StatusForbidden || code != "forbidden" {
			t.Errorf("%s of who is banned: %d %q", path, status, code)
		}
	}
	select {
	case c := <-revoked:
		if c.User != eve.User.ID || c.Session != "" {
			t.Errorf("revoked: %+v", c)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the sockets of who is banned stay open")
	}
	if !cache.Revoked(w.claims(eve)) || cache.Revoked(w.claims(bob)) {
		t.Error("the tokens of who is banned are void everywhere, and no others")
	}
	var out bansOutput
	w.ok("GET", "/v1/bans", ann.Token, "", &out)
	if len(out.Bans) != 1 || out.Bans[0].User != eve.User.ID {
		t.Errorf("bans are %+v", out)
	}

	w.ok("DELETE", "/v1/bans/"+eve.User.ID, ann.Token, "", nil)
	var again credentials
	w.ok("POST", "/v1/login", "", `{"name":"Eve","password":"correct horse"}`, &again)
	if cache.Revoked(w.claims(again)) {
		t.Error("a token from right after the ban is void")
	}
	if r := w.listed(again)[room.ID]; r.Role != directoryapi.RoleOwner {
		t.Errorf("eve's room is %+v", r)
	}
}

// TestBanIsToldAfterACrash leaves a ban from the server untold, as a crash does.
func TestBanIsToldAfterACrash(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	ann, eve := w.operator("Ann"), w.register("Eve")
	w.store.failAt("PutBan after", errors.New("crash"))
	if c := w.code(ann, "PUT", "/v1/bans/"+eve.User.ID, `{}`); c != "unavailable" {
		t.Errorf("code is %q", c)
	}
	w.store.set(nil)
	w.age()
	w.keepHouse(t.Context())
	cache := w.cache(func(directoryapi.Change) {})
	w.eventually("it is told", func() bool { return cache.Revoked(w.claims(eve)) })
}

// TestLiftedBanIsNotTold leaves a ban from the server untold, and lifts it before it is told: no
// token is made void any more, and the log-ins from before the ban are over all the same.
func TestLiftedBanIsNotTold(t *testing.T) {
	cfg := config()
	w := idle(t, cfg)
	ann, eve := w.operator("Ann"), w.register("Eve")
	w.store.failAt("PutBan after", errors.New("crash"))
	if c := w.code(ann, "PUT", "/v1/bans/"+eve.User.ID, `{}`); c != "unavailable" {
		t.Errorf("code is %q", c)
	}
	w.store.set(nil)
	w.ok("DELETE", "/v1/bans/"+eve.User.ID, ann.Token, "", nil)
	w.age()
	if err := w.changes.tellUntold(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, err := w.bus.Replay(t.Context(), chat.ControlRoom, bus.Position{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range log.Entries {
		if strings.Contains(string(e.Data), `"kind":"`+directoryapi.ChangeUser+`"`) {
			t.Errorf("told is %s", e.Data)
		}
	}
	if left, err := w.store.IntentsBefore(t.Context(), time.Now().UnixMilli(), 10); err != nil || len(left) > 0 {
		t.Errorf("still to be told: %+v, %v", left, err)
	}
	if status, code := w.call("POST", "/v1/refresh", "", refreshBody(eve), nil); code != chat.CodeUnauthorized {
		t.Errorf("a log-in from before the ban goes on: %d %q", status, code)
	}
}

// TestBanInTheMomentOfALogin: a token of the very millisecond of a ban is void, and one of a log-in
// right after the pardon is good.
func TestBanInTheMomentOfALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in which nothing takes time
		time.Sleep(300 * time.Millisecond)
		cfg := config()
		w := openWorld(t, cfg)
		ann, eve := w.operator("Ann"), w.register("Eve")
		cache := w.cache(func(directoryapi.Change) {})
		w.ok("PUT", "/v1/bans/"+eve.User.ID, ann.Token, `{}`, nil)
		w.ok("DELETE", "/v1/bans/"+eve.User.ID, ann.Token, "", nil)
		var again credentials
		w.ok("POST", "/v1/login", "", `{"name":"Eve","password":"correct horse"}`, &again)
		synctest.Wait()
		if !cache.Revoked(w.claims(eve)) || cache.Revoked(w.claims(again)) {
			t.Errorf("void: from before %v, from after %v", cache.Revoked(w.claims(eve)), cache.Revoked(w.claims(again)))
		}
	})
}

// TestRemovalSaysWhy: who is put out of a room, and those who stay, are told by whom and why.
func TestRemovalSaysWhy(t *testing.T) {
	w := openWorld(t, config())
	ann, eve := w.register("Ann"), w.register("Eve")
	room := w.create(ann, `{"name":"Open"}`)
	path := "/v1/rooms/" + room.ID
	for _, tt := range []struct{ query, why string }{{"?reason=much%20spam", "much spam"}, {"", ""}} {
		w.ok("POST", path+"/join", eve.Token, "", nil)
		w.ok("DELETE", path+"/members/"+eve.User.ID+tt.query, ann.Token, "", nil)
		for _, at := range []string{room.ID, chat.UserRoom(eve.User.ID)} {
			all := w.events(at)
			act, change := all[len(all)-2], all[len(all)-1]
			if act.Act != chat.ActRemove || act.Text != tt.why || act.User != ann.User.ID || act.Name != "Ann" || act.Member != eve.User.ID || act.ID != change.ID+"-why" {
				t.Errorf("%s was told %+v", at, act)
			}
			if change.Type != chat.TypeMember && change.Type != chat.TypeRemoved {
				t.Errorf("%s was told %+v", at, change)
			}
		}
	}
	w.ok("POST", path+"/join", eve.Token, "", nil)
	if code := w.code(ann, "DELETE", path+"/members/"+eve.User.ID+"?reason="+strings.Repeat("x", maxReason+1), ""); code != "bad_request" {
		t.Errorf("a long reason: %q", code)
	}
}
