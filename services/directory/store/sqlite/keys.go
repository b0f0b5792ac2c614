package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

// keys is a store.Keys.
type keys struct{ db }

// CreateKey implements store.Store.
func (s keys) CreateKey(ctx context.Context, k store.Key) error {
	return s.run(ctx, "create key", `INSERT INTO keys (id, seed, created) VALUES (?, ?, ?)`, k.ID, k.Seed, k.Created)
}

// Keys implements store.Store.
func (s keys) Keys(ctx context.Context) ([]store.Key, error) {
	return list(ctx, s.db, "keys", func(k *store.Key) []any { return []any{&k.ID, &k.Seed, &k.Created} },
		`SELECT id, seed, created FROM keys ORDER BY created DESC, id DESC`)
}

// SetKeySeed implements store.Store.
func (s keys) SetKeySeed(ctx context.Context, id string, seed []byte) error {
	return s.update(ctx, "set key seed", `UPDATE keys SET seed = ? WHERE id = ?`, seed, id)
}

// DeleteKey implements store.Store.
func (s keys) DeleteKey(ctx context.Context, id string) error {
	return s.run(ctx, "delete key", `DELETE FROM keys WHERE id = ?`, id)
}
