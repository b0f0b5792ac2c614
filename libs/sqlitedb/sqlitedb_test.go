package sqlitedb

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"hubbub.internal/libs/filelock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var things = inSQL("CREATE TABLE IF NOT EXISTS things (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID")

// writerPragmas are the settings of the connection that writes.
var writerPragmas = map[string]string{
	"synchronous": "2", "journal_mode": "wal", "secure_delete": "1", "busy_timeout": "10000", "cache_size": "-32768", "wal_autocheckpoint": "4000",
}

func pragma(t *testing.T, db *sql.DB, name string) (value string) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// TestConnections: a transaction takes the lock at its beginning, as two that begin by reading
// would not both be able to write; connections that read are kept; two files of one folder do not
// exclude each other; and a file that somebody else has is looked into by one connection that
// waits.
func TestConnections(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "one.db")
	d := opened(t, path, things, nil)
	opened(t, filepath.Join(dir, "two.db"), things, nil)
	tx, err := d.Write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := existing(path)
	if err != nil {
		t.Fatal(err)
	}
	if n, wait := other.Stats().MaxOpenConnections, pragma(t, other, "busy_timeout"); n != 1 || wait != "10000" {
		t.Errorf("%d connections wait %s ms", n, wait)
	}
	for _, statement := range []string{"PRAGMA busy_timeout = 0", "BEGIN IMMEDIATE"} {
		_, err = other.ExecContext(t.Context(), statement)
	}
	if err == nil {
		t.Error("two transactions write")
	}
	if err := errors.Join(tx.Rollback(), other.Close()); err != nil {
		t.Error(err)
	}
	var all []*sql.Conn
	for range readers {
		c, err := d.Read.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for _, c := range all {
		_ = c.Close()
	}
	if n := d.Read.Stats().Idle; n != readers {
		t.Errorf("of %d connections that read, %d are kept", readers, n)
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with space?", "things.db")
	d, err := Open(t.Context(), path, things, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write.ExecContext(t.Context(), `INSERT INTO things VALUES ('a')`); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write.ExecContext(t.Context(), `INSERT INTO things VALUES ('a')`); !IsConflict(err) {
		t.Errorf("a key that is taken: %v", err)
	}
	if _, err := d.Write.ExecContext(t.Context(), `INSERT INTO none VALUES ('a')`); err == nil || IsConflict(err) {
		t.Errorf("no such table: %v", err)
	}
	if _, err := Open(t.Context(), path, things, nil); !errors.Is(err, filelock.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second Open: %v; it is refused, and names the file", err)
	}
	for name, want := range writerPragmas {
		if got := pragma(t, d.Write, name); got != want {
			t.Errorf("%s is %s and not %s", name, got, want)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), path, things, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var id string
	if err := again.Read.QueryRowContext(t.Context(), `SELECT id FROM things`).Scan(&id); err != nil || id != "a" {
		t.Errorf("kept: %q, %v", id, err)
	}
}

func TestOpenFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("no database", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "below.db")} {
		if d, err := Open(t.Context(), path, things, nil); err == nil {
			_ = d.Close()
			t.Errorf("opened %s", path)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name %s", err, path)
		}
	}
	// What could not be opened is not kept locked.
	if lock, err := filelock.Lock(file + ".lock"); err != nil {
		t.Error(err)
	} else if err := lock.Close(); err != nil {
		t.Error(err)
	}
}
