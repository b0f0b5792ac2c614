package mongo

import (
	"context"
	"regexp"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// fillLooks is step 3: the looks of the names that there are. Those that a replica of the release
// before makes while both run have none; they are compared by their keys alone.
func fillLooks(ctx context.Context, db *mongo.Database) error {
	without := func(field string, value any) bson.D {
		return bson.D{{Key: "look", Value: bson.D{{Key: "$exists", Value: false}}}, {Key: field, Value: value}}
	}
	for collection, filter := range map[string]bson.D{
		"users": without("hash", bson.D{{Key: "$ne", Value: ""}}),
		"rooms": without("direct", false),
	} {
		c := db.Collection(collection)
		cur, err := c.Find(ctx, filter)
		if err != nil {
			return wrap("names without looks", err)
		}
		var all []struct {
			ID   string `bson:"_id"`
			Name string `bson:"name"`
		}
		if err := cur.All(ctx, &all); err != nil {
			return wrap("names without looks", err)
		}
		for _, one := range all {
			if _, err := c.UpdateOne(ctx, by("_id", one.ID), by("$set", names.LooksOf(one.Name))); err != nil {
				return wrap("set looks", err)
			}
		}
	}
	return nil
}

func alike(looks names.Looks) bson.E {
	either := by("$in", []string{looks.Written, looks.Lower})
	return bson.E{Key: "$or", Value: bson.A{by("look", either), by("look_lower", either)}}
}

// hasLook is the condition that a look has a bare one in it, whatever marks there are: see
// names.Bare.
func hasLook(bare string) bson.Regex {
	var pattern strings.Builder
	for _, r := range bare {
		pattern.WriteString(regexp.QuoteMeta(string(r)) + `\p{Mn}*`)
	}
	return bson.Regex{Pattern: pattern.String()}
}

// UsersLike implements store.Store.
func (s *Store) UsersLike(ctx context.Context, look string, limit int) ([]store.User, error) {
	return list[store.User](ctx, "users whose names have something in them", s.users, by("look_lower", hasLook(look)), by("_id", 1), limit)
}

// UsersAlike implements store.Store.
func (s *Store) UsersAlike(ctx context.Context, looks names.Looks, limit int) ([]store.User, error) {
	return list[store.User](ctx, "users that look alike", s.users, bson.D{alike(looks)}, by("_id", 1), limit)
}

// PublicRoomsAlike implements store.Store.
func (s *Store) PublicRoomsAlike(ctx context.Context, looks names.Looks, limit int) ([]store.Room, error) {
	return list[store.Room](ctx, "public rooms that look alike", s.rooms,
		bson.D{{Key: "private", Value: false}, {Key: "direct", Value: false}, alike(looks)}, by("_id", 1), limit)
}

// CreateGuest implements store.Store. The session is kept first: with its end the user is removed,
// so there must be no user without one. One of a name that was taken ends at once.
func (s *Store) CreateGuest(ctx context.Context, u store.User, x store.Session) error {
	if err := s.CreateSession(ctx, x); err != nil {
		return err
	}
	err := s.CreateUser(ctx, u)
	if err != nil {
		_ = s.DeleteSession(ctx, x.ID) // else it expires
	}
	return err
}
