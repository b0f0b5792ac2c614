package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// networks is a store.NetworkBans.
type networks struct{ *collections }

// PutNetworkBan implements store.Store.
func (s networks) PutNetworkBan(ctx context.Context, b store.NetworkBan) error {
	return upsert(ctx, "ban network", s.networks, by("_id", b.Network), by("$set", b))
}

// NetworkBans implements store.Store.
func (s networks) NetworkBans(ctx context.Context, limit int) ([]store.NetworkBan, error) {
	return list[store.NetworkBan](ctx, "banned networks", s.networks, bson.D{}, by("_id", 1), limit)
}

// DeleteNetworkBan implements store.Store.
func (s networks) DeleteNetworkBan(ctx context.Context, network string) error {
	return remove(ctx, "end ban of a network", s.networks, by("_id", network))
}
