package memory

import (
	"cmp"
	"context"
	"strings"

	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// FindPublic implements store.Store.
func (s *Store) FindPublic(ctx context.Context, q store.PublicQuery) ([]store.Room, error) {
	before := func(r store.Room) bool {
		return q.BeforeID == "" || q.At(r) < q.Before || q.At(r) == q.Before && r.ID < q.BeforeID
	}
	return list(ctx, s, "FindPublic", s.rooms, q.Limit, func(a, b store.Room) int { return cmp.Or(cmp.Compare(q.At(b), q.At(a)), roomsByID(b, a)) },
		func(r store.Room) bool {
			return public(r) && (r.Archived != 0) == q.Archived && strings.Contains(names.Bare(r.Looks.Lower), q.Look) && before(r)
		})
}

// PublicAfter implements store.Store.
func (s *Store) PublicAfter(ctx context.Context, id string, limit int) ([]store.Room, error) {
	return list(ctx, s, "PublicAfter", s.rooms, limit, roomsByID, func(r store.Room) bool { return public(r) && r.ID > id })
}

// SetActivity implements store.Store.
func (s *Store) SetActivity(ctx context.Context, room string, a store.Activity) error {
	return unlessMissing(update(ctx, s, "SetActivity", s.rooms, room, func(r *store.Room) bool {
		r.Activity = a
		return true
	}))
}

// PutNetworkBan implements store.Store.
func (s *Store) PutNetworkBan(ctx context.Context, b store.NetworkBan) error {
	return put(ctx, s, "PutNetworkBan", s.networks, b.Network, b, replace)
}

// NetworkBans implements store.Store.
func (s *Store) NetworkBans(ctx context.Context, limit int) ([]store.NetworkBan, error) {
	return list(ctx, s, "NetworkBans", s.networks, limit, func(a, b store.NetworkBan) int { return cmp.Compare(a.Network, b.Network) },
		func(store.NetworkBan) bool { return true })
}

// DeleteNetworkBan implements store.Store.
func (s *Store) DeleteNetworkBan(ctx context.Context, network string) error {
	return remove(ctx, s, "DeleteNetworkBan", s.networks, network)
}
