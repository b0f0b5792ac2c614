package mongo

import (
	"bytes"
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// appended returns the entries that a filter finds, as they were appended.
func (s *collections) appended(ctx context.Context, what string, filter bson.D, sort bson.E, limit int) ([]store.Entry, error) {
	cur, err := s.entries.Find(ctx, filter, options.Find().SetSort(bson.D{sort}).SetLimit(int64(limit)).SetBatchSize(batch))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	var docs []record
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	all := make([]store.Entry, len(docs))
	for i := range docs {
		all[i] = docs[i].entry()
		if len(docs[i].Original) > 0 {
			all[i].Data = docs[i].Original
		}
	}
	return all, nil
}

func messageNamed(room string, name store.Name) bson.D {
	return bson.D{field("room", room), field("sender", name.Sender), field("id", name.ID), field("type", messageTypes)}
}

// KeepOriginal implements store.Store.
func (s *appendStore) KeepOriginal(ctx context.Context, room string, name store.Name, scrub func(store.Entry) ([]byte, error)) error {
	message, err := s.list(ctx, "a message that was edited", messageNamed(room, name), field("_id", 1), 1)
	if err != nil || len(message) == 0 {
		return err
	}
	e := message[0]
	data, err := scrub(e)
	if err != nil {
		return fmt.Errorf("keep the original of a message: %w", err)
	}
	if bytes.Equal(data, e.Data) {
		return nil // it is kept, or an earlier release has erased it
	}
	// A deletion may have erased it meanwhile.
	_, err = s.entries.UpdateOne(ctx, bson.D{field("room", room), field("sender", e.Sender), field("id", e.ID), field("data", e.Data)},
		bson.D{field("$set", bson.D{field("data", data), field("original", e.Data)})})
	if err != nil {
		return fmt.Errorf("keep the original of a message: %w", err)
	}
	return nil
}

// Versions implements store.Store.
func (s *entryStore) Versions(ctx context.Context, room string, name store.Name, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.list(ctx, "edits of a message", bson.D{
		field("room", room), field("target", name.ID), field("author", name.Sender), field("slot", chat.TypeEdited), field("seq", bson.D{field("$lt", before)}),
	}, field("seq", -1), limit)
	if err != nil || len(all) >= limit {
		return all, err
	}
	message, err := s.appended(ctx, "the original of a message", append(messageNamed(room, name), field("seq", bson.D{field("$lt", before)})), field("_id", 1), 1)
	return append(all, message...), err
}

// Erase implements store.Store. An error may leave some of the texts there: repeat it.
func (s *appendStore) Erase(ctx context.Context, room string, name store.Name, scrub func(store.Entry) ([]byte, error)) ([]uint64, error) {
	edits, err := s.list(ctx, "edits",
		bson.D{field("room", room), field("target", name.ID), field("type", chat.TypeEdited), field("sender", name.Sender)}, field("_id", 1), 0)
	if err != nil {
		return nil, err
	}
	message, err := s.appended(ctx, "message", messageNamed(room, name), field("_id", 1), 1)
	if err != nil {
		return nil, err
	}
	held, err := s.holdStore.Holds(ctx)
	if err != nil {
		return nil, err
	}
	var seqs []uint64
	for _, e := range append(message, edits...) {
		data, err := scrub(e)
		if err != nil {
			return nil, fmt.Errorf("erase a message: %w", err)
		}
		seqs = append(seqs, e.Seq)
		if bytes.Equal(data, e.Data) {
			continue
		}
		if err := s.holdStore.putAside(ctx, held, []store.Entry{e}); err != nil {
			return nil, err
		}
		_, err = s.entries.UpdateOne(ctx, bson.D{field("room", room), field("sender", e.Sender), field("id", e.ID)},
			bson.D{field("$set", bson.D{field("data", data)}), field("$unset", bson.D{field("original", "")})})
		if err != nil {
			return nil, fmt.Errorf("erase a message: %w", err)
		}
	}
	return seqs, nil
}
