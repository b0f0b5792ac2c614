package sqlite

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

// FindPublic implements store.Store.
func (s *Store) FindPublic(ctx context.Context, q store.PublicQuery) ([]store.Room, error) {
	query, args := findPublic(q)
	return list(ctx, s, "find public rooms", roomFields, query, args...)
}

// findPublic returns the query without the conditions that q does not set, so that SQLite begins a
// later page at its place in the index, and not at the first room.
func findPublic(q store.PublicQuery) (query string, args []any) {
	by := cmp.Or(q.Sort, store.SortActive)
	query = rooms + `WHERE private = 0 AND direct = 0 AND archived = 0`
	if q.Archived {
		query = rooms + `WHERE private = 0 AND direct = 0 AND archived <> 0`
	}
	if q.Look != "" {
		query += ` AND instr(bare(look_lower), ?) > 0`
		args = append(args, q.Look)
	}
	if q.BeforeID != "" {
		query += ` AND (` + by + `, id) < (?, ?)`
		args = append(args, q.Before, q.BeforeID)
	}
	return query + ` ORDER BY ` + by + ` DESC, id DESC LIMIT ?`, append(args, q.Limit)
}

// PublicAfter implements store.Store.
func (s *Store) PublicAfter(ctx context.Context, id string, limit int) ([]store.Room, error) {
	return list(ctx, s, "public rooms", roomFields, rooms+`WHERE private = 0 AND direct = 0 AND id > ? ORDER BY id LIMIT ?`, id, limit)
}

// SetActivity implements store.Store.
func (s *Store) SetActivity(ctx context.Context, room string, a store.Activity) error {
	return s.run(ctx, "set activity", `UPDATE rooms SET head = ?, active = ?, size = ? WHERE id = ?`, a.Head, a.Active, a.Size, room)
}

// PutNetworkBan implements store.Store.
func (s *Store) PutNetworkBan(ctx context.Context, b store.NetworkBan) error {
	return s.run(ctx, "ban network", `INSERT OR REPLACE INTO networks (network, reason, actor, user, created, until) VALUES (?, ?, ?, ?, ?, ?)`,
		b.Network, b.Reason, b.Actor, b.User, b.Created, b.Until)
}

// NetworkBans implements store.Store.
func (s *Store) NetworkBans(ctx context.Context, limit int) ([]store.NetworkBan, error) {
	return list(ctx, s, "banned networks", func(b *store.NetworkBan) []any {
		return []any{&b.Network, &b.Reason, &b.Actor, &b.User, &b.Created, &b.Until}
	}, `SELECT network, reason, actor, user, created, until FROM networks ORDER BY network LIMIT ?`, limit)
}

// DeleteNetworkBan implements store.Store.
func (s *Store) DeleteNetworkBan(ctx context.Context, network string) error {
	return s.run(ctx, "end ban of a network", `DELETE FROM networks WHERE network = ?`, network)
}
