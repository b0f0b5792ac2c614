package directory

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// roomState is what actions may change.
type roomState struct {
	room  store.Room
	roles map[string]directoryapi.Role // by user
	bans  map[string]bool
	mutes map[string]bool
	off   map[string]bool // disabled accounts
}

func (s roomState) equal(o roomState) bool {
	return s.room == o.room && maps.Equal(s.roles, o.roles) && maps.Equal(s.bans, o.bans) && maps.Equal(s.mutes, o.mutes) && maps.Equal(s.off, o.off)
}

// stage is a room with two people of every kind: the first does what the second has done to them.
type stage struct {
	*world
	place string
	one   map[string]credentials // by column of the table
	other map[string]credentials
	room  string // empty: the whole server
	state roomState
}

// set makes the room in the store what it is at the beginning.
func (s *stage) set() {
	s.t.Helper()
	ctx := s.t.Context()
	check := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	put := func(column string, role directoryapi.Role) {
		for _, c := range []credentials{s.one[column], s.other[column]} {
			check(s.store.PutMember(ctx, store.Member{Room: s.room, User: c.User.ID, Name: c.User.Name, Role: role, Since: 1}))
		}
	}
	switch s.place {
	case "server":
		for _, column := range slices.Collect(maps.Keys(s.one)) {
			check(s.store.DeleteBan(ctx, wholeServer, s.one[column].User.ID))
			check(s.store.DeleteBan(ctx, wholeServer, s.other[column].User.ID))
		}
		check(s.store.PutBan(ctx, store.Ban{User: s.other["banned"].User.ID, Created: 1}))
		s.setMutes(check)
		check(s.serverRecord.changeServer(ctx, func(r *store.Server) error {
			clear(r.Roles)
			for _, c := range []map[string]credentials{s.one, s.other} {
				r.Roles[c["operator"].User.ID], r.Roles[c["auditor"].User.ID] = directoryapi.RoleOperator, directoryapi.RoleAuditor
				for _, u := range c {
					check(s.store.SetDisabled(ctx, u.User.ID, false))
				}
			}
			return nil
		}))
		s.state = s.now()
		return
	case "direct":
		s.room = chat.DirectRoom(s.one["member"].User.ID, s.other["member"].User.ID)
		err := s.store.CreateRoom(ctx, store.Room{ID: s.room, Name: "direct", Private: true, Direct: true, Created: 1})
		if !errors.Is(err, store.ErrConflict) {
			check(err)
		}
		put("member", directoryapi.RoleMember)
		s.setMutes(check)
		s.state = s.now()
		return
	case "default":
		s.room = "lobby"
		all, err := s.store.Members(ctx, s.room, "", 100)
		check(err)
		for _, m := range all {
			check(s.store.DeleteMember(ctx, s.room, m.User))
		}
		for _, c := range []map[string]credentials{s.one, s.other} {
			for _, u := range c {
				check(s.store.DeleteBan(ctx, s.room, u.User.ID))
			}
		}
		put("operator", directoryapi.RoleOwner)
	default:
		s.room = chat.NewID()
		check(s.store.CreateRoom(ctx, store.Room{ID: s.room, Name: "Room", Private: s.place == "private", Created: 1}))
		put("member", directoryapi.RoleMember)
	}
	put("reader", directoryapi.RoleReader)
	put("moderator", directoryapi.RoleModerator)
	put("owner", directoryapi.RoleOwner)
	for _, c := range []credentials{s.one["banned"], s.other["banned"]} {
		check(s.store.PutBan(ctx, store.Ban{Room: s.room, User: c.User.ID, Name: c.User.Name, Created: 1}))
	}
	s.setMutes(check)
	s.state = s.now()
}

// setMutes mutes the second of the banned, and nobody else.
func (s *stage) setMutes(check func(error)) {
	s.t.Helper()
	ctx := s.t.Context()
	mutes, err := s.store.Mutes(ctx, s.room, "", 100)
	check(err)
	for _, m := range mutes {
		check(s.store.DeleteMute(ctx, s.room, m.User))
	}
	if s.place != "direct" {
		check(s.store.PutMute(ctx, store.Mute{Room: s.room, User: s.other["banned"].User.ID, Until: chat.Forever, Created: 1}))
	}
}

// now returns what the room is in the store.
func (s *stage) now() roomState {
	s.t.Helper()
	ctx := s.t.Context()
	state := roomState{roles: map[string]directoryapi.Role{}, bans: map[string]bool{}, mutes: map[string]bool{}, off: map[string]bool{}}
	if s.room != wholeServer {
		var err error
		if state.room, err = s.store.Room(ctx, s.room); err != nil && !errors.Is(err, store.ErrNotFound) {
			s.t.Fatal(err)
		}
		state.room.Archived = min(state.room.Archived, 1)
	}
	all, err := s.store.Members(ctx, s.room, "", 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range all {
		state.roles[m.User] = m.Role
	}
	if s.room == wholeServer {
		r, err := s.Service.store.Server(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		state.roles = r.Roles
		users, err := s.store.UsersAfter(ctx, "", 100)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, u := range users {
			if u.Disabled {
				state.off[u.ID] = true
			}
		}
	}
	bans, err := s.store.Bans(ctx, s.room, "", 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, b := range bans {
		state.bans[b.User] = true
	}
	mutes, err := s.store.Mutes(ctx, s.room, "", 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range mutes {
		state.mutes[m.User] = true
	}
	return state
}

// says describes a room with the names of the people in it.
func (s *stage) says(state roomState) string {
	var people []string
	for column := range s.one {
		for _, c := range []credentials{s.one[column], s.other[column]} {
			if role, ok := state.roles[c.User.ID]; ok {
				people = append(people, fmt.Sprintf("%s: %s", c.User.Name, role))
			}
			if state.bans[c.User.ID] {
				people = append(people, c.User.Name+" is banned")
			}
			if state.mutes[c.User.ID] {
				people = append(people, c.User.Name+" is muted")
			}
		}
	}
	slices.Sort(people)
	return fmt.Sprintf("private %v, topic %q, slow %d, %s", state.room.Private, state.room.Topic, state.room.Slow, strings.Join(people, ", "))
}

// do makes somebody do what a row says, and returns the code of the answer; expected is changed to
// what it is to come to.
func (s *stage) do(row rightsRow, who credentials, target string, expected *roomState) string {
	s.t.Helper()
	path := "/v1/rooms/" + s.room
	bans, mutes := path+"/bans", path+"/mutes"
	if s.room == wholeServer {
		bans, mutes = "/v1/bans", "/v1/mutes"
	}
	answer := func(may func(directoryapi.Access) bool) string {
		a, err := directoryapi.NewClient(s.bus).Access(s.t.Context(), who.User.ID, s.room)
		if err != nil {
			s.t.Fatal(err)
		}
		if !may(a) {
			return chat.CodeForbidden
		}
		return ""
	}
	switch row.action {
	case "see":
		return s.code(who, "GET", path, "")
	case "read":
		return answer(func(a directoryapi.Access) bool { return a.Read })
	case "send":
		return answer(func(a directoryapi.Access) bool { return a.Send })
	case "react":
		return answer(func(a directoryapi.Access) bool { return a.React })
	case "retract", "erase", "pin", "announce", "hurry":
		return answer(func(a directoryapi.Access) bool { return a.May(directoryapi.Action(row.action)) })
	case "mention-all":
		reply, err := directoryapi.NewClient(s.bus).Mentions(s.t.Context(), []directoryapi.MentionText{{Room: s.room, Sender: who.User.ID, All: true}})
		if err != nil {
			s.t.Fatal(err)
		}
		if !reply.Texts[0].All {
			return chat.CodeForbidden
		}
		return ""
	case "list-members":
		return s.code(who, "GET", path+"/members", "")
	case "audit":
		return s.code(who, "GET", "/v1/audit", "")
	case "list-bans":
		return s.code(who, "GET", bans, "")
	case "describe":
		expected.room.Topic = "another"
		return s.code(who, "PATCH", path, `{"topic":"another"}`)
	case "hide":
		expected.room.Private = true
		return s.code(who, "PATCH", path, `{"private":true}`)
	case "enter":
		expected.roles[who.User.ID] = directoryapi.RoleMember
		return s.code(who, "POST", path+"/join", "")
	case "leave":
		delete(expected.roles, who.User.ID)
		return s.code(who, "POST", path+"/leave", "")
	case "invite":
		expected.roles[target] = directoryapi.RoleMember
		return s.code(who, "POST", path+"/members", fmt.Sprintf(`{"user":%q}`, target))
	case "admit":
		return s.code(who, "GET", "/v1/server/invitations", "")
	case "list-users":
		return s.code(who, "GET", "/v1/server/users", "")
	case "disable":
		expected.off[target] = true
		return s.code(who, "PUT", "/v1/server/users/"+target+"/disabled", `{"disabled":true}`)
	case "see-user":
		return s.code(who, "GET", "/v1/server/users/"+target, "")
	case "reset":
		return s.code(who, "POST", "/v1/users/"+target+"/reset", "")
	case "delete-user":
		was, known := s.store.User(s.t.Context(), target)
		code := s.code(who, "POST", "/v1/server/users/"+target+"/delete", `{}`)
		if u, _ := s.store.User(s.t.Context(), target); code == "" && !u.Deleted() {
			s.t.Errorf("%s, by %s: %+v is there", row, who.User.Name, u)
		}
		if known == nil && code == "" {
			if err := s.store.PutDeleted(s.t.Context(), was); err != nil {
				s.t.Fatal(err)
			}
			s.again(target)
		}
		return code
	case "sign-out":
		code := s.code(who, "POST", "/v1/server/users/"+target+"/sign-out", "")
		s.again(target)
		return code
	case "appoint":
		if s.room == wholeServer {
			role := strings.TrimPrefix(row.role, "none")
			if expected.roles[target] = directoryapi.Role(role); role == "" {
				delete(expected.roles, target)
			}
			return s.code(who, "PUT", "/v1/server/users/"+target+"/role", fmt.Sprintf(`{"role":%q}`, role))
		}
		expected.roles[target] = directoryapi.Role(row.role)
		return s.code(who, "POST", path+"/members", fmt.Sprintf(`{"user":%q,"role":%q}`, target, row.role))
	case "remove":
		delete(expected.roles, target)
		return s.code(who, "DELETE", path+"/members/"+target, "")
	case "ban":
		// A ban that ends makes nobody who was a reader of a default room a member of it.
		if s.room != wholeServer && (s.place != "default" || expected.roles[target] != directoryapi.RoleReader) {
			delete(expected.roles, target)
		}
		expected.bans[target] = true
		return s.code(who, "PUT", bans+"/"+target, `{}`)
	case "list-mutes":
		return s.code(who, "GET", mutes, "")
	case "mute":
		expected.mutes[target] = true
		return s.code(who, "PUT", mutes+"/"+target, `{"minutes":1}`)
	case "unmute":
		delete(expected.mutes, target)
		return s.code(who, "DELETE", mutes+"/"+target, "")
	case "purge":
		if s.room == wholeServer {
			return s.code(who, "POST", "/v1/purges/"+target, `{"span":"hour"}`)
		}
		return s.code(who, "POST", path+"/purges/"+target, `{"span":"hour"}`)
	case "report":
		return s.code(who, "POST", path+"/reports", fmt.Sprintf(`{"author":"u1","message":%q,"reason":"spam"}`, chat.NewID()))
	case "review":
		if s.room == wholeServer {
			return s.code(who, "GET", "/v1/reports", "")
		}
		return s.code(who, "GET", path+"/reports", "")
	case "list-rooms":
		return s.code(who, "GET", "/v1/server/rooms", "")
	case "archive", "restore":
		if s.room == wholeServer {
			room := store.Room{ID: chat.NewID(), Name: "Shelved", Private: true, Created: 1}
			if row.action == "restore" {
				room.Archived = 1
			}
			if err := s.store.CreateRoom(s.t.Context(), room); err != nil {
				s.t.Fatal(err)
			}
			code := s.code(who, "POST", "/v1/rooms/"+room.ID+"/"+row.action, "")
			if now, err := s.store.Room(s.t.Context(), room.ID); err != nil || code == "" && (now.Archived != 0) == (room.Archived != 0) {
				s.t.Errorf("%s, by %s: %+v, %v", row, who.User.Name, now, err)
			}
			return code
		}
		expected.room.Archived = 1
		return s.code(who, "POST", path+"/archive", "")
	case "delete":
		if s.room == wholeServer {
			room := chat.NewID()
			if err := s.store.CreateRoom(s.t.Context(), store.Room{ID: room, Name: "Doomed", Private: true, Created: 1}); err != nil {
				s.t.Fatal(err)
			}
			return s.code(who, "POST", "/v1/rooms/"+room+"/delete", `{"name":"Doomed"}`)
		}
		*expected = roomState{roles: map[string]directoryapi.Role{}, bans: map[string]bool{}, mutes: map[string]bool{}}
		return s.code(who, "POST", path+"/delete", `{"name":"Room"}`)
	case "export":
		return s.code(who, "GET", path+"/export", "")
	case "clear":
		return s.code(who, "POST", path+"/reset", fmt.Sprintf(`{"name":%q}`, expected.room.Name))
	case "change-emoji":
		return s.code(who, "DELETE", "/v1/emoji/none", "")
	case "hold":
		return s.code(who, "GET", "/v1/server/holds", "")
	case "retain":
		if s.place == "server" {
			return s.code(who, "PATCH", "/v1/server/retention", `{"keep":"30 days"}`)
		}
		expected.room.Keep = "30 days"
		return s.code(who, "PATCH", path, `{"keep":"30 days"}`)
	case "slow":
		expected.room.Slow = 30
		return s.code(who, "PATCH", path, `{"slow":30}`)
	case "unban":
		delete(expected.bans, target)
		return s.code(who, "DELETE", bans+"/"+target, "")
	}
	s.t.Fatalf("testdata/rights.txt: there is no action %q", row.action)
	return ""
}

// again logs a user in, after the log-in has ended.
func (s *stage) again(user string) {
	s.t.Helper()
	for _, all := range []map[string]credentials{s.one, s.other} {
		for column, c := range all {
			if c.User.ID == user {
				s.ok("POST", "/v1/login", "", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, c.User.Name), &c)
				all[column] = c
			}
		}
	}
}
