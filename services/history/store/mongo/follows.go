package mongo

import (
	"cmp"
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

// follow is a user and a thread as a document.
type follow struct {
	Key          string `bson:"_id"`
	Thread       string `bson:"thread"` // the key of the thread
	store.Follow `bson:",inline"`
}

func threadKey(room string, root store.Name) string { return room + ":" + rootKey(root) }

func followKey(user, room string, root store.Name) string {
	return user + ":" + threadKey(room, root)
}

// followIndexes are those of the threads that users follow.
var followIndexes = []mongodb.Index{
	{Collection: "follows", Fields: []string{"user", "following", "touched"}},
	{Collection: "follows", Fields: []string{"room"}},
}

// addFollows makes who is in a thread follow it: nothing of it is new to them.
func addFollows(ctx context.Context, db *mongo.Database) error {
	if err := mongodb.Indexes("", followIndexes...).Run(ctx, db); err != nil {
		return err
	}
	s := &followStore{&collections{follows: db.Collection("follows")}}
	cur, err := db.Collection("threads").Find(ctx, bson.D{}, options.Find().SetSort(bson.D{field("_id", 1)}))
	if err != nil {
		return fmt.Errorf("threads: %w", err)
	}
	defer cur.Close(ctx)
	for cur.Next(ctx) {
		var t store.Replies
		if err := cur.Decode(&t); err != nil {
			return fmt.Errorf("a thread: %w", err)
		}
		users := t.Users
		if t.At > 0 {
			users = append(users, t.Author)
		}
		for _, user := range users {
			f := store.Follow{User: user, Room: t.Room, Author: t.Author, ID: t.ID, Read: t.Last, Touched: t.TS}
			if err := s.BeginFollows(ctx, []store.Follow{f}); err != nil {
				return err
			}
		}
	}
	return cur.Err()
}

// BeginFollows implements store.Follows.
func (s *followStore) BeginFollows(ctx context.Context, all []store.Follow) error {
	for _, f := range all {
		if err := s.putFollow(ctx, f, field("$setOnInsert", append(namesOf(f), field("following", true)))); err != nil {
			return fmt.Errorf("begin to follow threads: %w", err)
		}
	}
	return ctx.Err()
}

// PutFollow implements store.Follows.
func (s *followStore) PutFollow(ctx context.Context, f store.Follow) error {
	if err := s.putFollow(ctx, f, field("$setOnInsert", namesOf(f)), field("$set", bson.D{field("following", f.Following)})); err != nil {
		return fmt.Errorf("follow a thread: %w", err)
	}
	return nil
}

func namesOf(f store.Follow) bson.D {
	return bson.D{
		field("user", f.User), field("room", f.Room), field("author", f.Author), field("id", f.ID), field("thread", threadKey(f.Room, f.Root())),
	}
}

func (s *followStore) putFollow(ctx context.Context, f store.Follow, set ...bson.E) error {
	change := append(bson.D{field("$max", bson.D{field("read", int64(f.Read)), field("touched", f.Touched)})}, set...)
	_, err := s.follows.UpdateOne(ctx, bson.D{field("_id", followKey(f.User, f.Room, f.Root()))}, change, options.UpdateOne().SetUpsert(true))
	return err
}

// ReadThread implements store.Follows.
func (s *followStore) ReadThread(ctx context.Context, user, room string, root store.Name, seq uint64, touched int64) (bool, error) {
	behind := bson.D{field("_id", followKey(user, room, root)), field("following", true), field("read", bson.D{field("$lt", int64(seq))})}
	r, err := s.follows.UpdateOne(ctx, behind, bson.D{field("$max", bson.D{field("read", int64(seq)), field("touched", touched)})})
	if err != nil {
		return false, fmt.Errorf("read a thread: %w", err)
	}
	return r.ModifiedCount > 0, nil
}

// ReadThreads implements store.Follows. An error may leave some unread.
func (s *followStore) ReadThreads(ctx context.Context, user string) error {
	all, err := s.Followed(ctx, user, manyFollows)
	if err != nil {
		return err
	}
	for _, f := range all {
		if f.Read >= f.Replies.Last {
			continue
		}
		if _, err := s.ReadThread(ctx, user, f.Room, f.Root(), f.Replies.Last, 0); err != nil {
			return err
		}
	}
	return nil
}

// manyFollows is more than anybody follows.
const manyFollows = 100_000

// FollowOf implements store.Follows.
func (s *followStore) FollowOf(ctx context.Context, user, room string, root store.Name) (store.Follow, bool, error) {
	var f follow
	err := s.follows.FindOne(ctx, bson.D{field("_id", followKey(user, room, root))}).Decode(&f)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return store.Follow{User: user, Room: room, Author: root.Sender, ID: root.ID}, false, nil
	}
	if err != nil {
		return store.Follow{}, false, fmt.Errorf("whether a thread is followed: %w", err)
	}
	return f.Follow, true, nil
}

// Follows implements store.Follows.
func (s *followStore) Follows(ctx context.Context, user string, limit int) ([]store.Follow, error) {
	var all []store.Follow
	for _, following := range []bool{true, false} {
		docs, err := s.followsOf(ctx, user, following, limit)
		if err != nil {
			return nil, err
		}
		for i := range docs {
			all = append(all, docs[i].Follow)
		}
	}
	slices.SortStableFunc(all, func(a, b store.Follow) int { return cmp.Compare(b.Touched, a.Touched) })
	return all, nil
}

func (s *followStore) followsOf(ctx context.Context, user string, following bool, limit int) ([]follow, error) {
	cur, err := s.follows.Find(ctx, bson.D{field("user", user), field("following", following)}, options.Find().SetSort(bson.D{field("touched", -1)}).SetLimit(int64(limit)))
	if err != nil {
		return nil, fmt.Errorf("followed threads: %w", err)
	}
	var docs []follow
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("followed threads: %w", err)
	}
	return docs, nil
}

// Followed implements store.Follows.
func (s *followStore) Followed(ctx context.Context, user string, limit int) ([]store.Followed, error) {
	docs, err := s.followsOf(ctx, user, true, limit)
	if err != nil || len(docs) == 0 {
		return nil, err
	}
	keys := make([]string, len(docs))
	for i := range docs {
		keys[i] = docs[i].Thread
	}
	cur, err := s.threads.Find(ctx, bson.D{field("_id", bson.D{field("$in", keys)})})
	if err != nil {
		return nil, fmt.Errorf("followed threads: %w", err)
	}
	var threads []store.Replies
	if err := cur.All(ctx, &threads); err != nil {
		return nil, fmt.Errorf("followed threads: %w", err)
	}
	known := make(map[string]store.Replies, len(threads))
	for _, t := range threads {
		known[threadKey(t.Room, t.Root())] = t
	}
	var all []store.Followed
	for i := range docs {
		if t, ok := known[docs[i].Thread]; ok {
			all = append(all, store.Followed{Follow: docs[i].Follow, Replies: t})
		}
	}
	return all, nil
}

// UnreadAnswers implements store.Follows.
func (s *followStore) UnreadAnswers(ctx context.Context, user string, hidden []string, room string, root store.Name, after uint64) (count int, first uint64, err error) {
	for passed := 0; passed <= store.MaxOwn; {
		found, err := s.answersBriefly(ctx, room, root, after)
		if err != nil {
			return 0, 0, err
		}
		for _, r := range found {
			switch {
			case r.Gone:
			case r.Sender == user || slices.Contains(hidden, r.Sender):
				passed++
			default:
				first = cmp.Or(first, r.Seq)
				if count++; count > chat.MaxUnread {
					return count, first, nil
				}
			}
		}
		if len(found) < unreadBatch {
			break
		}
		after = found[len(found)-1].Seq
	}
	return count, first, nil
}

// answersBriefly returns the next answers in a thread without their data.
func (s *followStore) answersBriefly(ctx context.Context, room string, root store.Name, after uint64) ([]record, error) {
	cur, err := s.entries.Find(ctx, bson.D{field("room", room), field("root", rootKey(root)), field("seq", bson.D{field("$gt", int64(after))})},
		options.Find().SetSort(bson.D{field("seq", 1), field("_id", 1)}).SetLimit(unreadBatch).SetProjection(bson.D{field("seq", 1), field("sender", 1), field("gone", 1)}))
	if err != nil {
		return nil, fmt.Errorf("unread answers: %w", err)
	}
	var docs []record
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("unread answers: %w", err)
	}
	return docs, nil
}

// RemoveFollows implements store.Follows.
func (s *followStore) RemoveFollows(ctx context.Context, room string) error {
	if _, err := s.follows.DeleteMany(ctx, bson.D{field("room", room)}); err != nil {
		return fmt.Errorf("remove followed threads: %w", err)
	}
	return nil
}

// RemoveFollowsBy implements store.Follows.
func (s *followStore) RemoveFollowsBy(ctx context.Context, user string) error {
	if _, err := s.follows.DeleteMany(ctx, bson.D{field("user", user)}); err != nil {
		return fmt.Errorf("remove the threads that a user follows: %w", err)
	}
	return nil
}

// NextFollower implements store.Follows.
func (s *followStore) NextFollower(ctx context.Context, after string) (string, error) {
	least := ""
	if after != "" {
		least = past(after)
	}
	var f follow
	err := s.follows.FindOne(ctx, bson.D{field("_id", bson.D{field("$gt", least)})},
		options.FindOne().SetSort(bson.D{field("_id", 1)}).SetProjection(bson.D{field("user", 1)})).Decode(&f)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return "", fmt.Errorf("users who follow threads: %w", err)
	}
	return f.User, nil
}

// LostFollows implements store.Follows.
func (s *followStore) LostFollows(ctx context.Context, user string, before int64, limit int) ([]store.Follow, error) {
	cur, err := s.follows.Find(ctx, bson.D{between(first(user), past(user))},
		options.Find().SetSort(bson.D{field("_id", 1)}).SetBatchSize(lookedAt))
	if err != nil {
		return nil, fmt.Errorf("followed threads: %w", err)
	}
	defer cur.Close(ctx)
	var lost []store.Follow
	for more := true; more && len(lost) < limit; {
		var some []follow
		for len(some) < lookedAt && more {
			if more = cur.Next(ctx); !more {
				break
			}
			var f follow
			if err := cur.Decode(&f); err != nil {
				return nil, fmt.Errorf("followed threads: %w", err)
			}
			if f.Touched < before {
				some = append(some, f)
			}
		}
		gone, err := s.lostOf(ctx, some)
		if err != nil {
			return nil, fmt.Errorf("threads that are gone: %w", err)
		}
		lost = append(lost, gone...)
	}
	if err := cur.Err(); err != nil {
		return nil, fmt.Errorf("followed threads: %w", err)
	}
	return lost[:min(len(lost), limit)], nil
}

// lookedAt is how many followed threads LostFollows looks at in one request.
const lookedAt = 100

// lostOf returns those of some followed threads that have neither answers nor a root.
func (s *followStore) lostOf(ctx context.Context, some []follow) (lost []store.Follow, err error) {
	if len(some) == 0 {
		return nil, nil
	}
	keys := make([]string, len(some))
	for i := range some {
		keys[i] = some[i].Thread
	}
	cur, err := s.threads.Find(ctx, bson.D{field("_id", bson.D{field("$in", keys)})}, options.Find().SetProjection(bson.D{field("_id", 1)}))
	if err != nil {
		return nil, err
	}
	var threads []struct {
		Key string `bson:"_id"`
	}
	if err := cur.All(ctx, &threads); err != nil {
		return nil, err
	}
	answered := make(map[string]bool, len(threads))
	for _, t := range threads {
		answered[t.Key] = true
	}
	for i := range some {
		if answered[some[i].Thread] {
			continue
		}
		f := some[i].Follow
		var root record
		err := s.entries.FindOne(ctx, bson.D{field("room", f.Room), field("sender", f.Author), field("id", f.ID)},
			options.FindOne().SetProjection(bson.D{field("type", 1)})).Decode(&root)
		if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			return nil, err
		}
		if root.entry().Type != chat.TypeMsg {
			lost = append(lost, f)
		}
	}
	return lost, nil
}

// DropFollows implements store.Follows.
func (s *followStore) DropFollows(ctx context.Context, lost []store.Follow) error {
	for _, f := range lost {
		if _, err := s.follows.DeleteOne(ctx, bson.D{field("_id", followKey(f.User, f.Room, f.Root())), field("touched", f.Touched)}); err != nil {
			return fmt.Errorf("drop followed threads: %w", err)
		}
	}
	return ctx.Err()
}
