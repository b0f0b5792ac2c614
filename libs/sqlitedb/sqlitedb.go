// Package sqlitedb opens an SQLite file (https://sqlite.org) the way every store of Hubbub wants
// it: for one process at a time, for nobody else's eyes, and with every write on the disk when it
// returns. It knows no table.
package sqlitedb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"hubbub.internal/libs/filelock"
)

// BusyTimeout is how long a write waits for another program's to end before it fails.
const BusyTimeout = 10 * time.Second

const (
	// readers is how many connections read at the same time.
	readers = 4
	// writeCache is how much of the file the connection that writes keeps in memory at most, in
	// KiB. The pages that one transaction changes have room in it: else they are written twice.
	writeCache = 32 << 10
	// writeAhead is of how many pages the file beside the database is when they are moved into it:
	// a page that many transactions change is moved once. With 4 KiB each that file has about 16
	// MiB.
	writeAhead = 4000
)

// DB is an open file. It is safe for concurrent use.
type DB struct {
	Write *sql.DB // one connection: SQLite has one writer
	Read  *sql.DB // sees everything that Write has returned from
	lock  *os.File

	statements statements // of Read
	writes     statements // of Write
}

// Open opens the file, which is made if it is missing, with the folders above it, and moves its
// schema forward by the steps that it has not had. log, which may be nil, is told. Errors name the
// file; filelock.ErrLocked: another process has it; schema.ErrNewer: a newer release has written
// it; schema.ErrForeign: it is not this program's. Nothing was changed then.
func Open(ctx context.Context, path string, steps Steps, log *zap.Logger) (*DB, error) {
	db, err := open(ctx, path, steps, cmp.Or(log, zap.NewNop()))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

func open(ctx context.Context, path string, steps Steps, log *zap.Logger) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	lock, err := filelock.Lock(path + ".lock")
	if err != nil {
		return nil, err
	}
	d := &DB{lock: lock}
	if steps.Table != "" {
		err = own(ctx, path, steps.Table)
	}
	if err == nil {
		err = private(path)
	}
	if err == nil {
		d.Write, err = connectWriter(path)
	}
	if err == nil {
		err = migrate(ctx, d.Write, steps, log)
	}
	if err == nil {
		d.Write, err = compacted(ctx, d.Write, path, log)
	}
	if err == nil {
		d.Read, err = connect(path, readers)
	}
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// private sees to it that nobody but the owner reads the file: it has people's messages, or the
// keys that tokens are signed with. SQLite gives the files that it makes beside it the same
// permissions.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

func connectWriter(path string) (*sql.DB, error) {
	// secure_delete: what is removed is overwritten
	// (https://sqlite.org/pragma.html#pragma_secure_delete).
	return connect(path, 1, "secure_delete(ON)", fmt.Sprintf("cache_size(-%d)", writeCache), fmt.Sprintf("wal_autocheckpoint(%d)", writeAhead))
}

func connect(path string, connections int, pragmas ...string) (*sql.DB, error) {
	// FULL: what a statement has returned from is on the disk
	// (https://sqlite.org/pragma.html#pragma_synchronous).
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: url.Values{
		"_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", BusyTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)"}, pragmas...),
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
func (d *DB) Close() error {
	errs := []error{d.statements.close(), d.writes.close()}
	for _, db := range []*sql.DB{d.Read, d.Write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, d.lock.Close())...)
}

// IsConflict reports whether err says that a key is taken.
func IsConflict(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}
