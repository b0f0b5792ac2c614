package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

const banColumns = `SELECT room, user, name, actor, reason, created, until FROM bans `

func banFields(b *store.Ban) []any {
	return []any{&b.Room, &b.User, &b.Name, &b.Actor, &b.Reason, &b.Created, &b.Until}
}

// bans is a store.Bans.
type bans struct{ db }

// PutBan implements store.Store.
func (s bans) PutBan(ctx context.Context, b store.Ban) error {
	return s.run(ctx, "put ban",
		`INSERT INTO bans (room, user, name, actor, reason, created, until) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (room, user) DO UPDATE SET reason = excluded.reason, until = excluded.until`,
		b.Room, b.User, b.Name, b.Actor, b.Reason, b.Created, b.Until)
}

// Ban implements store.Store.
func (s bans) Ban(ctx context.Context, room, user string) (store.Ban, error) {
	return first(ctx, s.db, "ban", banFields, banColumns+`WHERE room = ? AND user = ?`, room, user)
}

// DeleteBan implements store.Store.
func (s bans) DeleteBan(ctx context.Context, room, user string) error {
	return s.run(ctx, "delete ban", `DELETE FROM bans WHERE room = ? AND user = ?`, room, user)
}

// Bans implements store.Store.
func (s bans) Bans(ctx context.Context, room, after string, limit int) ([]store.Ban, error) {
	return list(ctx, s.db, "bans", banFields, banColumns+`WHERE room = ? AND user > ? ORDER BY user LIMIT ?`, room, after, limit)
}

// BansOf implements store.Store.
func (s bans) BansOf(ctx context.Context, user string) ([]store.Ban, error) {
	return list(ctx, s.db, "bans of a user", banFields, banColumns+`WHERE user = ? ORDER BY room`, user)
}

// EndedBans implements store.Store.
func (s bans) EndedBans(ctx context.Context, now int64, limit int) ([]store.Ban, error) {
	return list(ctx, s.db, "ended bans", banFields, banColumns+`WHERE until > 0 AND until <= ? ORDER BY until, room, user LIMIT ?`, now, limit)
}

// EndBan implements store.Store.
func (s bans) EndBan(ctx context.Context, room, user string, now int64) error {
	return s.run(ctx, "end ban", `DELETE FROM bans WHERE room = ? AND user = ? AND until > 0 AND until <= ?`, room, user, now)
}
