package mongo

import (
	"context"
	"errors"
	"regexp"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// users is a store.Users.
type users struct{ *collections }

// UsersLike implements store.Store.
func (s users) UsersLike(ctx context.Context, look string, limit int) ([]store.User, error) {
	return list[store.User](ctx, "users whose names have something in them", s.users, by("look_lower", hasLook(look)), by("_id", 1), limit)
}

// UsersAlike implements store.Store.
func (s users) UsersAlike(ctx context.Context, looks names.Looks, limit int) ([]store.User, error) {
	return list[store.User](ctx, "users that look alike", s.users, bson.D{alike(looks)}, by("_id", 1), limit)
}

// CreateGuest implements store.Store. The session is kept first: with its end the user is removed,
// so there must be no user without one. One of a name that was taken ends at once.
func (s users) CreateGuest(ctx context.Context, u store.User, x store.Session) error {
	logins := sessions(s)
	if err := logins.CreateSession(ctx, x); err != nil {
		return err
	}
	err := s.CreateUser(ctx, u)
	if err != nil {
		_ = logins.DeleteSession(ctx, x.ID) // if this fails, it expires
	}
	return err
}

// CreateUser implements store.Store.
func (s users) CreateUser(ctx context.Context, u store.User) error {
	return insert(ctx, "create user", s.users, u)
}

// User implements store.Store.
func (s users) User(ctx context.Context, id string) (store.User, error) {
	return one[store.User](ctx, "user", s.users, by("_id", id))
}

// UserByName implements store.Store.
func (s users) UserByName(ctx context.Context, nameKey string) (store.User, error) {
	return one[store.User](ctx, "user by name", s.users, by("name_key", nameKey))
}

// Users implements store.Store.
func (s users) Users(ctx context.Context, prefix string, limit int) ([]store.User, error) {
	// U+10FFFF sorts after every text that begins with the prefix.
	return list[store.User](ctx, "users", s.users, by("name_key", bson.D{{Key: "$gte", Value: prefix}, {Key: "$lt", Value: prefix + "\U0010FFFF"}}),
		by("name_key", 1), limit)
}

// UsersOf implements store.Store.
func (s users) UsersOf(ctx context.Context, ids []string) ([]store.User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return list[store.User](ctx, "users by id", s.users, by("_id", by("$in", ids)), by("_id", 1), 0)
}

// UsersByNames implements store.Store.
func (s users) UsersByNames(ctx context.Context, nameKeys []string) ([]store.User, error) {
	if len(nameKeys) == 0 {
		return nil, nil
	}
	return list[store.User](ctx, "users by name", s.users, by("name_key", by("$in", nameKeys)), by("name_key", 1), 0)
}

// UsersAfter implements store.Store.
func (s users) UsersAfter(ctx context.Context, id string, limit int) ([]store.User, error) {
	return list[store.User](ctx, "users", s.users, above("_id", id), by("_id", 1), limit)
}

// FindUsers implements store.Store.
func (s users) FindUsers(ctx context.Context, q store.UserQuery) ([]store.User, error) {
	hash := bson.D{{Key: "$ne", Value: store.DeletedHash}}
	filter := bson.D{}
	if q.Part != "" {
		has := func(part string, guest string) bson.D {
			return bson.D{{Key: "name_key", Value: bson.Regex{Pattern: regexp.QuoteMeta(part)}}, {Key: "hash", Value: by(guest, "")}}
		}
		filter = by("$or", bson.A{has(q.Part, "$ne"), has(q.Look, "$eq")})
	}
	switch q.Kind {
	case store.UsersRegistered:
		hash = by("$nin", bson.A{"", store.DeletedHash})
	case store.UsersGuests:
		hash = by("$eq", "")
	case store.UsersDisabled:
		filter = append(filter, bson.E{Key: "disabled", Value: true})
	}
	filter = append(filter, bson.E{Key: "name_key", Value: by("$gt", q.After)}, bson.E{Key: "hash", Value: hash})
	return list[store.User](ctx, "find users", s.users, filter, by("name_key", 1), q.Limit)
}

// DeleteUser implements store.Store.
func (s users) DeleteUser(ctx context.Context, id string) error {
	return remove(ctx, "delete user", s.users, by("_id", id))
}

// ReplaceUser implements store.Store.
func (s users) ReplaceUser(ctx context.Context, u store.User, was string) error {
	// Not every server says which unique index an update violates.
	if other, err := s.UserByName(ctx, u.NameKey); err == nil && other.ID != u.ID {
		return wrap("replace user", store.ErrConflict)
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	set := bson.D{
		{Key: "name", Value: u.Name}, {Key: "name_key", Value: u.NameKey}, {Key: "look", Value: u.Looks.Written}, {Key: "look_lower", Value: u.Looks.Lower},
		{Key: "hash", Value: u.Hash},
	}
	err := update(ctx, "replace user", s.users, append(by("_id", u.ID), by("hash", was)...), set)
	if mongo.IsDuplicateKeyError(err) {
		return wrap("replace user", store.ErrConflict)
	}
	return err
}

// SetDisabled implements store.Store.
func (s users) SetDisabled(ctx context.Context, user string, disabled bool) error {
	return update(ctx, "disable user", s.users, by("_id", user), by("disabled", disabled))
}
