package rights

import (
	"fmt"
	"net/http"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/directory/store"
)

// room is a room with somebody in each role.
type room struct {
	store.Room
	place directoryapi.Place
	// by person; who is not in it is not there, or somebody without a role
	roles map[string]directoryapi.Role
}

// expected says what the table of roles lets somebody do. Every right is asked of the table;
// nothing is written here twice.
type expected struct {
	room
	role   directoryapi.Role
	banned bool
	guest  bool // of whom the operator has taken the word, and not the reactions
}

func (x expected) may(a directoryapi.Action) bool {
	return !x.banned && (!x.guest || !x.NoGuests) && directoryapi.May(x.role, a, x.place)
}

// writes reports whether the rules of the room and of the server leave a right to write.
func (x expected) writes(a directoryapi.Action) bool {
	if !x.may(a) || x.Archived != 0 {
		return false
	}
	if x.guest && a != directoryapi.ActionReact {
		return false
	}
	closed := x.Announce == store.AnnounceSilent || x.Announce == store.AnnounceReact && a != directoryapi.ActionReact
	return !closed || x.may(directoryapi.ActionAnnounce)
}

// commands returns what each kind of command is to be answered with, in the order in which they are
// tried.
func (x expected) commands() []attempt {
	in := func(ok bool) string { // of what takes to have joined the room
		switch {
		case !x.may(directoryapi.ActionRead):
			return chat.CodeNotJoined
		case !ok:
			return chat.CodeForbidden
		}
		return ""
	}
	is := func(ok bool) string {
		if !ok {
			return chat.CodeForbidden
		}
		return ""
	}
	again := in(x.writes(directoryapi.ActionSend))
	if again == "" && x.Slow > 0 && !x.may(directoryapi.ActionHurry) {
		again = chat.CodeRateLimited
	}
	reads := is(x.may(directoryapi.ActionRead))
	alive := x.Archived == 0
	return []attempt{
		{wire.Join, "", reads}, {wire.Read, "", in(true)}, {wire.Who, "", reads}, {wire.Watch, "", reads}, {wire.History, "", reads},
		{wire.Inbox, "", ""}, {wire.Unread, "", reads}, {wire.Seen, "", reads},
		{wire.Typing, "", in(x.writes(directoryapi.ActionSend))},
		{wire.Send, "", in(x.writes(directoryapi.ActionSend))}, {wire.Send, "again", again},
		{wire.Edit, "own", in(x.writes(directoryapi.ActionSend))}, {wire.Edit, "other", in(false)},
		{wire.React, "own", in(x.writes(directoryapi.ActionReact))}, {wire.React, "other", in(x.writes(directoryapi.ActionReact))},
		{wire.Pin, "own", in(x.may(directoryapi.ActionPin) && x.writes(directoryapi.ActionSend))},
		{wire.Pin, "other", in(x.may(directoryapi.ActionPin) && x.writes(directoryapi.ActionSend))},
		{wire.Delete, "other", in(x.may(directoryapi.ActionErase) && alive)}, {wire.Delete, "own", in(x.may(directoryapi.ActionRetract) && alive)},
		{wire.Leave, "", ""}, {wire.Status, "", ""}, {wire.Ping, "", ""},
	}
}

// attempt is a command about one's own message, or another's, and the code that it is to be
// answered with.
type attempt struct {
	kind wire.Kind
	on   string
	want string
}

// command returns an attempt as a client sends it.
func (a attempt) command(room string, own, other name) map[string]any {
	c := map[string]any{"type": a.kind.String()}
	switch a.kind {
	case wire.Status:
		c["status"] = "online"
		return c
	case wire.Ping:
		return c
	}
	c["room"] = room
	switch a.kind {
	case wire.Read, wire.Unread:
		c["seq"] = 1
	case wire.Watch:
		c["on"] = true
	case wire.Send:
		c["msg_id"], c["text"] = chat.NewID(), "hello"
	case wire.Edit, wire.Delete, wire.React, wire.Pin:
		m := own
		if a.on == "other" {
			m = other
		}
		c["msg_id"], c["target"], c["author"] = chat.NewID(), m.id, m.author
		switch a.kind {
		case wire.Edit:
			c["text"] = "another"
		case wire.React:
			c["emoji"], c["on"] = "👍", true
		case wire.Pin:
			c["on"] = true
		}
	}
	return c
}

// request returns an attempt as a client sends it over HTTP, and what it is to be answered with
// there, where nobody joins rooms; no method: there is no such request.
func (a attempt) request(room string, own, other name) (method, path, body, want string) {
	m := own
	if a.on == "other" {
		m = other
	}
	one := "/v1/rooms/" + room + "/messages/" + m.author + "/" + m.id
	if want = a.want; want == chat.CodeNotJoined {
		want = chat.CodeForbidden
	}
	switch a.kind {
	case wire.Send:
		if a.on == "" && want == "" {
			return "", "", "", "" // the one of the socket was the first
		}
		return http.MethodPost, "/v1/rooms/" + room + "/messages", `{"text":"hello"}`, want
	case wire.Edit:
		return http.MethodPatch, one, `{"text":"another"}`, want
	case wire.Delete:
		return http.MethodDelete, one, "", want
	case wire.React:
		return http.MethodPut, one + "/reactions/%F0%9F%91%8D", "", want
	case wire.Pin:
		return http.MethodPut, one + "/pin", "", want
	}
	return "", "", "", ""
}

// name names a message.
type name struct{ author, id string }

// TestCommands tries every command as everybody in every kind of room, over a WebSocket and, as far
// as it may be said there, over HTTP, and what is read over HTTP; what is to come of it is asked of
// the table of roles. What else is done over HTTP is tried by TestRights of the directory.
func TestCommands(t *testing.T) {
	w := newWorld(t)
	people := map[string]*person{}
	for _, who := range []string{"banned", "stranger", "reader", "member", "moderator", "owner", "guest", "author"} {
		people[who] = w.enter(who+"-x", who == "guest")
	}
	roles := map[string]directoryapi.Role{
		"reader": directoryapi.RoleReader, "member": directoryapi.RoleMember, "moderator": directoryapi.RoleModerator, "owner": directoryapi.RoleOwner,
		"guest": directoryapi.RoleMember, "author": directoryapi.RoleMember,
	}
	both := map[string]directoryapi.Role{"member": directoryapi.RoleMember, "author": directoryapi.RoleMember}
	direct := chat.DirectRoom(people["member"].id, people["author"].id)
	rooms := []room{
		{store.Room{ID: "public"}, directoryapi.PublicRoom, roles},
		{store.Room{ID: "private", Private: true}, directoryapi.PrivateRoom, roles},
		{store.Room{ID: direct, Private: true, Direct: true}, directoryapi.DirectRoom, both},
		{store.Room{ID: "lobby"}, directoryapi.DefaultRoom, roles},
		{store.Room{ID: "slow", Slow: 3600}, directoryapi.PublicRoom, roles},
		{store.Room{ID: "news", Announce: store.AnnounceReact}, directoryapi.PublicRoom, roles},
		{store.Room{ID: "silent", Private: true, Announce: store.AnnounceSilent}, directoryapi.PrivateRoom, roles},
		{store.Room{ID: "registered", NoGuests: true}, directoryapi.PublicRoom, roles},
		{store.Room{ID: "archived", Archived: 1}, directoryapi.PublicRoom, roles},
	}
	own, others := map[string]name{}, map[string]name{} // by person and room
	last := map[string]string{}
	for _, r := range rooms {
		r.Name = r.ID
		if r.ID != "lobby" {
			w.must(w.store.CreateRoom(t.Context(), r.Room))
		}
		for who, role := range r.roles {
			w.must(w.store.PutMember(t.Context(), store.Member{Room: r.ID, User: people[who].id, Name: people[who].name, Role: role, Since: 1}))
		}
		if r.place != directoryapi.DirectRoom {
			w.must(w.store.PutBan(t.Context(), store.Ban{Room: r.ID, User: people["banned"].id, Created: 1}))
		}
		for who, p := range people {
			last[r.ID] = p.wrote(r.ID)
			own[who+r.ID] = name{p.id, last[r.ID]}
			last[r.ID] = people["author"].wrote(r.ID)
			others[who+r.ID] = name{people["author"].id, last[r.ID]}
			own["http"+who+r.ID] = name{p.id, p.wrote(r.ID)}
			others["http"+who+r.ID] = name{people["author"].id, people["author"].wrote(r.ID)}
		}
	}
	tried, allowed := map[wire.Kind]int{}, map[wire.Kind]int{}
	posted := map[wire.Kind]int{} // over HTTP
	count := 0
	for who, p := range people {
		if who == "author" {
			continue
		}
		p.connect()
		w.until("presence answers", func() bool { return p.say(map[string]any{"type": "who", "room": "lobby"}) != chat.CodeUnavailable })
		for _, r := range rooms {
			role := r.roles[who]
			if role == "" && r.place == directoryapi.DefaultRoom {
				role = directoryapi.RoleMember
			}
			x := expected{r, role, who == "banned" && r.place != directoryapi.DirectRoom, p.guest}
			for _, a := range x.commands() {
				if got := p.say(a.command(r.ID, own[who+r.ID], others[who+r.ID])); got != a.want {
					t.Errorf("%s: %s %s by %s: answered %q, want %q", r.ID, a.kind, a.on, who, got, a.want)
				}
				method, path, body, want := a.request(r.ID, own["http"+who+r.ID], others["http"+who+r.ID])
				if method != "" {
					if got := p.http(method, path, body, nil); got != want {
						t.Errorf("%s: %s %s by %s: answered %q, want %q", r.ID, method, path, who, got, want)
					}
					posted[a.kind]++
					count++
				}
				tried[a.kind]++
				if count++; a.want == "" {
					allowed[a.kind]++
				}
			}
			for path, action := range map[string]directoryapi.Action{
				"": directoryapi.ActionRead, "/messages": directoryapi.ActionRead, "/presence": directoryapi.ActionRead, "/members": directoryapi.ActionListMembers,
			} {
				want := ""
				if !x.may(action) {
					want = chat.CodeForbidden
				}
				if got := p.http(http.MethodGet, "/v1/rooms/"+r.ID+path, "", nil); got != want {
					t.Errorf("%s: GET %s by %s: answered %q, want %q", r.ID, path, who, got, want)
				}
				count++
			}
		}
	}
	for _, kind := range wire.Kinds() {
		if kind != wire.Hello && (tried[kind] == 0 || allowed[kind] == 0) {
			t.Errorf("%s is tried %d times, and never done", kind, tried[kind])
		}
	}
	for _, kind := range []wire.Kind{wire.Send, wire.Edit, wire.Delete, wire.React, wire.Pin} {
		if posted[kind] == 0 {
			t.Errorf("%s is not tried over HTTP", kind)
		}
	}
	t.Log(fmt.Sprint(count, " combinations"))
}
