package sqlitedb

import (
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
	for _, pragma := range []string{"synchronous = 2", "journal_mode = wal"} {
		name, want, _ := strings.Cut(pragma, " = ")
		var got string
		if err := d.Write.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v", name, got, err)
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
