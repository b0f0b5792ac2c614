package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// blocks is a store.Blocks.
type blocks struct{ *collections }

// PutBlock implements store.Store.
func (s blocks) PutBlock(ctx context.Context, b store.Block) error {
	return upsert(ctx, "put block", s.blocks, pairID(b.User, b.Other), bson.D{
		{Key: "$set", Value: by("ignore", b.Ignore)},
		{Key: "$setOnInsert", Value: bson.D{
			{Key: "user", Value: b.User}, {Key: "other", Value: b.Other}, {Key: "name", Value: b.Name}, {Key: "created", Value: b.Created},
		}},
	})
}

// Block implements store.Store.
func (s blocks) Block(ctx context.Context, user, other string) (store.Block, error) {
	return one[store.Block](ctx, "block", s.blocks, pairID(user, other))
}

// DeleteBlock implements store.Store.
func (s blocks) DeleteBlock(ctx context.Context, user, other string) error {
	return remove(ctx, "delete block", s.blocks, pairID(user, other))
}

// Blocks implements store.Store.
func (s blocks) Blocks(ctx context.Context, user, after string, limit int) ([]store.Block, error) {
	return list[store.Block](ctx, "blocks", s.blocks, append(by("user", user), above("other", after)...), by("other", 1), limit)
}

// DeleteBlocksOf implements store.Store.
func (s blocks) DeleteBlocksOf(ctx context.Context, user string) error {
	return removeAll(ctx, "delete blocks", s.blocks, by("$or", bson.A{by("user", user), by("other", user)}))
}
