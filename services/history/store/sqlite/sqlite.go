// Package sqlite keeps history's store in one SQLite file (https://sqlite.org), for one process at a time.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"hubbub.internal/libs/filelock"
	"hubbub.internal/services/history/store"
)

// Rows are found by their key, which orders a room's entries; WITHOUT ROWID keeps them in that order on the disk.
const schema = `
CREATE TABLE IF NOT EXISTS entries (
	key TEXT PRIMARY KEY, room TEXT NOT NULL, seq INTEGER NOT NULL, sender TEXT NOT NULL, id TEXT NOT NULL,
	type TEXT NOT NULL, target TEXT NOT NULL, data BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS entries_id ON entries (room, sender, id);
CREATE INDEX IF NOT EXISTS entries_message ON entries (room, id) WHERE type = 'msg';
CREATE INDEX IF NOT EXISTS entries_target ON entries (room, target) WHERE target <> '';
CREATE INDEX IF NOT EXISTS entries_seq ON entries (seq);
CREATE INDEX IF NOT EXISTS messages ON entries (key) WHERE type = 'msg';
CREATE TABLE IF NOT EXISTS reads (
	user TEXT NOT NULL, room TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (user, room)
) STRICT, WITHOUT ROWID;
`

// Store is a store.Store in a file.
type Store struct {
	write *sql.DB // one connection: SQLite has one writer
	read  *sql.DB
	lock  *os.File
}

var _ store.Store = (*Store)(nil)

// readers is how many pages are read at the same time.
const readers = 4

// Open opens the file, which is made if it is missing. Errors: filelock.ErrLocked.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	lock, err := filelock.Lock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	s := &Store{lock: lock}
	if s.write, err = open(path, 1); err == nil {
		_, err = s.write.ExecContext(ctx, schema)
	}
	if err == nil {
		s.read, err = open(path, readers)
	}
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return s, nil
}

func open(path string, connections int) (*sql.DB, error) {
	// FULL: what a method has returned from is on the disk (https://sqlite.org/pragma.html#pragma_synchronous).
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// Close closes the file and lets another process have it.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.lock.Close())...)
}
