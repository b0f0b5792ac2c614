package directory

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

func TestDefaultRooms(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	ann, bob := w.operator("Ann"), w.register("Bob")
	for _, id := range chat.DefaultRooms {
		if r := w.listed(bob)[id]; !r.Member || r.Private || r.Role != directoryapi.RoleMember {
			t.Errorf("room %s is %+v", id, r)
		}
		if a, err := directoryapi.NewClient(w.bus).Access(t.Context(), bob.User.ID, id); err != nil || !a.Read || !a.Send {
			t.Errorf("access to %s is %+v, %v", id, a, err)
		}
	}
	w.keepHouse(t.Context())
	if r := w.listed(ann)["help"]; r.Role != directoryapi.RoleOwner {
		t.Errorf("whom the configuration names as owner sees %+v", r)
	}
	w.ok("PATCH", "/v1/rooms/lobby", ann.Token, `{"name":"Foyer"}`, nil)
	w.bring(ann, "lobby", bob, directoryapi.RoleModerator)
	if r := w.listed(bob)["lobby"]; r.Name != "Foyer" || r.Role != directoryapi.RoleModerator {
		t.Errorf("the lobby is %+v", r)
	}
	// Everybody is a member, with a role of their own or not.
	eve := w.comeIn("Eve")
	w.ok("PUT", "/v1/rooms/lobby/bans/"+w.comeIn("Mallory").User.ID, ann.Token, `{}`, nil)
	var all, rest membersOutput
	w.ok("GET", "/v1/rooms/lobby/members", eve.Token, "", &all)
	want := []memberView{
		{ann.User.ID, "Ann", directoryapi.RoleOwner}, {bob.User.ID, "Bob", directoryapi.RoleModerator}, {eve.User.ID, "Eve (guest)", directoryapi.RoleMember},
	}
	// who registers in the same millisecond
	slices.SortFunc(want, func(a, b memberView) int { return cmp.Compare(a.User, b.User) })
	if !slices.Equal(all.Members, want) || all.More {
		t.Errorf("the lobby's members are %+v, want %+v", all, want)
	}
	w.ok("GET", "/v1/rooms/lobby/members?after="+want[0].User, eve.Token, "", &rest)
	if !slices.Equal(rest.Members, want[1:]) {
		t.Errorf("after the first come %+v", rest)
	}
	for _, tt := range []struct {
		who                credentials
		method, path, body string
	}{
		{bob, "POST", "/v1/rooms/lobby/leave", ""},
		{ann, "POST", "/v1/rooms/lobby/leave", ""},
		{ann, "DELETE", "/v1/rooms/lobby/members/" + bob.User.ID, ""},
		{ann, "PATCH", "/v1/rooms/lobby", `{"private":true}`},
		{bob, "PATCH", "/v1/rooms/lobby", `{"topic":"Bob's"}`},
	} {
		if c := w.code(tt.who, tt.method, tt.path, tt.body); c != "forbidden" {
			t.Errorf("%s %s %s: %q", tt.method, tt.path, tt.body, c)
		}
	}
}

func TestPublicAndPrivateRooms(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	open := w.create(ann, `{"name":" Open ","topic":"anything"}`)
	secret := w.create(ann, `{"name":"Secret","private":true}`)
	if open.Name != "Open" || open.Topic != "anything" || open.Role != directoryapi.RoleOwner || !open.Member || open.Private || !secret.Private {
		t.Errorf("rooms are %+v and %+v", open, secret)
	}
	if r := w.listed(bob)[open.ID]; r.Member || r.Name != "Open" {
		t.Errorf("bob sees the open room as %+v", r)
	}
	if _, ok := w.listed(bob)[secret.ID]; ok {
		t.Error("bob sees the secret room")
	}
	add := fmt.Sprintf(`{"user":%q}`, eve.User.ID)
	for _, room := range []string{secret.ID, "no-such-room", chat.ControlRoom, chat.UserRoom(ann.User.ID), "a.b", "%00"} {
		for _, tt := range []struct{ method, path, body string }{
			{"GET", "", ""}, {"PATCH", "", `{"name":"x"}`}, {"POST", "/join", ""}, {"POST", "/leave", ""},
			{"GET", "/members", ""}, {"POST", "/members", add}, {"DELETE", "/members/" + eve.User.ID, ""},
		} {
			if c := w.code(bob, tt.method, "/v1/rooms/"+room+tt.path, tt.body); c != "forbidden" {
				t.Errorf("%s %s%s: %q, and nobody may tell a secret room from none", tt.method, room, tt.path, c)
			}
		}
	}
	// Who only reads a public room changes nothing in it.
	for _, tt := range []struct{ method, path, body string }{
		{"PATCH", "", `{"name":"Bob's"}`}, {"GET", "/members", ""}, {"POST", "/members", add}, {"DELETE", "/members/" + ann.User.ID, ""},
	} {
		if c := w.code(bob, tt.method, "/v1/rooms/"+open.ID+tt.path, tt.body); c != "forbidden" {
			t.Errorf("%s %s: %q", tt.method, tt.path, c)
		}
	}
	access := directoryapi.NewClient(w.bus)
	for _, tt := range []struct {
		user, room string
		want       directoryapi.Access
	}{
		{ann.User.ID, secret.ID, directoryapi.Access{Role: directoryapi.RoleOwner, Read: true, Send: true, React: true, Small: true}},
		{eve.User.ID, secret.ID, directoryapi.Access{}},
		{eve.User.ID, open.ID, directoryapi.Access{Read: true}},
		{eve.User.ID, "no-such-room", directoryapi.Access{}},
	} {
		if a, err := access.Access(t.Context(), tt.user, tt.room); err != nil || a != tt.want {
			t.Errorf("access is %+v, %v, want %+v", a, err, tt.want)
		}
	}
	if _, err := access.Access(t.Context(), "a b", "lobby"); chat.CodeOf(err) != chat.CodeBadRequest {
		t.Errorf("access of a user with a bad id: %v", err)
	}

	var joined roomView
	w.ok("POST", "/v1/rooms/"+open.ID+"/join", bob.Token, "", &joined)
	if !joined.Member || joined.Role != directoryapi.RoleMember {
		t.Errorf("joined %+v", joined)
	}
	before := len(w.events(open.ID))
	w.ok("POST", "/v1/rooms/"+open.ID+"/join", bob.Token, "", nil)
	if n := len(w.events(open.ID)); n != before {
		t.Error("joining twice was told twice")
	}
	w.ok("PATCH", "/v1/rooms/"+open.ID, ann.Token, `{"topic":"tea"}`, nil)
	if e := w.last(open.ID); e.Type != chat.TypeTopic || e.Name != "Open" || e.Text != "tea" || e.User != ann.User.ID {
		t.Errorf("the room was told %+v", e)
	}
	w.ok("POST", "/v1/rooms/"+open.ID+"/leave", bob.Token, "", nil)
	w.ok("POST", "/v1/rooms/"+open.ID+"/leave", bob.Token, "", nil)
	if r := w.listed(bob)[open.ID]; r.Member || r.Topic != "tea" {
		t.Errorf("after leaving bob sees %+v", r)
	}
	// An open room that is made private is gone for those who are not in it.
	w.ok("PATCH", "/v1/rooms/"+open.ID, ann.Token, `{"private":true}`, nil)
	if _, ok := w.listed(bob)[open.ID]; ok || w.code(bob, "POST", "/v1/rooms/"+open.ID+"/join", "") != "forbidden" {
		t.Error("bob still sees the room that has become private")
	}
	// With its last member a room goes.
	w.ok("POST", "/v1/rooms/"+open.ID+"/leave", ann.Token, "", nil)
	if c := w.code(ann, "GET", "/v1/rooms/"+open.ID, ""); c != "forbidden" {
		t.Errorf("the room that everybody has left: %q", c)
	}
}

func TestMembersAndRoles(t *testing.T) {
	w := openRealWorld(t, config())
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	room := w.create(ann, `{"name":"Secret","private":true}`)
	members := "/v1/rooms/" + room.ID + "/members"
	member := func(u credentials, role string) string { return fmt.Sprintf(`{"user":%q,"role":%q}`, u.User.ID, role) }

	w.ok("POST", members, ann.Token, fmt.Sprintf(`{"user":%q}`, bob.User.ID), nil)
	if r := w.listed(bob)[room.ID]; !r.Member || r.Role != directoryapi.RoleMember {
		t.Errorf("bob sees the room as %+v", r)
	}
	if e := w.last(room.ID); e.Type != chat.TypeMember || e.Member != bob.User.ID || e.Role != "member" || e.Name != "Bob" || e.User != ann.User.ID {
		t.Errorf("the room was told %+v", e)
	}
	if e := w.last(chat.UserRoom(bob.User.ID)); e.Type != chat.TypeInvited || e.Target != room.ID || e.Role != "member" || e.User != ann.User.ID {
		t.Errorf("bob was told %+v", e)
	}
	for _, tt := range []struct {
		name         string
		who          credentials
		method, path string
		body, code   string
	}{
		{"a member makes himself owner", bob, "POST", members, member(bob, "owner"), "forbidden"},
		{"a member brings in a moderator", bob, "POST", members, member(eve, "moderator"), "forbidden"},
		{"no such role", ann, "POST", members, member(bob, "king"), "bad_request"},
		{"no such user", ann, "POST", members, `{"user":"nobody"}`, "not_found"},
		{"no user id", ann, "POST", members, `{"user":"a b"}`, "not_found"},
		{"no user", ann, "POST", members, `{}`, "bad_request"},
		{"a number", ann, "POST", members, `{"user":7}`, "bad_request"},
		{"the only owner leaves", ann, "POST", "/v1/rooms/" + room.ID + "/leave", "", "conflict"},
		{"the only owner removes herself", ann, "DELETE", members + "/" + ann.User.ID, "", "conflict"},
		{"the only owner steps down", ann, "POST", members, member(ann, "member"), "conflict"},
		{"a member brings in a member", bob, "POST", members, member(eve, "member"), ""},
		{"a member removes a member", bob, "DELETE", members + "/" + eve.User.ID, "", "forbidden"},
		{"the owner makes a moderator", ann, "POST", members, member(bob, "moderator"), ""},
		{"brought in again: the role stays", ann, "POST", members, fmt.Sprintf(`{"user":%q}`, bob.User.ID), ""},
		{"a moderator removes an owner", bob, "DELETE", members + "/" + ann.User.ID, "", "forbidden"},
		{"a moderator gives roles", bob, "POST", members, member(eve, "moderator"), "forbidden"},
		{"a moderator changes the topic", bob, "PATCH", "/v1/rooms/" + room.ID, `{"topic":"x"}`, "forbidden"},
		{"a moderator removes a member", bob, "DELETE", members + "/" + eve.User.ID, "", ""},
		{"who is not there is removed", bob, "DELETE", members + "/" + eve.User.ID, "", ""},
		{"a bad page", bob, "GET", members + "?after=a%20b", "", "bad_request"},
	} {
		if c := w.code(tt.who, tt.method, tt.path, tt.body); c != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.name, c, tt.code)
		}
	}
	if e := w.last(chat.UserRoom(eve.User.ID)); e.Type != chat.TypeRemoved || e.Target != room.ID || e.User != bob.User.ID {
		t.Errorf("eve was told %+v", e)
	}
	if _, ok := w.listed(eve)[room.ID]; ok {
		t.Error("eve still sees the room")
	}
	var out membersOutput
	w.ok("GET", members, bob.Token, "", &out)
	if len(out.Members) != 2 || out.Members[0].Name != "Ann" || out.Members[1].Role != directoryapi.RoleModerator || out.More {
		t.Errorf("members are %+v", out)
	}
	w.ok("GET", members+"?after="+ann.User.ID, bob.Token, "", &out)
	if len(out.Members) != 1 || out.Members[0].User != bob.User.ID {
		t.Errorf("members after ann are %+v", out)
	}
	// With two owners, one may go, and is not removed by the other.
	w.bring(ann, room.ID, bob, directoryapi.RoleOwner)
	if c := w.code(bob, "DELETE", members+"/"+ann.User.ID, ""); c != "forbidden" {
		t.Errorf("an owner removes an owner: %q", c)
	}
	w.ok("POST", "/v1/rooms/"+room.ID+"/leave", ann.Token, "", nil)
}

func TestDirectRooms(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve := w.register("Ann"), w.register("Bob"), w.register("Eve")
	with := func(u credentials) string { return fmt.Sprintf(`{"user":%q}`, u.User.ID) }
	var one, two roomView
	w.ok("POST", "/v1/direct", ann.Token, with(bob), &one)
	if e := w.last(chat.UserRoom(bob.User.ID)); e.Type != chat.TypeInvited || e.Target != one.ID {
		t.Errorf("bob was told %+v", e)
	}
	w.ok("POST", "/v1/direct", bob.Token, with(ann), &two)
	if one.ID != two.ID || one.ID != chat.DirectRoom(ann.User.ID, bob.User.ID) || !one.Direct {
		t.Errorf("direct rooms are %+v and %+v", one, two)
	}
	for name, r := range map[string]roomView{"Bob": one, "Ann": two} {
		if r.Name != name || r.With == "" {
			t.Errorf("the room with %s is %+v", name, r)
		}
	}
	// A list also says since when.
	listed := func() roomView {
		v := w.listed(bob)[one.ID]
		v.Since = 0
		return v
	}
	if got := listed(); !reflect.DeepEqual(got, two) {
		t.Errorf("listed as %+v, want %+v", got, two)
	}
	var single roomView
	w.ok("GET", "/v1/rooms/"+one.ID, ann.Token, "", &single)
	if !reflect.DeepEqual(single, one) {
		t.Errorf("got %+v, want %+v", single, one)
	}
	if a, err := directoryapi.NewClient(w.bus).Access(t.Context(), bob.User.ID, one.ID); err != nil || !a.Direct || !a.Send {
		t.Errorf("access is %+v, %v", a, err)
	}
	for _, tt := range []struct {
		who                      credentials
		method, path, body, code string
	}{
		{ann, "POST", "/v1/direct", with(ann), "bad_request"},
		{ann, "POST", "/v1/direct", `{"user":"nobody"}`, "not_found"},
		{ann, "POST", "/v1/direct", `{}`, "bad_request"},
		{ann, "POST", "/v1/rooms/" + one.ID + "/members", with(eve), "forbidden"},
		{ann, "DELETE", "/v1/rooms/" + one.ID + "/members/" + bob.User.ID, "", "forbidden"},
		{ann, "PATCH", "/v1/rooms/" + one.ID, `{"name":"x"}`, "forbidden"},
		{eve, "POST", "/v1/rooms/" + one.ID + "/join", "", "forbidden"},
		{eve, "GET", "/v1/rooms/" + one.ID, "", "forbidden"},
	} {
		if c := w.code(tt.who, tt.method, tt.path, tt.body); c != tt.code {
			t.Errorf("%s %s %s: code is %q, want %q", tt.method, tt.path, tt.body, c, tt.code)
		}
	}
	// A crash left the room with one of the two: opening it again brings the other in.
	if err := w.store.DeleteMember(t.Context(), one.ID, bob.User.ID); err != nil {
		t.Fatal(err)
	}
	w.ok("POST", "/v1/direct", ann.Token, with(bob), nil)
	if got := listed(); !reflect.DeepEqual(got, two) {
		t.Errorf("listed as %+v, want %+v", got, two)
	}
}

// A room that somebody has just come into has no message that would put it on top of a list.
func TestListSaysSinceWhen(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	before := time.Now().UnixMilli()
	room := w.create(ann, `{"name":"Room"}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	for _, c := range []credentials{ann, bob} {
		if since := w.listed(c)[room.ID].Since; since < before || since > time.Now().UnixMilli() {
			t.Errorf("%s is a member since %d, and came after %d", c.User.Name, since, before)
		}
	}
	eve := w.register("Eve")
	list := w.listed(eve)
	if got := []int64{list[room.ID].Since, list["lobby"].Since}; got[0] != 0 || got[1] != 0 {
		t.Errorf("a room that one is not in, and one for everybody: since %v", got)
	}
}

func TestLimits(t *testing.T) {
	cfg := config()
	cfg.ChangeRate = 3
	w := openWorld(t, cfg)
	ann, bob := w.register("Ann"), w.register("Bob")
	for i := range 3 {
		w.create(ann, fmt.Sprintf(`{"name":"Room %d"}`, i))
	}
	if c := w.code(ann, "POST", "/v1/rooms", `{"name":"Room 3"}`); c != "rate_limited" {
		t.Errorf("too many changes: %q", c)
	}
	w.ok("GET", "/v1/rooms", ann.Token, "", nil)
	open := w.create(bob, `{"name":"Open"}`)
	for i := range maxRooms {
		m := memberOf(fmt.Sprintf("r%d", i), ann)
		if err := w.store.PutMember(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for path, body := range map[string]string{
		"/v1/rooms/" + open.ID + "/members": fmt.Sprintf(`{"user":%q}`, ann.User.ID),
	} {
		if c := w.code(bob, "POST", path, body); c != "too_many" {
			t.Errorf("a room too many by %s: %q", path, c)
		}
	}
}

// TestSmallRooms has a room grow: its members are told how far others have read until there are too
// many of them.
func TestSmallRooms(t *testing.T) {
	w := openWorld(t, config())
	ann, last := w.register("Ann"), w.register("Last")
	room := w.create(ann, `{"name":"Growing"}`)
	for i := range directoryapi.SmallRoom - 1 {
		m := store.Member{Room: room.ID, User: fmt.Sprint("user", i), Name: "User", Role: directoryapi.RoleMember}
		if err := w.store.PutMember(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	cache := w.cache(func(directoryapi.Change) {})
	small := func(user, room string) bool {
		t.Helper()
		a, err := cache.Access(t.Context(), user, room)
		if err != nil {
			t.Fatal(err)
		}
		return a.Small
	}
	if !small(ann.User.ID, room.ID) || !small("user0", room.ID) {
		t.Error("a room of 50 is not small")
	}
	if small(last.User.ID, room.ID) || small(ann.User.ID, "lobby") {
		t.Error("a room is small for who is not in it, or for everybody")
	}
	w.ok("POST", "/v1/rooms/"+room.ID+"/join", last.Token, "", nil)
	w.eventually("nobody takes a room of 51 for small", func() bool { return !small("user0", room.ID) })
	if small(last.User.ID, room.ID) {
		t.Error("a room of 51 is small for its last member")
	}
	w.ok("POST", "/v1/rooms/"+room.ID+"/leave", last.Token, "", nil)
	if !small("user1", room.ID) {
		t.Error("a room of 50 is not small any more, to who asks now")
	}
}
