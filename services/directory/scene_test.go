package directory

import (
	"errors"
	"fmt"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// scene is a room with its owner, a moderator and a member, and others around it.
type scene struct {
	*world
	n  int         // of the scene
	op credentials // runs the server
	// owner, moderator, member, a stranger, and a guest who is a member
	ann, mod, bob, eve, gus credentials
	room, closed            string // a public room, and a private one of ann's and bob's
	report                  string // of a message in it: see busy
}

func newScene(w *world, op credentials, hash string, n int) *scene {
	w.t.Helper()
	named := func(name string) credentials { // registered, without the time that hashing takes
		name = fmt.Sprint(name, "-", n)
		u := store.User{ID: chat.NewID(), Name: name, NameKey: names.Key(name), Looks: names.LooksOf(name), Hash: hash, Created: 1}
		if err := w.store.CreateUser(w.t.Context(), u); err != nil {
			w.t.Fatal(err)
		}
		c, err := w.Service.sessions.open(w.t.Context(), u)
		if err != nil {
			w.t.Fatal(err)
		}
		return c
	}
	s := &scene{world: w, n: n, op: op, ann: named("Ann"), mod: named("Cyd"), bob: named("Bob"), eve: named("Eve"), gus: w.comeIn("Gus")}
	s.room, s.closed = chat.NewID(), chat.NewID()
	ctx := w.t.Context()
	member := func(room string, c credentials, role directoryapi.Role) error {
		return w.store.PutMember(ctx, store.Member{Room: room, User: c.User.ID, Name: c.User.Name, Role: role, Since: 1})
	}
	for _, err := range []error{
		w.store.CreateRoom(ctx, store.Room{ID: s.room, Name: "Open", Created: 1}), member(s.room, s.ann, directoryapi.RoleOwner),
		member(s.room, s.mod, directoryapi.RoleModerator), member(s.room, s.bob, directoryapi.RoleMember), member(s.room, s.gus, directoryapi.RoleMember),
		w.store.CreateRoom(ctx, store.Room{ID: s.closed, Name: "Closed", Private: true, Created: 1}), member(s.closed, s.ann, directoryapi.RoleOwner),
		member(s.closed, s.bob, directoryapi.RoleMember), w.store.PutBan(ctx, store.Ban{Room: s.room, User: s.op.User.ID, Name: s.op.User.Name}),
		w.store.PutMute(ctx, store.Mute{Room: s.room, User: s.gus.User.ID, Name: s.gus.User.Name, Until: chat.Forever}),
	} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return s
}

// told returns an error unless what the logs say last of a user in a room is what the store has.
func (s *scene) told(room string, u credentials) error {
	m, err := s.store.Member(s.t.Context(), room, u.User.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err := s.store.Room(s.t.Context(), room); err == nil {
		last := chat.Event{}
		for _, e := range s.events(room) {
			if e.Type == chat.TypeMember && e.Member == u.User.ID {
				last = e
			}
		}
		if last.Role != string(m.Role) {
			return fmt.Errorf("the room was told that %s is %q, and it is %q", u.User.Name, last.Role, m.Role)
		}
	}
	last := chat.Event{}
	for _, e := range s.events(chat.UserRoom(u.User.ID)) {
		if e.Target == room {
			last = e
		}
	}
	if last.Role != string(m.Role) || last.Type != "" && (last.Type == chat.TypeInvited) != (m.Role != "") {
		return fmt.Errorf("%s was told %+v, and is %q", u.User.Name, last, m.Role)
	}
	return nil
}

// hears returns an error unless the last of a room's log is an act against a user.
func (s *scene) hears(room, act string, u credentials) error {
	if e := s.last(room); e.Type != chat.TypeModerated || e.Act != act || e.Member != u.User.ID || e.Name == "" {
		return fmt.Errorf("room %s was told %+v", room, e)
	}
	return nil
}

// is returns an error unless a user has a role in a room.
func (s *scene) is(room string, u credentials, role directoryapi.Role) error {
	m, err := s.store.Member(s.t.Context(), room, u.User.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) || m.Role != role {
		return fmt.Errorf("%s is %q, want %q, %w", u.User.Name, m.Role, role, err)
	}
	return nil
}

func (s *scene) account(name string) string {
	return fmt.Sprintf(`{"name":"%s-%d","password":"correct horse"}`, name, s.n)
}
