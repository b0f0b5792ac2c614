package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

// networks is a store.NetworkBans.
type networks struct{ *records }

// PutNetworkBan implements store.Store.
func (s networks) PutNetworkBan(ctx context.Context, b store.NetworkBan) error {
	return put(ctx, s.records, "PutNetworkBan", s.networks, b.Network, b, replace)
}

// NetworkBans implements store.Store.
func (s networks) NetworkBans(ctx context.Context, limit int) ([]store.NetworkBan, error) {
	return list(ctx, s.records, "NetworkBans", s.networks, limit, func(a, b store.NetworkBan) int { return cmp.Compare(a.Network, b.Network) },
		func(store.NetworkBan) bool { return true })
}

// DeleteNetworkBan implements store.Store.
func (s networks) DeleteNetworkBan(ctx context.Context, network string) error {
	return remove(ctx, s.records, "DeleteNetworkBan", s.networks, network)
}
