// Package sqlite keeps directory's store in one SQLite file (https://sqlite.org), for one process at a time.
package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

const schema = `
CREATE TABLE IF NOT EXISTS users (
	id TEXT PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
	id TEXT PRIMARY KEY, user TEXT NOT NULL, hash BLOB NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_expires ON sessions (expires);
CREATE TABLE IF NOT EXISTS keys (
	id TEXT PRIMARY KEY, seed BLOB NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rooms (
	id TEXT PRIMARY KEY, name TEXT NOT NULL, topic TEXT NOT NULL, private INTEGER NOT NULL, direct INTEGER NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rooms_public ON rooms (created) WHERE private = 0 AND direct = 0;
CREATE TABLE IF NOT EXISTS members (
	room TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_user ON members (user, since);
CREATE INDEX IF NOT EXISTS members_role ON members (room, role, since);
CREATE TABLE IF NOT EXISTS bans (
	room TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, created INTEGER NOT NULL,
	PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS bans_user ON bans (user, room);
CREATE TABLE IF NOT EXISTS seen (user TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intents (
	id TEXT PRIMARY KEY, kind TEXT NOT NULL, room TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
	actor TEXT NOT NULL, session TEXT NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`

// Store is a store.Store in a file.
type Store struct{ *sqlitedb.DB }

var _ store.Store = (*Store)(nil)

// Open opens the file, which is made if it is missing. Errors: filelock.ErrLocked.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.Open(ctx, path, schema)
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// exec runs a statement; a key that is taken is store.ErrConflict.
func (s *Store) exec(ctx context.Context, what, query string, args ...any) (sql.Result, error) {
	r, err := s.Write.ExecContext(ctx, query, args...)
	if sqlitedb.IsConflict(err) {
		return nil, fmt.Errorf("%s: %w", what, store.ErrConflict)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return r, nil
}

func (s *Store) run(ctx context.Context, what, query string, args ...any) error {
	_, err := s.exec(ctx, what, query, args...)
	return err
}

// update runs a statement that changes one record, if it is there.
func (s *Store) update(ctx context.Context, what, query string, args ...any) error {
	r, err := s.exec(ctx, what, query, args...)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err == nil && n == 0 {
		return fmt.Errorf("%s: %w", what, store.ErrNotFound)
	}
	return nil
}

// jsonList returns what json_each makes a row each of.
func jsonList(ids []string) string {
	b, _ := json.Marshal(ids) // strings always have a form
	return string(b)
}

// row reads one row into the fields.
func (s *Store) row(ctx context.Context, what, query string, arg any, fields ...any) error {
	err := s.Read.QueryRowContext(ctx, query, arg).Scan(fields...)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// list reads all rows with scan, which is given where the fields of the next one go.
func list[T any](ctx context.Context, s *Store, what string, scan func(*T) []any, query string, args ...any) ([]T, error) {
	rows, err := s.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var t T
		if err := rows.Scan(scan(&t)...); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}
