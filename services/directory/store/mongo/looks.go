package mongo

import (
	"context"
	"regexp"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"hubbub.internal/libs/names"
)

// fillLooks is step 3: it adds the looks of existing names. Names that a replica of the earlier
// release adds while both run have no looks, and are compared only by their keys.
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

// hasLook is the condition that a look contains a bare one, ignoring marks: see names.Bare.
func hasLook(bare string) bson.Regex {
	var pattern strings.Builder
	for _, r := range bare {
		pattern.WriteString(regexp.QuoteMeta(string(r)) + `\p{Mn}*`)
	}
	return bson.Regex{Pattern: pattern.String()}
}
