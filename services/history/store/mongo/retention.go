package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/history/store"
)

// removalIndexes is the step that makes the indexes of what is removed.
func removalIndexes(name string) mongodb.Step {
	return mongodb.Indexes(name, mongodb.Index{Collection: "removed", Fields: []string{"seq"}})
}

// resetIndexes is the step that makes the index of what is being removed by resets.
func resetIndexes(name string) mongodb.Step {
	return mongodb.Indexes(name, mongodb.Index{Collection: "removed", Fields: []string{"reset"}})
}

// removedRoom says how far a room is removed.
type removedRoom struct {
	Room     string `bson:"_id"`
	Seq      int64  `bson:"seq"`
	Messages int64  `bson:"messages"`
	Told     int64  `bson:"told"`
	Reset    int64  `bson:"reset,omitempty"`
}

// RemoveThrough implements store.Removals. What is found comes last: after an error the rest is
// found again.
func (s *retentionStore) RemoveThrough(ctx context.Context, room string, through uint64, limit int) (int, error) {
	n, err := s.removeThrough(ctx, room, through, limit)
	if err != nil {
		return 0, fmt.Errorf("remove the beginning of a room: %w", err)
	}
	return n, nil
}

func (s *retentionStore) removeThrough(ctx context.Context, room string, through uint64, limit int) (int, error) {
	id := bson.D{field("_id", room)}
	_, err := s.removed.UpdateOne(ctx, id, bson.D{field("$max", bson.D{field("seq", int64(through))})}, options.UpdateOne().SetUpsert(true))
	if err != nil {
		return 0, err
	}
	cur, err := s.entries.Find(ctx, bson.D{between(first(room), behind(room, through))},
		options.Find().SetSort(bson.D{field("_id", 1)}).SetLimit(int64(limit)).SetBatchSize(batch).SetProjection(bson.D{field("data", 0)}))
	if err != nil {
		return 0, err
	}
	var docs []record
	if err := cur.All(ctx, &docs); err != nil || len(docs) == 0 {
		return 0, err
	}
	var keys, messages []string
	var seqs []int64
	var names []store.Name
	threads := make(map[thread]bool)
	for i := range docs {
		keys = append(keys, docs[i].Key)
		e := docs[i].entry()
		if e.Type != chat.TypeMsg {
			continue
		}
		messages, names, seqs = append(messages, docs[i].Key), append(names, e.Name()), append(seqs, int64(e.Seq))
		if e.Thread != (store.Name{}) {
			threads[thread{room, e.Thread}] = true
		}
	}
	if err := s.holdStore.putGoingAside(ctx, room, keys); err != nil {
		return 0, err
	}
	if len(messages) > 0 {
		if err := s.removeMessages(ctx, room, messages, seqs, names, threads); err != nil {
			return 0, err
		}
	}
	if _, err := s.entries.DeleteMany(ctx, bson.D{field("_id", bson.D{field("$in", keys)})}); err != nil {
		return 0, err
	}
	_, err = s.removed.UpdateOne(ctx, id, bson.D{field("$inc", bson.D{field("messages", int64(len(messages)))})})
	return len(keys), err
}

// removeMessages removes what there is about messages, which themselves stay.
func (s *retentionStore) removeMessages(ctx context.Context, room string, keys []string, seqs []int64, names []store.Name, threads map[thread]bool) error {
	these := bson.D{field("_id", bson.D{field("$in", keys)})}
	if len(threads) > 0 {
		if _, err := s.entries.UpdateMany(ctx, these, bson.D{field("$set", bson.D{field("gone", true)})}); err != nil {
			return err
		}
	}
	for t := range threads {
		if err := s.threadStore.recount(ctx, t, 0); err != nil {
			return err
		}
	}
	at := field("seq", bson.D{field("$in", seqs)})
	for part := range slices.Chunk(names, 100) {
		if _, err := s.entries.DeleteMany(ctx, bson.D{field("room", room), field("$or", named("author", "target", part))}); err != nil {
			return err
		}
		if _, err := s.unresolved.DeleteMany(ctx, bson.D{field("room", room), field("$or", named("sender", "id", part))}); err != nil {
			return err
		}
	}
	// Where messages of two senders have one seq, what goes of the other's is going, too.
	for _, c := range []*mongo.Collection{s.mentions, s.mentioned} {
		if _, err := c.DeleteMany(ctx, bson.D{field("room", room), at}); err != nil {
			return err
		}
	}
	if err := s.searchStore.remove(ctx, keys); err != nil {
		return err
	}
	_, err := s.threads.UpdateMany(ctx, bson.D{field("room", room), field("at", bson.D{field("$in", seqs)})}, bson.D{field("$set", bson.D{field("at", int64(0))})})
	return err
}

// Removed implements store.Removals.
func (s *collections) Removed(ctx context.Context, room string) (store.Removed, error) {
	var r removedRoom
	err := s.removed.FindOne(ctx, bson.D{field("_id", room)}).Decode(&r)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return store.Removed{}, fmt.Errorf("how far a room is removed: %w", err)
	}
	return store.Removed{Through: uint64(r.Seq), Messages: r.Messages, Told: r.Told}, nil
}

// PutTold implements store.Removals.
func (s *retentionStore) PutTold(ctx context.Context, room string, told int64) error {
	if _, err := s.removed.UpdateOne(ctx, bson.D{field("_id", room)}, bson.D{field("$set", bson.D{field("told", told)})}); err != nil {
		return fmt.Errorf("note what was told: %w", err)
	}
	return nil
}

// Untold implements store.Removals. It compares two fields of the same document, which an index
// cannot: there is one for each room that lost something.
func (s *retentionStore) Untold(ctx context.Context, after string, limit int) (rooms []string, err error) {
	cur, err := s.removed.Find(ctx, bson.D{field("_id", bson.D{field("$gt", after)})}, options.Find().SetSort(bson.D{field("_id", 1)}))
	if err != nil {
		return nil, fmt.Errorf("rooms whose removals are not told: %w", err)
	}
	defer cur.Close(ctx)
	for len(rooms) < limit && cur.Next(ctx) {
		var r removedRoom
		if err := cur.Decode(&r); err != nil {
			return nil, fmt.Errorf("rooms whose removals are not told: %w", err)
		}
		if r.Told < r.Messages && r.Reset == 0 {
			rooms = append(rooms, r.Room)
		}
	}
	if err := cur.Err(); err != nil {
		return nil, fmt.Errorf("rooms whose removals are not told: %w", err)
	}
	return rooms, nil
}

// PutReset implements store.Removals.
func (s *retentionStore) PutReset(ctx context.Context, room string, seq uint64) error {
	_, err := s.removed.UpdateOne(ctx, bson.D{field("_id", room)}, bson.D{field("$max", bson.D{field("seq", int64(seq-1)), field("reset", int64(seq))})},
		options.UpdateOne().SetUpsert(true))
	if err != nil {
		return fmt.Errorf("note a reset: %w", err)
	}
	return nil
}

// Resets implements store.Removals.
func (s *retentionStore) Resets(ctx context.Context, limit int) (map[string]uint64, error) {
	cur, err := s.removed.Find(ctx, bson.D{field("reset", bson.D{field("$gt", int64(0))})}, options.Find().SetLimit(int64(limit)))
	if err != nil {
		return nil, fmt.Errorf("rooms that were reset: %w", err)
	}
	var docs []removedRoom
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("rooms that were reset: %w", err)
	}
	all := make(map[string]uint64, len(docs))
	for _, d := range docs {
		all[d.Room] = uint64(d.Reset)
	}
	return all, nil
}

// EndReset implements store.Removals.
func (s *retentionStore) EndReset(ctx context.Context, room string, seq uint64) error {
	r, err := s.Removed(ctx, room)
	if err != nil {
		return err
	}
	_, err = s.removed.UpdateOne(ctx, bson.D{field("_id", room), field("reset", int64(seq))}, bson.D{
		field("$unset", bson.D{field("reset", "")}), field("$set", bson.D{field("told", r.Messages)}),
	})
	if err != nil {
		return fmt.Errorf("end a reset: %w", err)
	}
	return nil
}

// NthNewest implements store.Removals.
func (s *retentionStore) NthNewest(ctx context.Context, room string, n int) (uint64, error) {
	var r record
	err := s.entries.FindOne(ctx, bson.D{field("room", room), field("type", chat.TypeMsg)},
		options.FindOne().SetSort(bson.D{field("seq", -1), field("_id", -1)}).SetSkip(int64(n-1)).SetProjection(bson.D{field("seq", 1)})).Decode(&r)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return 0, fmt.Errorf("the message that many back: %w", err)
	}
	return r.Seq, nil
}

// round is the round of retention. There is one.
type round struct {
	Key         string `bson:"_id"`
	store.Sweep `bson:",inline"`
	Lease       int64 `bson:"lease"`
}

const roundKey = "rooms"

// ClaimSweep implements store.Removals.
func (s *retentionStore) ClaimSweep(ctx context.Context, now, until int64) (store.Sweep, bool, error) {
	// It is there before it is claimed: two that add it at once add one.
	_, err := s.sweep.InsertOne(ctx, round{Key: roundKey})
	if err != nil && !mongo.IsDuplicateKeyError(err) {
		return store.Sweep{}, false, fmt.Errorf("the round of retention: %w", err)
	}
	var r round
	err = s.sweep.FindOneAndUpdate(ctx, bson.D{field("_id", roundKey), field("lease", bson.D{field("$lt", now)}), field("due", bson.D{field("$lte", now)})},
		bson.D{field("$set", bson.D{field("lease", until)})}, options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&r)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return store.Sweep{}, false, nil
	}
	if err != nil {
		return store.Sweep{}, false, fmt.Errorf("claim the round of retention: %w", err)
	}
	return r.Sweep, true, nil
}

// SaveSweep implements store.Removals.
func (s *retentionStore) SaveSweep(ctx context.Context, sweep store.Sweep) error {
	id := field("_id", roundKey)
	_, err := s.sweep.UpdateOne(ctx, bson.D{id, field("round", sweep.Round)}, bson.D{field("$set", bson.D{field("room", sweep.Room), field("due", sweep.Due)})})
	if err == nil {
		_, err = s.sweep.UpdateOne(ctx, bson.D{id}, bson.D{field("$set", bson.D{field("lease", int64(0))})})
	}
	if err != nil {
		return fmt.Errorf("save the round of retention: %w", err)
	}
	return nil
}

// HurrySweep implements store.Removals.
func (s *retentionStore) HurrySweep(ctx context.Context) error {
	_, err := s.sweep.UpdateOne(ctx, bson.D{field("_id", roundKey)},
		bson.D{field("$set", bson.D{field("room", ""), field("due", int64(0))}), field("$inc", bson.D{field("round", int64(1))})})
	if err != nil {
		return fmt.Errorf("hurry the round of retention: %w", err)
	}
	return nil
}

// lastRemoved returns the Seq through which a room is removed as a position.
func (s *collections) lastRemoved(ctx context.Context, room string) (uint64, error) {
	r, err := s.Removed(ctx, room)
	return r.Through, err
}
