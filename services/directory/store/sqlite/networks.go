package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

// networks is a store.NetworkBans.
type networks struct{ db }

// PutNetworkBan implements store.Store.
func (s networks) PutNetworkBan(ctx context.Context, b store.NetworkBan) error {
	return s.run(ctx, "ban network", `INSERT OR REPLACE INTO networks (network, reason, actor, user, created, until) VALUES (?, ?, ?, ?, ?, ?)`,
		b.Network, b.Reason, b.Actor, b.User, b.Created, b.Until)
}

// NetworkBans implements store.Store.
func (s networks) NetworkBans(ctx context.Context, limit int) ([]store.NetworkBan, error) {
	return list(ctx, s.db, "banned networks", func(b *store.NetworkBan) []any {
		return []any{&b.Network, &b.Reason, &b.Actor, &b.User, &b.Created, &b.Until}
	}, `SELECT network, reason, actor, user, created, until FROM networks ORDER BY network LIMIT ?`, limit)
}

// DeleteNetworkBan implements store.Store.
func (s networks) DeleteNetworkBan(ctx context.Context, network string) error {
	return s.run(ctx, "end ban of a network", `DELETE FROM networks WHERE network = ?`, network)
}
