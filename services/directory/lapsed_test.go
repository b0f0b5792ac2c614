package directory

import (
	"fmt"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestWhatIsOver: what has ended by its time counts for nothing, also before housekeeping has
// removed it.
func TestWhatIsOver(t *testing.T) {
	cfg := config()
	cfg.AccountRate, cfg.AccountDay = 1_000_000, 1_000_000
	w := idle(t, cfg)
	hash, err := w.passwords.hasher.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	s, ctx := newScene(w, w.operator("Op"), hash, 1), t.Context()
	now := time.Now().UnixMilli()
	invite := func(expires int64) store.Invitation {
		return store.Invitation{
			Room: s.closed, User: s.eve.User.ID, Name: "Eve", Role: directoryapi.RoleMember, Actor: s.ann.User.ID, ActorName: "Ann", Created: now, Expires: expires,
		}
	}
	invitations := func(c credentials, path string) int {
		var out invitationsOutput
		w.ok("GET", path, c.Token, "", &out)
		return len(out.Invitations)
	}
	for _, c := range []struct {
		expires int64
		want    int
		code    string
	}{{now - 1, 0, chat.CodeNotFound}, {now + 60_000, 1, ""}} {
		if err := w.store.CreateInvitation(ctx, invite(c.expires)); err != nil {
			t.Fatal(err)
		}
		mine, rooms := invitations(s.eve, "/v1/invitations"), invitations(s.ann, "/v1/rooms/"+s.closed+"/invitations")
		if mine != c.want || rooms != c.want {
			t.Errorf("an invitation that ends in %d ms is listed %d and %d times", c.expires-now, mine, rooms)
		}
		if code := w.code(s.eve, "POST", "/v1/invitations/"+s.closed+"/accept", ""); code != c.code {
			t.Errorf("an invitation that ends in %d ms is accepted: %q", c.expires-now, code)
		}
		if err := w.store.DeleteInvitation(ctx, s.closed, s.eve.User.ID); err != nil {
			t.Fatal(err)
		}
	}

	found := func() bool {
		var out browseOutput
		w.ok("GET", "/v1/public-rooms", s.eve.Token, "", &out)
		for _, r := range out.Rooms {
			if r.ID == s.room {
				return true
			}
		}
		return false
	}
	for until, want := range map[int64]bool{now - 1: true, now + 60_000: false, 0: false} {
		if err := w.store.PutBan(ctx, store.Ban{Room: s.room, User: s.eve.User.ID, Name: "Eve", Until: until}); err != nil {
			t.Fatal(err)
		}
		if found() != want {
			t.Errorf("with a ban until %d the room is found: %v", until, !want)
		}
	}
}

// TestNetworkOfABannedGuest: it is banned for as long as the guest at most, and not at all where
// operators want that.
func TestNetworkOfABannedGuest(t *testing.T) {
	for _, c := range []struct {
		network time.Duration
		minutes int
		want    time.Duration // 0: it is not banned
	}{{0, 10, 0}, {time.Hour, 10, 10 * time.Minute}, {time.Hour, 600, time.Hour}, {time.Hour, 0, time.Hour}} {
		cfg := config()
		cfg.GuestNetwork = c.network
		w := idle(t, cfg)
		op := w.operator("Op")
		var gus credentials
		if _, code := w.call("POST", "/v1/guest", "", `{"name":"Gus"}`, &gus, "remote", "203.0.113.9:1"); code != "" {
			t.Fatal(code)
		}
		began := time.Now()
		w.ok("PUT", "/v1/bans/"+gus.User.ID, op.Token, fmt.Sprintf(`{"minutes":%d}`, c.minutes), nil)
		all, err := w.store.NetworkBans(t.Context(), 10)
		if err != nil || len(all) != min(1, int(c.want)) {
			t.Errorf("%s, %d min: %+v, %v", c.network, c.minutes, all, err)
			continue
		}
		for _, b := range all {
			if life := time.UnixMilli(b.Until).Sub(began); life < c.want-time.Second || life > c.want+time.Minute || b.User != gus.User.ID {
				t.Errorf("%s, %d min: banned for %s: %+v", c.network, c.minutes, life, b)
			}
		}
	}
}

// TestOwnAccountOfAnOperator: operators sign themselves out and keep their own account from
// nothing; that of another is out of reach, whatever is done.
func TestOwnAccountOfAnOperator(t *testing.T) {
	w := idle(t, config())
	op, other, bob := w.operator("Op"), w.operator("Deputy"), w.register("Bob")
	users := func(c credentials) string { return "/v1/server/users/" + c.User.ID }
	for _, tt := range []struct {
		name, method, path, body, code string
	}{
		{"disable myself", "PUT", users(op) + "/disabled", `{"disabled":true}`, chat.CodeBadRequest},
		{"enable myself", "PUT", users(op) + "/disabled", `{"disabled":false}`, ""},
		{"disable another operator", "PUT", users(other) + "/disabled", `{"disabled":true}`, chat.CodeForbidden},
		{"sign another operator out", "POST", users(other) + "/sign-out", "", chat.CodeForbidden},
		{"enable who is not disabled", "PUT", users(bob) + "/disabled", `{"disabled":false}`, ""},
		{"disable", "PUT", users(bob) + "/disabled", `{"disabled":true}`, ""},
		{"enable", "PUT", users(bob) + "/disabled", `{"disabled":false}`, ""},
		{"sign myself out", "POST", users(op) + "/sign-out", "", ""},
		{"and then look", "GET", "/v1/me", "", chat.CodeUnauthorized},
	} {
		if code := w.code(op, tt.method, tt.path, tt.body); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}
	acts, err := w.store.Acts(t.Context(), store.ActFilter{Subject: bob.User.ID}, 10)
	var did []string
	for _, a := range acts {
		did = append(did, a.Action)
	}
	if err != nil || fmt.Sprint(did) != fmt.Sprint([]string{actEnable, actDisable, actRegister}) {
		t.Errorf("done to Bob: %v, %v", did, err)
	}
}

// TestRefusedTwice: a request that was refused is none any more, for who refused it.
func TestRefusedTwice(t *testing.T) {
	w := idle(t, strangers())
	ann, eve := w.register("Ann"), w.register("Eve")
	var room roomView
	w.ok("POST", "/v1/direct", eve.Token, with(ann), &room)
	if _, err := w.directs.answerAsk(t.Context(), directoryapi.AskRequest{User: eve.User.ID, Room: room.ID, ID: "m1"}); err != nil {
		t.Fatal(err)
	}
	path := "/v1/requests/" + room.ID
	w.ok("DELETE", path, ann.Token, "", nil)
	for method, path := range map[string]string{"DELETE": path, "POST": path + "/accept"} {
		if code := w.code(ann, method, path, ""); code != chat.CodeNotFound {
			t.Errorf("%s after it was refused: %q", method, code)
		}
	}
}

// TestRoomAndServerBan: who is banned from the server can be banned from a room, too, and is then
// taken out of it.
func TestRoomAndServerBan(t *testing.T) {
	w := idle(t, config())
	ann, bob, op := w.register("Ann"), w.register("Bob"), w.operator("Op")
	room := w.create(ann, `{"name":"Open"}`)
	w.ok("POST", "/v1/rooms/"+room.ID+"/join", bob.Token, "", nil)
	w.ok("PUT", "/v1/bans/"+bob.User.ID, op.Token, `{}`, nil)
	w.ok("PUT", "/v1/rooms/"+room.ID+"/bans/"+bob.User.ID, ann.Token, `{}`, nil)
	if _, err := w.store.Member(t.Context(), room.ID, bob.User.ID); err == nil {
		t.Error("who is banned from the room is a member")
	}
	if e := w.last(room.ID); e.Type != chat.TypeMember || e.Member != bob.User.ID || e.Role != "" {
		t.Errorf("the room was told %+v", e)
	}
}

// TestDeviceShownAgain: a device that shows what it was given is the same one after each log-in;
// one that shows another's, or nothing, is a new one.
func TestDeviceShownAgain(t *testing.T) {
	w := idle(t, config())
	w.register("Ann")
	w.register("Eve")
	const home = "203.0.113.1:1"
	first, _, _ := w.enterAs("Ann", "correct horse", home, "", "", "https")
	again, _, _ := w.enterAs("Ann", "correct horse", home, first.Device, "", "https")
	eve, _, _ := w.enterAs("Eve", "correct horse", home, first.Device, "", "https")
	second, _, _ := w.enterAs("Ann", "correct horse", home, "", "", "https")
	if first.Device == "" || again.Device != first.Device || eve.Device == first.Device || second.Device == first.Device || second.Device == "" {
		t.Errorf("devices: %q, again %q, Eve's %q, another %q", first.Device, again.Device, eve.Device, second.Device)
	}
}
