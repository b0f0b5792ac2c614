package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

// couple is the key of a user's record about another user.
type couple struct{ user, other string }

// blocks is a store.Blocks.
type blocks struct{ *records }

// PutBlock implements store.Store.
func (s blocks) PutBlock(ctx context.Context, b store.Block) error {
	return put(ctx, s.records, "PutBlock", s.blocks, couple{b.User, b.Other}, b, func(old, b store.Block) store.Block {
		old.Ignore = b.Ignore
		return old
	})
}

// Block implements store.Store.
func (s blocks) Block(ctx context.Context, user, other string) (store.Block, error) {
	return one(ctx, s.records, "Block", s.blocks, couple{user, other})
}

// DeleteBlock implements store.Store.
func (s blocks) DeleteBlock(ctx context.Context, user, other string) error {
	return remove(ctx, s.records, "DeleteBlock", s.blocks, couple{user, other})
}

// Blocks implements store.Store.
func (s blocks) Blocks(ctx context.Context, user, after string, limit int) ([]store.Block, error) {
	return list(ctx, s.records, "Blocks", s.blocks, limit, func(a, b store.Block) int { return cmp.Compare(a.Other, b.Other) },
		func(b store.Block) bool { return b.User == user && b.Other > after })
}

// DeleteBlocksOf implements store.Store.
func (s blocks) DeleteBlocksOf(ctx context.Context, user string) error {
	return removeAll(ctx, s.records, "DeleteBlocksOf", s.blocks, func(b store.Block) bool { return b.User == user || b.Other == user })
}
