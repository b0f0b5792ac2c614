package mongo

import (
	"context"
	"errors"
	"regexp"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

func by(field string, value any) bson.D { return bson.D{{Key: field, Value: value}} }

func above(field string, value any) bson.D {
	return bson.D{{Key: field, Value: bson.D{{Key: "$gt", Value: value}}}}
}

// pairID finds the record of a room and a user, or of a user and another, by its key: so adding one
// twice is one record on any server.
func pairID(a, b string) bson.D { return by("_id", a+":"+b) }

// patch adds a field to what is set, unless it stays as it is.
func patch[T any](set bson.D, field string, to *T) bson.D {
	if to == nil {
		return set
	}
	return append(set, bson.E{Key: field, Value: *to})
}

// CreateUser implements store.Store.
func (s *Store) CreateUser(ctx context.Context, u store.User) error {
	return insert(ctx, "create user", s.users, u)
}

// User implements store.Store.
func (s *Store) User(ctx context.Context, id string) (store.User, error) {
	return one[store.User](ctx, "user", s.users, by("_id", id))
}

// UserByName implements store.Store.
func (s *Store) UserByName(ctx context.Context, nameKey string) (store.User, error) {
	return one[store.User](ctx, "user by name", s.users, by("name_key", nameKey))
}

// Users implements store.Store.
func (s *Store) Users(ctx context.Context, prefix string, limit int) ([]store.User, error) {
	// U+10FFFF sorts after every text that begins with the prefix.
	return list[store.User](ctx, "users", s.users, by("name_key", bson.D{{Key: "$gte", Value: prefix}, {Key: "$lt", Value: prefix + "\U0010FFFF"}}),
		by("name_key", 1), limit)
}

// UsersOf implements store.Store.
func (s *Store) UsersOf(ctx context.Context, ids []string) ([]store.User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return list[store.User](ctx, "users by id", s.users, by("_id", by("$in", ids)), by("_id", 1), 0)
}

// UsersByNames implements store.Store.
func (s *Store) UsersByNames(ctx context.Context, nameKeys []string) ([]store.User, error) {
	if len(nameKeys) == 0 {
		return nil, nil
	}
	return list[store.User](ctx, "users by name", s.users, by("name_key", by("$in", nameKeys)), by("name_key", 1), 0)
}

// UsersAfter implements store.Store.
func (s *Store) UsersAfter(ctx context.Context, id string, limit int) ([]store.User, error) {
	return list[store.User](ctx, "users", s.users, above("_id", id), by("_id", 1), limit)
}

// FindUsers implements store.Store.
func (s *Store) FindUsers(ctx context.Context, q store.UserQuery) ([]store.User, error) {
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
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	return remove(ctx, "delete user", s.users, by("_id", id))
}

// ReplaceUser implements store.Store.
func (s *Store) ReplaceUser(ctx context.Context, u store.User, was string) error {
	// Not every server says of an update which index it offends.
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
func (s *Store) SetDisabled(ctx context.Context, user string, disabled bool) error {
	return update(ctx, "disable user", s.users, by("_id", user), by("disabled", disabled))
}

// CreateKey implements store.Store.
func (s *Store) CreateKey(ctx context.Context, k store.Key) error {
	return insert(ctx, "create key", s.keys, k)
}

// Keys implements store.Store.
func (s *Store) Keys(ctx context.Context) ([]store.Key, error) {
	return list[store.Key](ctx, "keys", s.keys, bson.D{}, bson.D{{Key: "created", Value: -1}, {Key: "_id", Value: -1}}, 0)
}

// SetKeySeed implements store.Store.
func (s *Store) SetKeySeed(ctx context.Context, id string, seed []byte) error {
	return update(ctx, "set key seed", s.keys, by("_id", id), by("seed", seed))
}

// DeleteKey implements store.Store.
func (s *Store) DeleteKey(ctx context.Context, id string) error {
	return remove(ctx, "delete key", s.keys, by("_id", id))
}

// CreateRoom implements store.Store.
func (s *Store) CreateRoom(ctx context.Context, r store.Room) error {
	return insert(ctx, "create room", s.rooms, r)
}

// Room implements store.Store.
func (s *Store) Room(ctx context.Context, id string) (store.Room, error) {
	return one[store.Room](ctx, "room", s.rooms, by("_id", id))
}

// Rooms implements store.Store.
func (s *Store) Rooms(ctx context.Context, ids []string) ([]store.Room, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return list[store.Room](ctx, "rooms", s.rooms, by("_id", by("$in", ids)), by("_id", 1), 0)
}

// PatchRoom implements store.Store.
func (s *Store) PatchRoom(ctx context.Context, id string, p store.RoomPatch) error {
	set := by("_id", id) // which it is already: $set may not be empty
	set = patch(set, "name", p.Name)
	if p.Looks != nil {
		set = append(set, bson.E{Key: "look", Value: p.Looks.Written}, bson.E{Key: "look_lower", Value: p.Looks.Lower})
	}
	set = patch(set, "topic", p.Topic)
	set = patch(set, "private", p.Private)
	set = patch(set, "slow", p.Slow)
	set = patch(set, "announce", p.Announce)
	set = patch(set, "archived", p.Archived)
	set = patch(set, "no_guests", p.NoGuests)
	set = patch(set, "keep", p.Keep)
	return update(ctx, "change room", s.rooms, by("_id", id), set)
}

// DeleteRoom implements store.Store.
func (s *Store) DeleteRoom(ctx context.Context, id string) error {
	return remove(ctx, "delete room", s.rooms, by("_id", id))
}

// PutMember implements store.Store.
func (s *Store) PutMember(ctx context.Context, m store.Member) error {
	return upsert(ctx, "put member", s.members, pairID(m.Room, m.User), bson.D{
		{Key: "$set", Value: by("role", m.Role)},
		{Key: "$setOnInsert", Value: bson.D{
			{Key: "room", Value: m.Room}, {Key: "user", Value: m.User}, {Key: "name", Value: m.Name}, {Key: "since", Value: m.Since},
			{Key: "hidden", Value: m.Hidden},
		}},
	})
}

// upsert changes a document, or adds it.
func upsert(ctx context.Context, what string, c *mongo.Collection, id, change bson.D) error {
	_, err := c.UpdateOne(ctx, id, change, options.UpdateOne().SetUpsert(true))
	// of two upserts at the same time one may fail so; now there is something to update
	if mongo.IsDuplicateKeyError(err) {
		_, err = c.UpdateOne(ctx, id, change, options.UpdateOne().SetUpsert(true))
	}
	return wrap(what, err)
}

// SetRole implements store.Store.
func (s *Store) SetRole(ctx context.Context, room, user string, role api.Role) error {
	return update(ctx, "set role", s.members, pairID(room, user), by("role", role))
}

// Member implements store.Store.
func (s *Store) Member(ctx context.Context, room, user string) (store.Member, error) {
	return one[store.Member](ctx, "member", s.members, pairID(room, user))
}

// RenameMember implements store.Store.
func (s *Store) RenameMember(ctx context.Context, user, name string) error {
	_, err := s.members.UpdateMany(ctx, by("user", user), by("$set", by("name", name)))
	return wrap("rename member", err)
}

// DeleteMember implements store.Store.
func (s *Store) DeleteMember(ctx context.Context, room, user string) error {
	return remove(ctx, "delete member", s.members, pairID(room, user))
}

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, room, after string, limit int) ([]store.Member, error) {
	return list[store.Member](ctx, "members", s.members, append(by("room", room), above("user", after)...), by("user", 1), limit)
}

// MembersInRole implements store.Store.
func (s *Store) MembersInRole(ctx context.Context, room string, role api.Role, limit int) ([]store.Member, error) {
	return list[store.Member](ctx, "members in a role", s.members, append(by("room", room), by("role", role)...),
		bson.D{{Key: "since", Value: 1}, {Key: "user", Value: 1}}, limit)
}

// MembersOf implements store.Store.
func (s *Store) MembersOf(ctx context.Context, rooms []string) ([]store.Member, error) {
	if len(rooms) == 0 {
		return nil, nil
	}
	return list[store.Member](ctx, "members of rooms", s.members, by("room", by("$in", rooms)),
		bson.D{{Key: "room", Value: 1}, {Key: "user", Value: 1}}, 0)
}

// MembershipsOf implements store.Store.
func (s *Store) MembershipsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list[store.Member](ctx, "memberships", s.members, by("user", user), bson.D{{Key: "since", Value: 1}, {Key: "room", Value: 1}}, limit)
}

// PutIntent implements store.Store.
func (s *Store) PutIntent(ctx context.Context, i store.Intent) error {
	_, err := s.intent.ReplaceOne(ctx, by("_id", i.ID), i, options.Replace().SetUpsert(true))
	return wrap("put intent", err)
}

// DeleteIntent implements store.Store.
func (s *Store) DeleteIntent(ctx context.Context, id string) error {
	return remove(ctx, "delete intent", s.intent, by("_id", id))
}

// IntentsBefore implements store.Store.
func (s *Store) IntentsBefore(ctx context.Context, created int64, limit int) ([]store.Intent, error) {
	return list[store.Intent](ctx, "intents", s.intent, by("created", by("$lt", created)),
		bson.D{{Key: "created", Value: 1}, {Key: "_id", Value: 1}}, limit)
}

// update changes fields of the document that filter finds.
func update(ctx context.Context, what string, c *mongo.Collection, filter bson.D, set any) error {
	r, err := c.UpdateOne(ctx, filter, by("$set", set))
	if err == nil && r.MatchedCount == 0 {
		err = store.ErrNotFound
	}
	return wrap(what, err)
}

func remove(ctx context.Context, what string, c *mongo.Collection, filter any) error {
	_, err := c.DeleteOne(ctx, filter)
	return wrap(what, err)
}

func removeAll(ctx context.Context, what string, c *mongo.Collection, filter any) error {
	_, err := c.DeleteMany(ctx, filter)
	return wrap(what, err)
}
