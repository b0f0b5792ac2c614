package sqlitedb

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub.internal/libs/schema"
)

// TestForeignFile holds that a file of another program, or of another service, is refused with what
// to do, and stays as it is to the byte.
func TestForeignFile(t *testing.T) {
	mine := inSQL(first, second)
	mine.Table = "things"
	made := func(t *testing.T, path, statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		put   func(t *testing.T, path string)
		wants string
	}{
		"another program": {func(t *testing.T, path string) { made(t, path, "CREATE TABLE users (a)") }, "none that is called things"},
		"another service": {func(t *testing.T, path string) {
			theirs := inSQL("CREATE TABLE others (id TEXT)")
			theirs.Table = "others"
			if err := opened(t, path, theirs, nil).Close(); err != nil {
				t.Fatal(err)
			}
		}, "none that is called things"},
		"no database": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("some text ", 100)), 0o644); err != nil { //nolint:gosec // the test wants it to stay so
				t.Fatal(err)
			}
		}, "no database of SQLite"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			c.put(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), path, mine, nil)
			if !errors.Is(err, schema.ErrForeign) || !strings.Contains(err.Error(), c.wants) || !strings.Contains(err.Error(), "--store") {
				t.Errorf("error is %v", err)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file has changed: %v", err)
			}
			if now, err := os.Stat(path); err != nil || now.Mode() != info.Mode() {
				t.Errorf("the mode was %v and is %v: %v", info.Mode(), now.Mode(), err)
			}
		})
	}
}

// TestOwnFile holds that files are taken that are new, empty, of the time before versions, or of a
// start that was killed before its first step.
func TestOwnFile(t *testing.T) {
	steps := inSQL(first, second)
	steps.Table = "things"
	for name, statement := range map[string]string{
		"empty":                   "",
		"before versions":         first,
		"before the first step":   "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now'))); INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1)",
		"nothing but its own log": "PRAGMA journal_mode = WAL",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			d := opened(t, path, steps, nil)
			execute(t, d, "INSERT INTO things (id) VALUES ('a')")
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			opened(t, path, steps, nil)
		})
	}
}
