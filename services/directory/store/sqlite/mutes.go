package sqlite

import (
	"context"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

const muteColumns = `SELECT room, user, name, actor, reason, until, created FROM mutes `

func muteFields(m *store.Mute) []any {
	return []any{&m.Room, &m.User, &m.Name, &m.Actor, &m.Reason, &m.Until, &m.Created}
}

// mutes is a store.Mutes.
type mutes struct{ db }

// PutMute implements store.Mutes.
func (s mutes) PutMute(ctx context.Context, m store.Mute) error {
	return s.run(ctx, "put mute", `INSERT OR REPLACE INTO mutes (room, user, name, actor, reason, until, created) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		m.Room, m.User, m.Name, m.Actor, m.Reason, m.Until, m.Created)
}

// Mute implements store.Mutes.
func (s mutes) Mute(ctx context.Context, room, user string) (store.Mute, error) {
	return first(ctx, s.db, "mute", muteFields, muteColumns+`WHERE room = ? AND user = ?`, room, user)
}

// DeleteMute implements store.Mutes.
func (s mutes) DeleteMute(ctx context.Context, room, user string) error {
	return s.run(ctx, "delete mute", `DELETE FROM mutes WHERE room = ? AND user = ?`, room, user)
}

// DeleteMutesBefore implements store.Mutes.
func (s mutes) DeleteMutesBefore(ctx context.Context, until int64) error {
	return s.run(ctx, "delete old mutes", `DELETE FROM mutes WHERE until <= ?`, until)
}

// Mutes implements store.Mutes.
func (s mutes) Mutes(ctx context.Context, room, after string, limit int) ([]store.Mute, error) {
	return list(ctx, s.db, "mutes", muteFields, muteColumns+`WHERE room = ? AND user > ? ORDER BY user LIMIT ?`, room, after, limit)
}

// MutesOf implements store.Mutes.
func (s mutes) MutesOf(ctx context.Context, user string, rooms ...string) ([]store.Mute, error) {
	if len(rooms) == 0 {
		return list(ctx, s.db, "mutes of a user", muteFields, muteColumns+`WHERE user = ? ORDER BY room`, user)
	}
	return list(ctx, s.db, "mutes of a user", muteFields, muteColumns+`WHERE user = ? AND room IN (SELECT value FROM json_each(?)) ORDER BY room`,
		user, sqlitedb.List(rooms))
}
