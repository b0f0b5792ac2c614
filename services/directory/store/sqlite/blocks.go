package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

const blockColumns = `SELECT user, other, name, ignore, created FROM blocks `

func blockFields(b *store.Block) []any {
	return []any{&b.User, &b.Other, &b.Name, &b.Ignore, &b.Created}
}

// blocks is a store.Blocks.
type blocks struct{ db }

// PutBlock implements store.Store.
func (s blocks) PutBlock(ctx context.Context, b store.Block) error {
	return s.run(ctx, "put block",
		`INSERT INTO blocks (user, other, name, ignore, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT (user, other) DO UPDATE SET ignore = excluded.ignore`,
		b.User, b.Other, b.Name, b.Ignore, b.Created)
}

// Block implements store.Store.
func (s blocks) Block(ctx context.Context, user, other string) (store.Block, error) {
	return first(ctx, s.db, "block", blockFields, blockColumns+`WHERE user = ? AND other = ?`, user, other)
}

// DeleteBlock implements store.Store.
func (s blocks) DeleteBlock(ctx context.Context, user, other string) error {
	return s.run(ctx, "delete block", `DELETE FROM blocks WHERE user = ? AND other = ?`, user, other)
}

// Blocks implements store.Store.
func (s blocks) Blocks(ctx context.Context, user, after string, limit int) ([]store.Block, error) {
	return list(ctx, s.db, "blocks", blockFields, blockColumns+`WHERE user = ? AND other > ? ORDER BY other LIMIT ?`, user, after, limit)
}

// DeleteBlocksOf implements store.Store.
func (s blocks) DeleteBlocksOf(ctx context.Context, user string) error {
	return s.run(ctx, "delete blocks", `DELETE FROM blocks WHERE user = ?1 OR other = ?1`, user)
}
