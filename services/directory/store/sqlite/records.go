package sqlite

import (
	"context"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

// The beginnings of queries whose rows the fields below take.
const (
	rooms         = `SELECT id, name, look, look_lower, topic, private, direct, created, slow, announce, archived, no_guests, keep, creator, head, active, size FROM rooms `
	users         = `SELECT id, name, name_key, look, look_lower, hash, created, disabled FROM users `
	memberColumns = `SELECT room, user, name, role, since, hidden FROM members `
)

const insertUser = `INSERT INTO users (id, name, name_key, look, look_lower, hash, created, disabled) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`

func userValues(u store.User) []any {
	return []any{u.ID, u.Name, u.NameKey, u.Looks.Written, u.Looks.Lower, u.Hash, u.Created, u.Disabled}
}

func userFields(u *store.User) []any {
	return []any{&u.ID, &u.Name, &u.NameKey, &u.Looks.Written, &u.Looks.Lower, &u.Hash, &u.Created, &u.Disabled}
}

func roomFields(r *store.Room) []any {
	return []any{&r.ID, &r.Name, &r.Looks.Written, &r.Looks.Lower, &r.Topic, &r.Private, &r.Direct, &r.Created, &r.Slow, &r.Announce, &r.Archived, &r.NoGuests, &r.Keep, &r.Creator, &r.Head, &r.Active, &r.Size}
}

func memberFields(m *store.Member) []any {
	return []any{&m.Room, &m.User, &m.Name, &m.Role, &m.Since, &m.Hidden}
}

// CreateUser implements store.Store.
func (s *Store) CreateUser(ctx context.Context, u store.User) error {
	return s.run(ctx, "create user", insertUser, userValues(u)...)
}

// User implements store.Store.
func (s *Store) User(ctx context.Context, id string) (store.User, error) {
	return first(ctx, s, "user", userFields, users+`WHERE id = ?`, id)
}

// UserByName implements store.Store.
func (s *Store) UserByName(ctx context.Context, nameKey string) (store.User, error) {
	return first(ctx, s, "user by name", userFields, users+`WHERE name_key = ?`, nameKey)
}

// Users implements store.Store.
func (s *Store) Users(ctx context.Context, prefix string, limit int) ([]store.User, error) {
	// U+10FFFF sorts after every text that begins with the prefix.
	return list(ctx, s, "users", userFields,
		users+`WHERE name_key >= ? AND name_key < ? ORDER BY name_key LIMIT ?`,
		prefix, prefix+"\U0010FFFF", limit)
}

// ReplaceUser implements store.Store.
func (s *Store) ReplaceUser(ctx context.Context, u store.User, was string) error {
	return s.update(ctx, "replace user", `UPDATE users SET name = ?, name_key = ?, look = ?, look_lower = ?, hash = ? WHERE id = ? AND hash = ?`,
		u.Name, u.NameKey, u.Looks.Written, u.Looks.Lower, u.Hash, u.ID, was)
}

// UsersOf implements store.Store.
func (s *Store) UsersOf(ctx context.Context, ids []string) ([]store.User, error) {
	return list(ctx, s, "users by id", userFields, users+`WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`, sqlitedb.List(ids))
}

// UsersByNames implements store.Store.
func (s *Store) UsersByNames(ctx context.Context, nameKeys []string) ([]store.User, error) {
	return list(ctx, s, "users by name", userFields, users+`WHERE name_key IN (SELECT value FROM json_each(?)) ORDER BY name_key`, sqlitedb.List(nameKeys))
}

// UsersAfter implements store.Store.
func (s *Store) UsersAfter(ctx context.Context, id string, limit int) ([]store.User, error) {
	return list(ctx, s, "users", userFields, users+`WHERE id > ? ORDER BY id LIMIT ?`, id, limit)
}

// FindUsers implements store.Store.
func (s *Store) FindUsers(ctx context.Context, q store.UserQuery) ([]store.User, error) {
	where, args := `WHERE hash <> ? AND name_key > ?`, []any{store.DeletedHash, q.After}
	if q.Part != "" {
		where += ` AND instr(name_key, iif(hash = '', ?, ?)) > 0`
		args = append(args, q.Look, q.Part)
	}
	switch q.Kind {
	case store.UsersRegistered:
		where += ` AND hash <> ''`
	case store.UsersGuests:
		where += ` AND hash = ''`
	case store.UsersDisabled:
		where += ` AND disabled <> 0`
	}
	return list(ctx, s, "find users", userFields, users+where+` ORDER BY name_key LIMIT ?`, append(args, q.Limit)...)
}

// DeleteUser implements store.Store.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	if err := s.run(ctx, "delete user", `DELETE FROM users WHERE id = ?`, id); err != nil {
		return err
	}
	// Afterwards: nothing is seen of who is not a user. What a crash leaves between the two harms
	// nobody.
	return s.run(ctx, "delete last seen", `DELETE FROM seen WHERE user = ?`, id)
}

// SetDisabled implements store.Store.
func (s *Store) SetDisabled(ctx context.Context, user string, disabled bool) error {
	return s.update(ctx, "disable user", `UPDATE users SET disabled = ? WHERE id = ?`, disabled, user)
}

// CreateKey implements store.Store.
func (s *Store) CreateKey(ctx context.Context, k store.Key) error {
	return s.run(ctx, "create key", `INSERT INTO keys (id, seed, created) VALUES (?, ?, ?)`, k.ID, k.Seed, k.Created)
}

// Keys implements store.Store.
func (s *Store) Keys(ctx context.Context) ([]store.Key, error) {
	return list(ctx, s, "keys", func(k *store.Key) []any { return []any{&k.ID, &k.Seed, &k.Created} },
		`SELECT id, seed, created FROM keys ORDER BY created DESC, id DESC`)
}

// SetKeySeed implements store.Store.
func (s *Store) SetKeySeed(ctx context.Context, id string, seed []byte) error {
	return s.update(ctx, "set key seed", `UPDATE keys SET seed = ? WHERE id = ?`, seed, id)
}

// DeleteKey implements store.Store.
func (s *Store) DeleteKey(ctx context.Context, id string) error {
	return s.run(ctx, "delete key", `DELETE FROM keys WHERE id = ?`, id)
}

// CreateRoom implements store.Store.
func (s *Store) CreateRoom(ctx context.Context, r store.Room) error {
	return s.run(ctx, "create room", `INSERT INTO rooms (id, name, look, look_lower, topic, private, direct, created, slow, announce, archived, no_guests, keep, creator, head, active, size)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Name, r.Looks.Written, r.Looks.Lower, r.Topic, r.Private, r.Direct, r.Created, r.Slow, r.Announce, r.Archived, r.NoGuests, r.Keep, r.Creator, r.Head, r.Active, r.Size)
}

// Room implements store.Store.
func (s *Store) Room(ctx context.Context, id string) (store.Room, error) {
	return first(ctx, s, "room", roomFields, rooms+`WHERE id = ?`, id)
}

// Rooms implements store.Store.
func (s *Store) Rooms(ctx context.Context, ids []string) ([]store.Room, error) {
	return list(ctx, s, "rooms", roomFields,
		rooms+`WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`, sqlitedb.List(ids))
}

// PatchRoom implements store.Store.
func (s *Store) PatchRoom(ctx context.Context, id string, p store.RoomPatch) error {
	var written, lower *string
	if p.Looks != nil {
		written, lower = &p.Looks.Written, &p.Looks.Lower
	}
	return s.update(ctx, "change room",
		`UPDATE rooms SET name = coalesce(?, name), look = coalesce(?, look), look_lower = coalesce(?, look_lower),
		topic = coalesce(?, topic), private = coalesce(?, private), slow = coalesce(?, slow), announce = coalesce(?, announce),
		archived = coalesce(?, archived), no_guests = coalesce(?, no_guests), keep = coalesce(?, keep) WHERE id = ?`,
		p.Name, written, lower, p.Topic, p.Private, p.Slow, p.Announce, p.Archived, p.NoGuests, p.Keep, id)
}

// DeleteRoom implements store.Store.
func (s *Store) DeleteRoom(ctx context.Context, id string) error {
	return s.run(ctx, "delete room", `DELETE FROM rooms WHERE id = ?`, id)
}

// PutMember implements store.Store.
func (s *Store) PutMember(ctx context.Context, m store.Member) error {
	return s.run(ctx, "put member",
		`INSERT INTO members (room, user, name, role, since, hidden) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (room, user) DO UPDATE SET role = excluded.role`,
		m.Room, m.User, m.Name, m.Role, m.Since, m.Hidden)
}

// SetRole implements store.Store.
func (s *Store) SetRole(ctx context.Context, room, user string, role api.Role) error {
	return s.update(ctx, "set role", `UPDATE members SET role = ? WHERE room = ? AND user = ?`, role, room, user)
}

// Member implements store.Store.
func (s *Store) Member(ctx context.Context, room, user string) (store.Member, error) {
	return first(ctx, s, "member", memberFields, memberColumns+`WHERE room = ? AND user = ?`, room, user)
}

// RenameMember implements store.Store.
func (s *Store) RenameMember(ctx context.Context, user, name string) error {
	return s.run(ctx, "rename member", `UPDATE members SET name = ? WHERE user = ?`, name, user)
}

// DeleteMember implements store.Store.
func (s *Store) DeleteMember(ctx context.Context, room, user string) error {
	return s.run(ctx, "delete member", `DELETE FROM members WHERE room = ? AND user = ?`, room, user)
}

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, room, after string, limit int) ([]store.Member, error) {
	return list(ctx, s, "members", memberFields,
		memberColumns+`WHERE room = ? AND user > ? ORDER BY user LIMIT ?`, room, after, limit)
}

// MembersInRole implements store.Store.
func (s *Store) MembersInRole(ctx context.Context, room string, role api.Role, limit int) ([]store.Member, error) {
	return list(ctx, s, "members in a role", memberFields,
		memberColumns+`WHERE room = ? AND role = ? ORDER BY since, user LIMIT ?`, room, role, limit)
}

// MembersOf implements store.Store.
func (s *Store) MembersOf(ctx context.Context, rooms []string) ([]store.Member, error) {
	return list(ctx, s, "members of rooms", memberFields,
		memberColumns+`WHERE room IN (SELECT value FROM json_each(?)) ORDER BY room, user`, sqlitedb.List(rooms))
}

// MembershipsOf implements store.Store.
func (s *Store) MembershipsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list(ctx, s, "memberships", memberFields,
		memberColumns+`WHERE user = ? ORDER BY since, room LIMIT ?`, user, limit)
}

// PutIntent implements store.Store.
func (s *Store) PutIntent(ctx context.Context, i store.Intent) error {
	return s.run(ctx, "put intent",
		`INSERT OR REPLACE INTO intents (id, kind, room, user, name, role, actor, session, read_from, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		i.ID, i.Kind, i.Room, i.User, i.Name, i.Role, i.Actor, i.Session, i.From, i.Created)
}

// DeleteIntent implements store.Store.
func (s *Store) DeleteIntent(ctx context.Context, id string) error {
	return s.run(ctx, "delete intent", `DELETE FROM intents WHERE id = ?`, id)
}

// IntentsBefore implements store.Store.
func (s *Store) IntentsBefore(ctx context.Context, created int64, limit int) ([]store.Intent, error) {
	return list(ctx, s, "intents", func(i *store.Intent) []any {
		return []any{&i.ID, &i.Kind, &i.Room, &i.User, &i.Name, &i.Role, &i.Actor, &i.Session, &i.From, &i.Created}
	}, `SELECT id, kind, room, user, name, role, actor, session, read_from, created FROM intents WHERE created < ? ORDER BY created, id LIMIT ?`, created, limit)
}
