package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

// emoji is a store.EmojiKeeper.
type emoji struct{ db }

// PutEmoji implements store.EmojiKeeper.
func (s emoji) PutEmoji(ctx context.Context, e store.Emoji) error {
	return s.run(ctx, "put emoji", `INSERT OR REPLACE INTO emoji (name, type, hash, actor, created, image) VALUES (?, ?, ?, ?, ?, ?)`,
		e.Name, e.Type, e.Hash, e.Actor, e.Created, e.Image)
}

// Emoji implements store.EmojiKeeper.
func (s emoji) Emoji(ctx context.Context, limit int) ([]store.Emoji, error) {
	return list(ctx, s.db, "emoji", func(e *store.Emoji) []any {
		return []any{&e.Name, &e.Type, &e.Hash, &e.Actor, &e.Created}
	}, `SELECT name, type, hash, actor, created FROM emoji ORDER BY name LIMIT ?`, limit)
}

// EmojiByHash implements store.EmojiKeeper.
func (s emoji) EmojiByHash(ctx context.Context, hash string) (store.Emoji, error) {
	return first(ctx, s.db, "image of an emoji", func(e *store.Emoji) []any {
		return []any{&e.Name, &e.Type, &e.Hash, &e.Actor, &e.Created, &e.Image}
	}, `SELECT name, type, hash, actor, created, image FROM emoji WHERE hash = ? ORDER BY name LIMIT 1`, hash)
}

// DeleteEmoji implements store.EmojiKeeper.
func (s emoji) DeleteEmoji(ctx context.Context, name string) error {
	return s.update(ctx, "delete emoji", `DELETE FROM emoji WHERE name = ?`, name)
}
