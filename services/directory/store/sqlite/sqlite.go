// Package sqlite keeps directory's store in one SQLite file (https://sqlite.org), for one process
// at a time.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"go.uber.org/zap"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

//go:embed steps/*.sql
var files embed.FS

// steps migrate the file's schema: see docs/stores.md.
func steps() sqlitedb.Steps {
	sub, err := fs.Sub(files, "steps")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sqlitedb.Steps{Table: "members", SQL: sub, Go: map[int64]func(context.Context, *sql.Tx) error{3: fillLooks}}
}

// Version returns this release's version of the schema.
func Version() int64 { return steps().Last() }

// db is what the parts of a Store share.
type db struct{ *sqlitedb.DB }

// Store is a store.Store in a file.
type Store struct {
	*sqlitedb.DB
	users
	accounts
	sessions
	lastSeen
	preferences
	subscriptions
	rooms
	members
	readers
	requests
	invitations
	invitationLinks
	bans
	networks
	mutes
	blocks
	reports
	letters
	acts
	servers
	keys
	intents
	emoji
}

var _ store.Store = (*Store)(nil)

// Open opens the file, and makes it if it is missing. log may be nil. Errors: filelock.ErrLocked,
// schema.ErrNewer, schema.ErrForeign.
func Open(ctx context.Context, path string, log *zap.Logger) (*Store, error) {
	file, err := sqlitedb.Open(ctx, path, steps(), log)
	if err != nil {
		return nil, err
	}
	d := db{file}
	return &Store{
		DB:              file,
		users:           users{d},
		accounts:        accounts{d},
		sessions:        sessions{d},
		lastSeen:        lastSeen{d},
		preferences:     preferences{d},
		subscriptions:   subscriptions{d},
		rooms:           rooms{d},
		members:         members{d},
		readers:         readers{d},
		requests:        requests{d},
		invitations:     invitations{d},
		invitationLinks: invitationLinks{d},
		bans:            bans{d},
		networks:        networks{d},
		mutes:           mutes{d},
		blocks:          blocks{d},
		reports:         reports{d},
		letters:         letters{d},
		acts:            acts{d},
		servers:         servers{d},
		keys:            keys{d},
		intents:         intents{d},
		emoji:           emoji{d},
	}, nil
}

// exec runs a statement; store.ErrConflict if a key is taken.
func (s db) exec(ctx context.Context, what, query string, args ...any) (sql.Result, error) {
	r, err := s.Write.ExecContext(ctx, query, args...)
	return r, wrap(what, err)
}

// wrap adds what failed to err; store.ErrConflict if a key is taken.
func wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case sqlitedb.IsConflict(err):
		return fmt.Errorf("%s: %w", what, store.ErrConflict)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (s db) run(ctx context.Context, what, query string, args ...any) error {
	_, err := s.exec(ctx, what, query, args...)
	return err
}

// update runs a statement that changes one record; store.ErrNotFound if it changes none.
func (s db) update(ctx context.Context, what, query string, args ...any) error {
	r, err := s.exec(ctx, what, query, args...)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err == nil && n == 0 {
		return fmt.Errorf("%s: %w", what, store.ErrNotFound)
	}
	return nil
}

// list reads all rows; scan returns the addresses of a row's fields.
func list[T any](ctx context.Context, s db, what string, scan func(*T) []any, query string, args ...any) ([]T, error) {
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

// first returns the one row of a query, or store.ErrNotFound.
func first[T any](ctx context.Context, s db, what string, scan func(*T) []any, query string, args ...any) (t T, err error) {
	all, err := list(ctx, s, what, scan, query, args...)
	if err != nil {
		return t, err
	}
	if len(all) == 0 {
		return t, fmt.Errorf("%s: %w", what, store.ErrNotFound)
	}
	return all[0], nil
}
