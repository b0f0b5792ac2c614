package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Copy writes the file at path to another, which is made for its owner alone, as it is at one
// moment (https://sqlite.org/lang_vacuum.html#vacuuminto). The file may be in use: nobody waits for
// the copy. What was deleted is not in it.
func Copy(ctx context.Context, path, to string) (err error) {
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(to)
		}
	}()
	if err := f.Close(); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	db, err := existing(path)
	if err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	return nil
}

// Version returns the version of the schema of a file, which may be in use; 0: it is empty, or of
// the time before versions.
func Version(ctx context.Context, path string) (v int64, err error) {
	db, err := existing(path)
	if err != nil {
		return 0, fmt.Errorf("look into %s: %w", filepath.Base(path), err)
	}
	v, err = version(ctx, db)
	if err := errors.Join(err, db.Close()); err != nil {
		return 0, fmt.Errorf("look into %s: %w", filepath.Base(path), err)
	}
	return v, nil
}

// Contents is what a file has.
type Contents struct {
	Version int64            // of its schema; 0: it is none of Hubbub's
	Rows    map[string]int64 // by table
}

// Inspect reads all of a file that nobody writes, checks that it is whole, and counts its rows.
func Inspect(ctx context.Context, path string) (Contents, error) {
	c, err := inspect(ctx, path)
	if err != nil {
		return c, fmt.Errorf("look into %s: %w", filepath.Base(path), err)
	}
	return c, nil
}

func inspect(ctx context.Context, path string) (c Contents, err error) {
	db, err := existing(path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var whole string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&whole); err != nil {
		return c, err
	}
	if whole != "ok" {
		return c, fmt.Errorf("it is damaged: %s", whole)
	}
	if c.Version, err = version(ctx, db); err != nil {
		return c, err
	}
	tables, err := tables(ctx, db)
	if err != nil {
		return c, err
	}
	c.Rows = make(map[string]int64)
	for _, table := range tables {
		var n int64
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM "`+strings.ReplaceAll(table, `"`, `""`)+`"`).Scan(&n); err != nil {
			return c, err
		}
		c.Rows[table] = n
	}
	return c, nil
}

// tables returns the names of the tables that are not SQLite's own, and not that of the versions.
func tables(ctx context.Context, db *sql.DB) (names []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name <> 'goose_db_version' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// existing opens a file that is there, without taking it from a process that has it.
func existing(path string) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: url.Values{
		"mode": {"rw"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", BusyTimeout.Milliseconds())},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}
