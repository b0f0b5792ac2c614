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

// jobIndexes is the step that makes the indexes of jobs, and of what they look for.
var jobIndexes = mongodb.Indexes("4 (indexes of jobs)",
	mongodb.Index{Collection: "jobs", Fields: []string{"done", "created"}},
	mongodb.Index{Collection: "jobs", Fields: []string{"created"}},
	mongodb.Index{Collection: "reads", Fields: []string{"room"}},
)

func (s *jobStore) jobsBy(ctx context.Context, what string, filter bson.D, limit int) ([]store.Job, error) {
	cur, err := s.jobs.Find(ctx, filter, options.Find().SetSort(bson.D{field("created", 1), field("_id", 1)}).SetLimit(int64(limit)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	var all []store.Job
	if err := cur.All(ctx, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

// PutJob implements store.Jobs.
func (s *jobStore) PutJob(ctx context.Context, j store.Job) error {
	if _, err := s.jobs.InsertOne(ctx, j); err != nil && !mongo.IsDuplicateKeyError(err) {
		return fmt.Errorf("put job: %w", err)
	}
	return nil
}

// OpenJobs implements store.Jobs.
func (s *jobStore) OpenJobs(ctx context.Context, limit int) ([]store.Job, error) {
	return s.jobsBy(ctx, "open jobs", bson.D{field("done", int64(0))}, limit)
}

// JobsSince implements store.Jobs.
func (s *jobStore) JobsSince(ctx context.Context, created int64) ([]store.Job, error) {
	return s.jobsBy(ctx, "jobs", bson.D{field("created", bson.D{field("$gte", created)})}, 0)
}

// ClaimJob implements store.Jobs.
func (s *jobStore) ClaimJob(ctx context.Context, id string, now, until int64) (store.Job, bool, error) {
	var j store.Job
	filter := bson.D{field("_id", id), field("lease", bson.D{field("$lt", now)}), field("done", int64(0))}
	err := s.jobs.FindOneAndUpdate(ctx, filter, bson.D{field("$set", bson.D{field("lease", until)})},
		options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&j)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return j, false, nil
	} else if err != nil {
		return j, false, fmt.Errorf("claim job: %w", err)
	}
	return j, true, nil
}

// SaveJob implements store.Jobs.
func (s *jobStore) SaveJob(ctx context.Context, j store.Job) error {
	_, err := s.jobs.UpdateOne(ctx, bson.D{field("_id", j.ID)}, bson.D{field("$set", bson.D{
		field("pass", j.Pass), field("at_room", j.AtRoom), field("at_id", j.AtID), field("done", j.Done), field("lease", j.Lease),
	})})
	if err != nil {
		return fmt.Errorf("save job: %w", err)
	}
	return nil
}

// NextRoom implements store.Jobs.
func (s *entryStore) NextRoom(ctx context.Context, after string) (string, error) {
	all, err := s.list(ctx, "next room", bson.D{field("room", bson.D{field("$gt", after)})}, field("room", 1), 1)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[0].Room, nil
}

// MessagesOf implements store.Jobs.
func (s *entryStore) MessagesOf(ctx context.Context, room, sender, before string, limit int) ([]store.Entry, error) {
	filter := bson.D{field("room", room), field("sender", sender), field("type", messageTypes)}
	if before != "" {
		filter = append(filter, field("id", bson.D{field("$lt", before)}))
	}
	return s.list(ctx, "messages of a sender", filter, field("id", -1), limit)
}

// RemoveEntries implements store.Jobs.
func (s *appendStore) RemoveEntries(ctx context.Context, room string, limit int) (int, error) {
	cur, err := s.entries.Find(ctx, bson.D{between(first(room), past(room))},
		options.Find().SetSort(bson.D{field("_id", 1)}).SetLimit(int64(limit)).SetProjection(bson.D{field("_id", 1)}))
	if err != nil {
		return 0, fmt.Errorf("entries to remove: %w", err)
	}
	var docs []struct {
		Key string `bson:"_id"`
	}
	if err := cur.All(ctx, &docs); err != nil {
		return 0, fmt.Errorf("entries to remove: %w", err)
	}
	if len(docs) == 0 {
		return 0, nil
	}
	keys := make([]string, len(docs))
	for i, d := range docs {
		keys[i] = d.Key
	}
	if err := s.holdStore.putGoingAside(ctx, room, keys); err != nil {
		return 0, err
	}
	if err := s.searchStore.remove(ctx, keys); err != nil {
		return 0, fmt.Errorf("remove entries: %w", err)
	}
	if _, err := s.entries.DeleteMany(ctx, bson.D{field("_id", bson.D{field("$in", keys)})}); err != nil {
		return 0, fmt.Errorf("remove entries: %w", err)
	}
	return len(keys), nil
}

// RemoveReads implements store.Jobs.
func (s *inboxStore) RemoveReads(ctx context.Context, room string) error {
	if _, err := s.reads.DeleteMany(ctx, bson.D{field("room", room)}); err != nil {
		return fmt.Errorf("remove read positions: %w", err)
	}
	return nil
}
