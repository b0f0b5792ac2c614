package sqlite

import (
	"context"

	"hubbub.internal/libs/names"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

// users is a store.Users.
type users struct{ db }

// UsersLike implements store.Store.
func (s users) UsersLike(ctx context.Context, look string, limit int) ([]store.User, error) {
	return list(ctx, s.db, "users whose names have something in them", userFields,
		selectUsers+`WHERE look_lower <> '' AND instr(bare(look_lower), ?) > 0 ORDER BY id LIMIT ?`, look, limit)
}

// UsersAlike implements store.Store.
func (s users) UsersAlike(ctx context.Context, looks names.Looks, limit int) ([]store.User, error) {
	return list(ctx, s.db, "users that look alike", userFields,
		selectUsers+`WHERE look <> '' AND look IN (?1, ?2) OR look_lower <> '' AND look_lower IN (?1, ?2) ORDER BY id LIMIT ?3`,
		looks.Written, looks.Lower, limit)
}

// CreateGuest implements store.Store.
func (s users) CreateGuest(ctx context.Context, u store.User, x store.Session) error {
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return wrap("create guest", err)
	}
	if _, err = tx.ExecContext(ctx, insertUser, userValues(u)...); err == nil {
		_, err = tx.ExecContext(ctx, insertSession, sessionValues(x)...)
	}
	if err != nil {
		_ = tx.Rollback()
		return wrap("create guest", err)
	}
	return wrap("create guest", tx.Commit())
}

const selectUsers = `SELECT id, name, name_key, look, look_lower, hash, created, disabled FROM users `

const insertUser = `INSERT INTO users (id, name, name_key, look, look_lower, hash, created, disabled) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`

func userValues(u store.User) []any {
	return []any{u.ID, u.Name, u.NameKey, u.Looks.Written, u.Looks.Lower, u.Hash, u.Created, u.Disabled}
}

func userFields(u *store.User) []any {
	return []any{&u.ID, &u.Name, &u.NameKey, &u.Looks.Written, &u.Looks.Lower, &u.Hash, &u.Created, &u.Disabled}
}

// CreateUser implements store.Store.
func (s users) CreateUser(ctx context.Context, u store.User) error {
	return s.run(ctx, "create user", insertUser, userValues(u)...)
}

// User implements store.Store.
func (s users) User(ctx context.Context, id string) (store.User, error) {
	return first(ctx, s.db, "user", userFields, selectUsers+`WHERE id = ?`, id)
}

// UserByName implements store.Store.
func (s users) UserByName(ctx context.Context, nameKey string) (store.User, error) {
	return first(ctx, s.db, "user by name", userFields, selectUsers+`WHERE name_key = ?`, nameKey)
}

// Users implements store.Store.
func (s users) Users(ctx context.Context, prefix string, limit int) ([]store.User, error) {
	// U+10FFFF sorts after every text that begins with the prefix.
	return list(ctx, s.db, "users", userFields,
		selectUsers+`WHERE name_key >= ? AND name_key < ? ORDER BY name_key LIMIT ?`,
		prefix, prefix+"\U0010FFFF", limit)
}

// ReplaceUser implements store.Store.
func (s users) ReplaceUser(ctx context.Context, u store.User, was string) error {
	return s.update(ctx, "replace user", `UPDATE users SET name = ?, name_key = ?, look = ?, look_lower = ?, hash = ? WHERE id = ? AND hash = ?`,
		u.Name, u.NameKey, u.Looks.Written, u.Looks.Lower, u.Hash, u.ID, was)
}

// UsersOf implements store.Store.
func (s users) UsersOf(ctx context.Context, ids []string) ([]store.User, error) {
	return list(ctx, s.db, "users by id", userFields, selectUsers+`WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`, sqlitedb.List(ids))
}

// UsersByNames implements store.Store.
func (s users) UsersByNames(ctx context.Context, nameKeys []string) ([]store.User, error) {
	return list(ctx, s.db, "users by name", userFields, selectUsers+`WHERE name_key IN (SELECT value FROM json_each(?)) ORDER BY name_key`, sqlitedb.List(nameKeys))
}

// UsersAfter implements store.Store.
func (s users) UsersAfter(ctx context.Context, id string, limit int) ([]store.User, error) {
	return list(ctx, s.db, "users", userFields, selectUsers+`WHERE id > ? ORDER BY id LIMIT ?`, id, limit)
}

// FindUsers implements store.Store.
func (s users) FindUsers(ctx context.Context, q store.UserQuery) ([]store.User, error) {
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
	return list(ctx, s.db, "find users", userFields, selectUsers+where+` ORDER BY name_key LIMIT ?`, append(args, q.Limit)...)
}

// DeleteUser implements store.Store.
func (s users) DeleteUser(ctx context.Context, id string) error {
	if err := s.run(ctx, "delete user", `DELETE FROM users WHERE id = ?`, id); err != nil {
		return err
	}
	// The user goes first: PutSeen ignores users that do not exist. What a crash leaves between the
	// two harms nobody.
	return s.run(ctx, "delete last seen", `DELETE FROM seen WHERE user = ?`, id)
}

// SetDisabled implements store.Store.
func (s users) SetDisabled(ctx context.Context, user string, disabled bool) error {
	return s.update(ctx, "disable user", `UPDATE users SET disabled = ? WHERE id = ?`, disabled, user)
}
