package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/directory/store"
)

var emojiIndexes = mongodb.Indexes("18 (images of emoji)", mongodb.Index{Collection: "emoji", Fields: []string{"hash", "_id"}})

// emoji is a store.EmojiKeeper.
type emoji struct{ *collections }

// PutEmoji implements store.EmojiKeeper.
func (s emoji) PutEmoji(ctx context.Context, e store.Emoji) error {
	return upsert(ctx, "put emoji", s.emoji, by("_id", e.Name), by("$set", e))
}

// Emoji implements store.EmojiKeeper.
func (s emoji) Emoji(ctx context.Context, limit int) ([]store.Emoji, error) {
	cur, err := s.emoji.Find(ctx, by("_id", by("$gt", "")), options.Find().SetSort(by("_id", 1)).SetLimit(int64(limit)).SetProjection(by("image", 0)))
	if err != nil {
		return nil, wrap("emoji", err)
	}
	var all []store.Emoji
	return all, wrap("emoji", cur.All(ctx, &all))
}

// EmojiByHash implements store.EmojiKeeper.
func (s emoji) EmojiByHash(ctx context.Context, hash string) (store.Emoji, error) {
	all, err := list[store.Emoji](ctx, "image of an emoji", s.emoji, by("hash", hash), by("_id", 1), 1)
	switch {
	case err != nil:
		return store.Emoji{}, err
	case len(all) == 0:
		return store.Emoji{}, wrap("image of an emoji", store.ErrNotFound)
	}
	return all[0], nil
}

// DeleteEmoji implements store.EmojiKeeper.
func (s emoji) DeleteEmoji(ctx context.Context, name string) error {
	r, err := s.emoji.DeleteOne(ctx, by("_id", name))
	if err == nil && r.DeletedCount == 0 {
		err = store.ErrNotFound
	}
	return wrap("delete emoji", err)
}
