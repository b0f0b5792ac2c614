package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

// holdIndexes is the step that makes the indexes of what is held.
func holdIndexes(name string) mongodb.Step {
	return mongodb.Indexes(name,
		mongodb.Index{Collection: "holds", Fields: []string{"created", "_id"}},
		mongodb.Index{Collection: "held", Fields: []string{"room", "seq", "_id"}},
		mongodb.Index{Collection: "held", Fields: []string{"sender", "room", "seq", "_id"}},
	)
}

// heldEntry is an entry that was put aside.
type heldEntry struct {
	Key         string `bson:"_id"`
	store.Entry `bson:",inline"`
}

// PutHold implements store.Holds.
func (s *holdStore) PutHold(ctx context.Context, h store.Hold) error {
	if _, err := s.holds.InsertOne(ctx, h); err != nil && !mongo.IsDuplicateKeyError(err) {
		return fmt.Errorf("put a hold: %w", err)
	}
	return nil
}

// Holds implements store.Holds.
func (s *holdStore) Holds(ctx context.Context) ([]store.Hold, error) {
	cur, err := s.holds.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{field("created", 1), field("_id", 1)}))
	if err != nil {
		return nil, fmt.Errorf("holds: %w", err)
	}
	var all []store.Hold
	if err := cur.All(ctx, &all); err != nil {
		return nil, fmt.Errorf("holds: %w", err)
	}
	return all, nil
}

// DeleteHold implements store.Holds.
func (s *holdStore) DeleteHold(ctx context.Context, id string) (h store.Hold, ok bool, err error) {
	err = s.holds.FindOneAndDelete(ctx, bson.D{field("_id", id)}).Decode(&h)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return h, false, nil
	}
	if err != nil {
		return h, false, fmt.Errorf("lift a hold: %w", err)
	}
	return h, true, nil
}

// Held implements store.Holds.
func (s *holdStore) Held(ctx context.Context, h store.Hold, room string, after uint64, limit int) ([]store.Entry, error) {
	behind := field("seq", bson.D{field("$gt", int64(after))})
	filters, sort := []bson.D{{field("room", h.Room), behind}}, bson.D{field("seq", 1), field("_id", 1)}
	if h.Room == "" {
		// The rest of one room, and the rooms after it: each is a range of the index.
		filters = []bson.D{{field("sender", h.User), field("room", room), behind}, {field("sender", h.User), field("room", bson.D{field("$gt", room)})}}
		sort = bson.D{field("room", 1), field("seq", 1), field("_id", 1)}
	}
	var all []store.Entry
	for _, filter := range filters {
		if len(all) == limit {
			break
		}
		cur, err := s.held.Find(ctx, filter, options.Find().SetSort(sort).SetLimit(int64(limit-len(all))).SetBatchSize(batch))
		if err != nil {
			return nil, fmt.Errorf("what is held: %w", err)
		}
		var docs []heldEntry
		if err := cur.All(ctx, &docs); err != nil {
			return nil, fmt.Errorf("what is held: %w", err)
		}
		for _, d := range docs {
			e := d.Entry
			e.Slot, e.Past = "", false
			all = append(all, e)
		}
	}
	return store.TogetherBefore(all, limit), nil
}

// DropHeld implements store.Holds.
func (s *holdStore) DropHeld(ctx context.Context, limit int) (int, error) {
	all, err := s.Holds(ctx)
	if err != nil {
		return 0, err
	}
	rooms, users := []string{}, []string{}
	for _, h := range all {
		if h.Room != "" {
			rooms = append(rooms, h.Room)
		} else {
			users = append(users, h.User)
		}
	}
	cur, err := s.held.Find(ctx, bson.D{field("room", bson.D{field("$nin", rooms)}), field("sender", bson.D{field("$nin", users)})},
		options.Find().SetLimit(int64(limit)).SetProjection(bson.D{field("_id", 1)}))
	if err != nil {
		return 0, fmt.Errorf("drop what is not held any more: %w", err)
	}
	var docs []heldEntry
	if err := cur.All(ctx, &docs); err != nil || len(docs) == 0 {
		return 0, err
	}
	keys := make([]string, len(docs))
	for i, d := range docs {
		keys[i] = d.Key
	}
	if _, err := s.held.DeleteMany(ctx, bson.D{field("_id", bson.D{field("$in", keys)})}); err != nil {
		return 0, fmt.Errorf("drop what is not held any more: %w", err)
	}
	return len(keys), nil
}

// putAside puts entries aside that holds are about. They are removed or erased after that.
func (s *holdStore) putAside(ctx context.Context, all []store.Hold, entries []store.Entry) error {
	var docs []heldEntry
	for _, e := range entries {
		if slices.ContainsFunc(all, func(h store.Hold) bool { return h.About(e.Room, e.Sender) }) {
			docs = append(docs, heldEntry{fmt.Sprintf("%s~%s~%s", store.Key(e.Room, e.Seq), e.Sender, e.ID), e})
		}
	}
	if len(docs) == 0 {
		return nil
	}
	if _, err := s.held.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false)); err != nil && !onlyDuplicates(err) {
		return fmt.Errorf("put aside what is held: %w", err)
	}
	return nil
}

// putGoingAside puts aside the entries with some keys, which are about to be removed, and what is
// about messages among them.
func (s *holdStore) putGoingAside(ctx context.Context, room string, keys []string) error {
	all, err := s.Holds(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	for part := range slices.Chunk(keys, 100) {
		found, err := s.appended(ctx, "what is held", bson.D{field("_id", bson.D{field("$in", part)})}, field("_id", 1), 0)
		if err != nil {
			return err
		}
		if err := s.putAside(ctx, all, found); err != nil {
			return err
		}
		names := make([]store.Name, len(found))
		for i := range found {
			names[i] = found[i].Name()
		}
		about, err := s.list(ctx, "what is held", bson.D{field("room", room), field("$or", named("author", "target", names))}, field("_id", 1), 0)
		if err != nil {
			return err
		}
		if err := s.putAside(ctx, all, about); err != nil {
			return err
		}
	}
	return nil
}
