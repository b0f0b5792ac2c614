package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

const (
	sessionColumns = `id, user, created, hash, family, previous, salt, grace, expires, used, device, address, attempt`
	selectSessions = `SELECT ` + sessionColumns + ` FROM sessions `
	insertSession  = `INSERT INTO sessions (` + sessionColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	turnSession    = `UPDATE sessions SET hash = ?, family = ?, previous = ?, salt = ?, grace = ?, expires = ?, used = ?, device = ?, address = ?, attempt = ?
		WHERE id = ? AND hash = ? AND expires > ?`
)

func turnValues(t store.Turn) []any {
	return []any{t.Hash, t.Family, t.Previous, t.Salt, t.Grace, t.Expires, t.Used, t.Device, t.Address, t.Attempt}
}

func sessionValues(x store.Session) []any {
	return append([]any{x.ID, x.User, x.Created}, turnValues(x.Turn)...)
}

func sessionFields(x *store.Session) []any {
	return []any{
		&x.ID, &x.User, &x.Created, &x.Hash, &x.Family, &x.Previous, &x.Salt, &x.Grace, &x.Expires, &x.Used, &x.Device, &x.Address, &x.Attempt,
	}
}

// sessions is a store.Sessions.
type sessions struct{ db }

// CreateSession implements store.Store.
func (s sessions) CreateSession(ctx context.Context, x store.Session) error {
	return s.run(ctx, "create session", insertSession, sessionValues(x)...)
}

// Session implements store.Store.
func (s sessions) Session(ctx context.Context, id string) (store.Session, error) {
	return first(ctx, s.db, "session", sessionFields, selectSessions+`WHERE id = ?`, id)
}

// ExtendSession implements store.Store.
func (s sessions) ExtendSession(ctx context.Context, id string, now, expires int64) error {
	return s.update(ctx, "extend session", `UPDATE sessions SET expires = ? WHERE id = ? AND expires > ?`, expires, id, now)
}

// TurnSession implements store.Store.
func (s sessions) TurnSession(ctx context.Context, id string, was []byte, now int64, t store.Turn) error {
	return s.update(ctx, "turn session", turnSession, append(turnValues(t), id, was, now)...)
}

// SessionsOf implements store.Store.
func (s sessions) SessionsOf(ctx context.Context, user string, limit int) ([]store.Session, error) {
	return list(ctx, s.db, "sessions of a user", sessionFields, selectSessions+`WHERE user = ? ORDER BY created DESC, id DESC LIMIT ?`, user, limit)
}

// EndSession implements store.Store.
func (s sessions) EndSession(ctx context.Context, id string) error {
	return s.run(ctx, "end session", `UPDATE sessions SET expires = 0 WHERE id = ?`, id)
}

// EndSessionsOf implements store.Store.
func (s sessions) EndSessionsOf(ctx context.Context, user string) error {
	return s.run(ctx, "end sessions", `UPDATE sessions SET expires = 0 WHERE user = ?`, user)
}

// DeleteSession implements store.Store.
func (s sessions) DeleteSession(ctx context.Context, id string) error {
	return s.run(ctx, "delete session", `DELETE FROM sessions WHERE id = ?`, id)
}

// SessionsAfter implements store.Store.
func (s sessions) SessionsAfter(ctx context.Context, id string, limit int) ([]store.Session, error) {
	return list(ctx, s.db, "sessions", sessionFields, selectSessions+`WHERE id > ? ORDER BY id LIMIT ?`, id, limit)
}

// SessionsBefore implements store.Store.
func (s sessions) SessionsBefore(ctx context.Context, expires int64, limit int) ([]store.Session, error) {
	return list(ctx, s.db, "old sessions", sessionFields, selectSessions+`WHERE expires <= ? ORDER BY expires, id LIMIT ?`, expires, limit)
}
