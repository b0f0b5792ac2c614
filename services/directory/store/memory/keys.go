package memory

import (
	"cmp"
	"context"
	"slices"

	"hubbub.internal/services/directory/store"
)

// keys is a store.Keys.
type keys struct{ *records }

// CreateKey implements store.Store.
func (s keys) CreateKey(ctx context.Context, k store.Key) error {
	return create(ctx, s.records, "CreateKey", s.keys, k.ID, k)
}

// Keys implements store.Store.
func (s keys) Keys(ctx context.Context) ([]store.Key, error) {
	return list(ctx, s.records, "Keys", s.keys, everything, func(a, b store.Key) int { return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID)) },
		func(store.Key) bool { return true })
}

// SetKeySeed implements store.Store.
func (s keys) SetKeySeed(ctx context.Context, id string, seed []byte) error {
	return update(ctx, s.records, "SetKeySeed", s.keys, id, func(k *store.Key) bool {
		k.Seed = slices.Clone(seed)
		return true
	})
}

// DeleteKey implements store.Store.
func (s keys) DeleteKey(ctx context.Context, id string) error {
	return remove(ctx, s.records, "DeleteKey", s.keys, id)
}
