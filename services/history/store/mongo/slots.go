package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

// slot names a property of a message: see store.SlotOf.
type slot struct{ room, target, author, slot string }

func (s slot) filter(more ...bson.E) bson.D {
	return append(bson.D{field("room", s.room), field("target", s.target), field("author", s.author), field("slot", s.slot)}, more...)
}

// supersede marks all but the last entry of each slot that the given entries, which are kept, have.
// Of two writers at the same time at least one sees what both have added.
func (s *appendStore) supersede(ctx context.Context, entries []store.Entry) error {
	seen := make(map[slot]bool)
	for _, e := range entries {
		of := slot{e.Room, e.Target, e.Author, e.Slot}
		if e.Slot == "" || seen[of] {
			continue
		}
		seen[of] = true
		if err := markPast(ctx, s.entries, of); err != nil {
			return err
		}
	}
	return nil
}

// markPast marks all entries of a slot but the last.
func markPast(ctx context.Context, entries *mongo.Collection, of slot) error {
	var last record
	err := entries.FindOne(ctx, of.filter(), options.FindOne().SetSort(bson.D{field("seq", -1)}).SetProjection(bson.D{field("seq", 1)})).Decode(&last)
	if errors.Is(err, mongo.ErrNoDocuments) { // a repeat of what is kept with another author
		return nil
	}
	if err != nil {
		return fmt.Errorf("the last entry of a slot: %w", err)
	}
	_, err = entries.UpdateMany(ctx, of.filter(field("past", nil), field("seq", bson.D{field("$lt", last.Seq)})), bson.D{field("$set", bson.D{field("past", true)})})
	if err != nil {
		return fmt.Errorf("mark what is past: %w", err)
	}
	return nil
}

// slotIndexes are what is about a message, all of it and what counts.
var slotIndexes = []mongodb.Index{
	{Collection: "entries", Fields: []string{"room", "target", "author", "slot", "seq"}},
	{Collection: "entries", Fields: []string{"room", "target", "author", "past"}},
}

// addSlots is the schema step that gives entries about messages their slots, and marks those that
// are past, so that pages read only the entries that count, however often a message was changed.
func addSlots(ctx context.Context, db *mongo.Database) error {
	if err := mongodb.Indexes("", slotIndexes...).Run(ctx, db); err != nil {
		return err
	}
	entries := db.Collection("entries")
	cur, err := entries.Find(ctx, bson.D{field("type", bson.D{field("$in", about)})}, options.Find().SetSort(bson.D{field("_id", 1)}))
	if err != nil {
		return fmt.Errorf("entries about messages: %w", err)
	}
	defer cur.Close(ctx)
	for cur.Next(ctx) {
		var e record
		if err := cur.Decode(&e); err != nil {
			return fmt.Errorf("an entry about a message: %w", err)
		}
		of, empties := store.SlotOf(e.Entry)
		if of == "" {
			continue
		}
		set := bson.D{field("slot", of)}
		if empties {
			set = append(set, field("past", true))
		}
		if _, err := entries.UpdateOne(ctx, bson.D{field("_id", e.Key)}, bson.D{field("$set", set)}); err != nil {
			return fmt.Errorf("set the slot of %s: %w", e.Key, err)
		}
		if err := markPast(ctx, entries, slot{e.Room, e.Target, e.Author, of}); err != nil {
			return err
		}
	}
	return cur.Err()
}
