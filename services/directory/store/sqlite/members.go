package sqlite

import (
	"context"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

const memberColumns = `SELECT room, user, name, role, since, hidden FROM members `

func memberFields(m *store.Member) []any {
	return []any{&m.Room, &m.User, &m.Name, &m.Role, &m.Since, &m.Hidden}
}

// members is a store.Members.
type members struct{ db }

// PutMember implements store.Store.
func (s members) PutMember(ctx context.Context, m store.Member) error {
	return s.run(ctx, "put member",
		`INSERT INTO members (room, user, name, role, since, hidden) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (room, user) DO UPDATE SET role = excluded.role`,
		m.Room, m.User, m.Name, m.Role, m.Since, m.Hidden)
}

// SetRole implements store.Store.
func (s members) SetRole(ctx context.Context, room, user string, role api.Role) error {
	return s.update(ctx, "set role", `UPDATE members SET role = ? WHERE room = ? AND user = ?`, role, room, user)
}

// Member implements store.Store.
func (s members) Member(ctx context.Context, room, user string) (store.Member, error) {
	return first(ctx, s.db, "member", memberFields, memberColumns+`WHERE room = ? AND user = ?`, room, user)
}

// RenameMember implements store.Store.
func (s members) RenameMember(ctx context.Context, user, name string) error {
	return s.run(ctx, "rename member", `UPDATE members SET name = ? WHERE user = ?`, name, user)
}

// DeleteMember implements store.Store.
func (s members) DeleteMember(ctx context.Context, room, user string) error {
	return s.run(ctx, "delete member", `DELETE FROM members WHERE room = ? AND user = ?`, room, user)
}

// Members implements store.Store.
func (s members) Members(ctx context.Context, room, after string, limit int) ([]store.Member, error) {
	return list(ctx, s.db, "members", memberFields,
		memberColumns+`WHERE room = ? AND user > ? ORDER BY user LIMIT ?`, room, after, limit)
}

// MembersInRole implements store.Store.
func (s members) MembersInRole(ctx context.Context, room string, role api.Role, limit int) ([]store.Member, error) {
	return list(ctx, s.db, "members in a role", memberFields,
		memberColumns+`WHERE room = ? AND role = ? ORDER BY since, user LIMIT ?`, room, role, limit)
}

// MembersOf implements store.Store.
func (s members) MembersOf(ctx context.Context, rooms []string) ([]store.Member, error) {
	return list(ctx, s.db, "members of rooms", memberFields,
		memberColumns+`WHERE room IN (SELECT value FROM json_each(?)) ORDER BY room, user`, sqlitedb.List(rooms))
}

// MembershipsOf implements store.Store.
func (s members) MembershipsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list(ctx, s.db, "memberships", memberFields,
		memberColumns+`WHERE user = ? ORDER BY since, room LIMIT ?`, user, limit)
}

// GroupsOf implements store.Store.
func (s members) GroupsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list(ctx, s.db, "memberships", memberFields,
		memberColumns+`WHERE user = ? AND room NOT LIKE 'd-%' ORDER BY since, room LIMIT ?`, user, limit)
}

// DirectsOf implements store.Store.
func (s members) DirectsOf(ctx context.Context, user string, before int64, limit int) ([]store.Member, error) {
	return list(ctx, s.db, "direct rooms", memberFields,
		memberColumns+`WHERE user = ? AND room LIKE 'd-%' AND hidden = 0 AND since < ? ORDER BY since DESC, room LIMIT ?`, user, before, limit)
}

// SetHidden implements store.Store.
func (s members) SetHidden(ctx context.Context, room, user string, hidden bool) error {
	return s.update(ctx, "hide a direct room", `UPDATE members SET hidden = ? WHERE room = ? AND user = ?`, hidden, room, user)
}
