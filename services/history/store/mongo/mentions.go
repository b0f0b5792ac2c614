package mongo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/services/history/store"
)

// noted is a message whose mentions are to be resolved.
type noted struct {
	Key              string `bson:"_id"`
	store.Unresolved `bson:",inline"`
}

func notedKey(u store.Unresolved) string {
	return fmt.Sprintf("%s~%s~%s", store.Key(u.Room, u.Seq), u.Sender, u.ID)
}

// PutUnresolved implements store.Inboxes.
func (s *mentionStore) PutUnresolved(ctx context.Context, all []store.Unresolved) error {
	if len(all) == 0 {
		return ctx.Err()
	}
	docs := make([]noted, len(all))
	for i, u := range all {
		docs[i] = noted{notedKey(u), u}
	}
	_, err := s.unresolved.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	if err != nil && !onlyDuplicates(err) {
		return fmt.Errorf("note mentions: %w", err)
	}
	return nil
}

// onlyDuplicates reports whether nothing has failed but what is there already.
func onlyDuplicates(err error) bool {
	bulk, ok := errors.AsType[mongo.BulkWriteException](err)
	return ok && bulk.WriteConcernError == nil && len(bulk.WriteErrors) > 0 &&
		!slices.ContainsFunc(bulk.WriteErrors, func(w mongo.BulkWriteError) bool { return w.Code != duplicateKey })
}

// Unresolved implements store.Inboxes.
func (s *mentionStore) Unresolved(ctx context.Context, limit int) ([]store.Unresolved, error) {
	cur, err := s.unresolved.Find(ctx, bson.D{},
		options.Find().SetSort(bson.D{field("room", 1), field("sender", 1), field("id", 1), field("seq", 1)}).SetLimit(int64(limit)))
	if err != nil {
		return nil, fmt.Errorf("mentions to resolve: %w", err)
	}
	var docs []noted
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("mentions to resolve: %w", err)
	}
	all := make([]store.Unresolved, len(docs))
	for i := range docs {
		all[i] = docs[i].Unresolved
	}
	return all, nil
}

// IsUnresolved implements store.Inboxes.
func (s *mentionStore) IsUnresolved(ctx context.Context, rooms []string) (bool, error) {
	if rooms == nil {
		rooms = []string{}
	}
	err := s.unresolved.FindOne(ctx, bson.D{field("room", bson.D{field("$in", rooms)})}).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("mentions to resolve: %w", err)
	}
	return true, nil
}

// shown is what pages show of the mentions of a message.
type shown struct {
	Key     string   `bson:"_id"`
	Room    string   `bson:"room"`
	Seq     int64    `bson:"seq"`
	Sender  string   `bson:"sender"`
	Visible []string `bson:"shown"`
	Names   []string `bson:"names,omitempty"`
}

// PutMentions implements store.Inboxes. An error may leave part of it done: repeat it.
func (s *mentionStore) PutMentions(ctx context.Context, m store.Mentions, resolved []store.Unresolved) error {
	of := bson.D{field("room", m.Room), field("seq", int64(m.Seq)), field("sender", m.Sender)}
	key := fmt.Sprintf("%s~%s", store.Key(m.Room, m.Seq), m.Sender)
	users := slices.Clone(m.Users)
	if m.All {
		users = append(users, everybody)
	}
	if users == nil {
		users = []string{}
	}
	put := func() error {
		if _, err := s.mentions.DeleteMany(ctx, append(slices.Clone(of), field("user", bson.D{field("$nin", users)}))); err != nil {
			return err
		}
		var docs []mention
		for _, user := range users {
			docs = append(docs, mention{key + "~" + user, user, m.Room, int64(m.Seq), m.Sender, m.OnlyInThread})
		}
		if len(docs) > 0 {
			if _, err := s.mentions.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false)); err != nil && !onlyDuplicates(err) {
				return err
			}
		}
		if len(m.Visible) == 0 {
			if _, err := s.mentioned.DeleteOne(ctx, bson.D{field("_id", key)}); err != nil {
				return err
			}
		} else {
			doc := shown{key, m.Room, int64(m.Seq), m.Sender, m.Visible, m.Names}
			if _, err := s.mentioned.ReplaceOne(ctx, bson.D{field("_id", key)}, doc, options.Replace().SetUpsert(true)); err != nil {
				return err
			}
		}
		for _, u := range resolved {
			if _, err := s.unresolved.DeleteOne(ctx, bson.D{field("_id", notedKey(u))}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := put(); err != nil {
		return fmt.Errorf("put mentions: %w", err)
	}
	return nil
}

// MentionsOf implements store.Inboxes.
func (s *mentionStore) MentionsOf(ctx context.Context, room string, seq uint64, sender string) (store.Mentions, error) {
	m := store.Mentions{Room: room, Seq: seq, Sender: sender}
	pages, err := s.ShownMentions(ctx, room, seq, seq)
	if err != nil {
		return m, err
	}
	for _, one := range pages {
		if one.Sender == sender {
			m.Visible, m.Names = one.Visible, one.Names
		}
	}
	cur, err := s.mentions.Find(ctx, bson.D{field("room", room), field("seq", int64(seq)), field("sender", sender)}, options.Find().SetSort(bson.D{field("_id", 1)}))
	if err != nil {
		return m, fmt.Errorf("who is mentioned: %w", err)
	}
	var docs []mention
	if err := cur.All(ctx, &docs); err != nil {
		return m, fmt.Errorf("who is mentioned: %w", err)
	}
	for _, d := range docs {
		if d.User == everybody {
			m.All = true
		} else {
			m.Users = append(m.Users, d.User)
		}
	}
	return m, nil
}

// ShownMentions implements store.Inboxes.
func (s *mentionStore) ShownMentions(ctx context.Context, room string, first, last uint64) ([]store.Mentions, error) {
	between := bson.D{field("$gte", int64(first)), field("$lte", int64(min(last, math.MaxInt64)))}
	cur, err := s.mentioned.Find(ctx, bson.D{field("room", room), field("seq", between)}, options.Find().SetSort(bson.D{field("seq", 1), field("sender", 1)}))
	if err != nil {
		return nil, fmt.Errorf("mentions of a page: %w", err)
	}
	var docs []shown
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("mentions of a page: %w", err)
	}
	var all []store.Mentions
	for _, d := range docs {
		all = append(all, store.Mentions{Room: d.Room, Seq: uint64(d.Seq), Sender: d.Sender, Visible: d.Visible, Names: d.Names})
	}
	return all, nil
}

// RemoveMentions implements store.Inboxes.
func (s *mentionStore) RemoveMentions(ctx context.Context, room string) error {
	for _, c := range []*mongo.Collection{s.mentions, s.mentioned, s.unresolved} {
		if _, err := c.DeleteMany(ctx, bson.D{field("room", room)}); err != nil {
			return fmt.Errorf("remove mentions: %w", err)
		}
	}
	return nil
}
