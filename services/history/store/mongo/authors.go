package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/chat"
)

// about are the types for which chat.About holds.
var about = bson.A{chat.TypeEdited, chat.TypeDeleted, chat.TypeReacted, chat.TypePinned}

// addAuthors is the schema step that gives entries about messages the authors of the messages: ids
// alone are not unique in a room. Before it, such an entry was about the first message with the id,
// and only the author could edit that.
func addAuthors(ctx context.Context, db *mongo.Database) error {
	entries := db.Collection("entries")
	cur, err := entries.Find(ctx, bson.D{field("type", bson.D{field("$in", about)}), field("author", nil)},
		options.Find().SetProjection(bson.D{field("data", 0)}).SetSort(bson.D{field("_id", 1)}))
	if err != nil {
		return fmt.Errorf("entries without an author: %w", err)
	}
	defer cur.Close(ctx)
	for cur.Next(ctx) {
		var e record
		if err := cur.Decode(&e); err != nil {
			return fmt.Errorf("an entry without an author: %w", err)
		}
		author := e.Sender
		if e.Type != chat.TypeEdited {
			first := options.FindOne().SetSort(bson.D{field("_id", 1)}).SetProjection(bson.D{field("sender", 1)})
			var m record
			err := entries.FindOne(ctx, bson.D{field("room", e.Room), field("id", e.Target), field("type", chat.TypeMsg)}, first).Decode(&m)
			if errors.Is(err, mongo.ErrNoDocuments) {
				continue // about nothing
			}
			if err != nil {
				return fmt.Errorf("the message that %s is about: %w", e.Key, err)
			}
			author = m.Sender
		}
		if _, err := entries.UpdateOne(ctx, bson.D{field("_id", e.Key)}, bson.D{field("$set", bson.D{field("author", author)})}); err != nil {
			return fmt.Errorf("set the author of what %s is about: %w", e.Key, err)
		}
	}
	return cur.Err()
}
