package directory

import (
	"context"
	"errors"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// records looks up users, rooms and memberships as the store has them now.
type records struct {
	*core
}

// countMembers returns how many members a room has, counting up to most.
func (s *records) countMembers(ctx context.Context, room string, most int) (int, error) {
	members, err := s.store.Members(ctx, room, "", most)
	return len(members), err
}

// user returns a user by id.
func (s *records) user(ctx context.Context, id string) (store.User, error) {
	if !chat.ValidID(id) {
		return store.User{}, errNoUser
	}
	u, err := s.store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && u.Deleted() {
		return u, errNoUser
	}
	return u, err
}

// named returns a user by id or name.
func (s *records) named(ctx context.Context, who string) (store.User, error) {
	if chat.ValidID(who) {
		u, err := s.store.User(ctx, who)
		if !errors.Is(err, store.ErrNotFound) {
			return u, err
		}
	}
	name, err := names.Normal(who)
	if err != nil {
		return store.User{}, errNoUser
	}
	u, err := s.store.UserByName(ctx, names.Key(name))
	if errors.Is(err, store.ErrNotFound) {
		err = errNoUser
	}
	return u, err
}

// memberOf returns a membership, and whether there is one.
func (s *records) memberOf(ctx context.Context, room, user string) (store.Member, bool, error) {
	m, err := s.store.Member(ctx, room, user)
	return m, err == nil, unlessMissing(err)
}

// requestIn returns the request of a direct room, or the zero Request.
func (s *records) requestIn(ctx context.Context, room string) (store.Request, error) {
	r, err := s.store.Request(ctx, room)
	return r, unlessMissing(err)
}

// isGuest reports whether a user has no password. An unknown user counts as a guest who has just
// gone.
func (s *records) isGuest(ctx context.Context, user string) (bool, error) {
	u, err := s.store.User(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return u.Guest(), err
}

// roomThere returns a room, and whether it exists.
func (s *records) roomThere(ctx context.Context, id string) (store.Room, bool, error) {
	r, err := s.store.Room(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return r, false, nil
	}
	return r, err == nil, err
}

// nameOf returns the current name of a user; empty for a user who is gone.
func (s *records) nameOf(ctx context.Context, id string) (string, error) {
	u, err := s.store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return u.Name, err
}

// namer returns a function that looks up the current names of users, each once. Users who are gone,
// and the console, have an empty name.
func (s *records) namer() func(context.Context, string) (string, error) {
	known := map[string]string{"": ""}
	return func(ctx context.Context, id string) (string, error) {
		if name, ok := known[id]; ok {
			return name, nil
		}
		name, err := s.nameOf(ctx, id)
		known[id] = name
		return name, err
	}
}
