package memory

import (
	"cmp"
	"context"
	"strings"

	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

func alike(a, b names.Looks) bool {
	return a.Written != "" && (a.Written == b.Written || a.Written == b.Lower) || a.Lower != "" && (a.Lower == b.Written || a.Lower == b.Lower)
}

func usersByID(a, b store.User) int { return cmp.Compare(a.ID, b.ID) }

// users is a store.Users.
type users struct{ *records }

// addUser adds a user. The caller holds mu.
func (s users) addUser(u store.User) error {
	for _, other := range s.users {
		if other.ID == u.ID || other.NameKey == u.NameKey {
			return store.ErrConflict
		}
	}
	s.users[u.ID] = u
	return nil
}

// CreateUser implements store.Store.
func (s users) CreateUser(ctx context.Context, u store.User) error {
	return s.do(ctx, "CreateUser", func() error { return s.addUser(u) })
}

// ReplaceUser implements store.Store.
func (s users) ReplaceUser(ctx context.Context, u store.User, was string) error {
	return s.do(ctx, "ReplaceUser", func() error {
		old, ok := s.users[u.ID]
		if !ok || old.Hash != was {
			return store.ErrNotFound
		}
		for _, other := range s.users {
			if other.ID != u.ID && other.NameKey == u.NameKey {
				return store.ErrConflict
			}
		}
		old.Name, old.NameKey, old.Looks, old.Hash = u.Name, u.NameKey, u.Looks, u.Hash
		s.users[u.ID] = old
		return nil
	})
}

// CreateGuest implements store.Store.
func (s users) CreateGuest(ctx context.Context, u store.User, x store.Session) error {
	return s.do(ctx, "CreateGuest", func() error {
		if _, taken := s.sessions[x.ID]; taken {
			return store.ErrConflict
		}
		if err := s.addUser(u); err != nil {
			return err
		}
		s.sessions[x.ID] = x
		return nil
	})
}

// User implements store.Store.
func (s users) User(ctx context.Context, id string) (store.User, error) {
	return one(ctx, s.records, "User", s.users, id)
}

// UserByName implements store.Store.
func (s users) UserByName(ctx context.Context, key string) (store.User, error) {
	all, err := list(ctx, s.records, "UserByName", s.users, 1, usersByID, func(u store.User) bool { return u.NameKey == key })
	if err != nil {
		return store.User{}, err
	}
	if len(all) == 0 {
		return store.User{}, store.ErrNotFound
	}
	return all[0], nil
}

// Users implements store.Store.
func (s users) Users(ctx context.Context, prefix string, limit int) ([]store.User, error) {
	return list(ctx, s.records, "Users", s.users, limit, func(a, b store.User) int { return cmp.Compare(a.NameKey, b.NameKey) },
		func(u store.User) bool { return strings.HasPrefix(u.NameKey, prefix) })
}

// UsersOf implements store.Store.
func (s users) UsersOf(ctx context.Context, ids []string) ([]store.User, error) {
	wanted := set(ids)
	return list(ctx, s.records, "UsersOf", s.users, everything, usersByID, func(u store.User) bool { return wanted[u.ID] })
}

// UsersByNames implements store.Store.
func (s users) UsersByNames(ctx context.Context, nameKeys []string) ([]store.User, error) {
	wanted := set(nameKeys)
	return list(ctx, s.records, "UsersByNames", s.users, everything, func(a, b store.User) int { return cmp.Compare(a.NameKey, b.NameKey) }, func(u store.User) bool { return wanted[u.NameKey] })
}

// UsersAfter implements store.Store.
func (s users) UsersAfter(ctx context.Context, id string, limit int) ([]store.User, error) {
	return list(ctx, s.records, "UsersAfter", s.users, limit, usersByID, func(u store.User) bool { return u.ID > id })
}

// FindUsers implements store.Store.
func (s users) FindUsers(ctx context.Context, q store.UserQuery) ([]store.User, error) {
	kind := func(u store.User) bool {
		switch q.Kind {
		case store.UsersRegistered:
			return !u.Guest()
		case store.UsersGuests:
			return u.Guest()
		case store.UsersDisabled:
			return u.Disabled
		}
		return true
	}
	return list(ctx, s.records, "FindUsers", s.users, q.Limit, func(a, b store.User) int { return cmp.Compare(a.NameKey, b.NameKey) },
		func(u store.User) bool {
			part := q.Part
			if u.Guest() && part != "" {
				part = q.Look
			}
			return !u.Deleted() && u.NameKey > q.After && strings.Contains(u.NameKey, part) && kind(u)
		})
}

// UsersAlike implements store.Store.
func (s users) UsersAlike(ctx context.Context, looks names.Looks, limit int) ([]store.User, error) {
	return list(ctx, s.records, "UsersAlike", s.users, limit, usersByID, func(u store.User) bool { return alike(u.Looks, looks) })
}

// SetDisabled implements store.Store.
func (s users) SetDisabled(ctx context.Context, user string, disabled bool) error {
	return update(ctx, s.records, "SetDisabled", s.users, user, func(u *store.User) bool {
		u.Disabled = disabled
		return true
	})
}

// DeleteUser implements store.Store.
func (s users) DeleteUser(ctx context.Context, id string) error {
	return s.do(ctx, "DeleteUser", func() error {
		delete(s.users, id)
		delete(s.seen, id)
		return nil
	})
}

// UsersLike implements store.Store.
func (s users) UsersLike(ctx context.Context, look string, limit int) ([]store.User, error) {
	return list(ctx, s.records, "UsersLike", s.users, limit, usersByID, func(u store.User) bool {
		return u.Looks.Lower != "" && strings.Contains(names.Bare(u.Looks.Lower), look)
	})
}
