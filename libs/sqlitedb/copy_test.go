package sqlitedb

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// filled opens a file with two things in it, and tables with a quote in the name, and with one that
// is nearly SQLite's own.
func filled(t *testing.T, path string) *DB {
	t.Helper()
	d, err := Open(t.Context(), path, things, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, statement := range []string{`INSERT INTO things VALUES ('a'), ('b')`, `CREATE TABLE "o""dd" (n INTEGER)`, `INSERT INTO "o""dd" VALUES (1), (2), (3)`, `CREATE TABLE sqlitelike (n INTEGER)`} {
		if _, err := d.Write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func missing(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there: %v", filepath.Base(path), err)
	}
}

// TestCopy copies a file that is in use: the copy is whole, for its owner alone, and takes the
// place of nothing; of a copy that fails nothing is left.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, "things.db"), filepath.Join(dir, "copy.db")
	filled(t, path)
	if err := Copy(t.Context(), path, to); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(to); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the copy is %v, %v", info, err)
	}
	got, err := Inspect(t.Context(), to)
	if err != nil || got.Version != things.Last() || len(got.Rows) != 3 || got.Rows["things"] != 2 || got.Rows[`o"dd`] != 3 {
		t.Errorf("the copy has %+v, %v", got, err)
	}
	before, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := Copy(t.Context(), path, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a copy in the place of another: %v", err)
	}
	if after, err := os.ReadFile(to); err != nil || string(after) != string(before) {
		t.Errorf("the first copy has changed, %v", err)
	}

	none, broken := filepath.Join(dir, "none.db"), filepath.Join(dir, "broken.db")
	if err := os.WriteFile(broken, []byte(strings.Repeat("no database", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{none, broken} {
		to := filepath.Join(dir, "of a bad one.db")
		if err := Copy(t.Context(), bad, to); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("a copy of %s: %v", filepath.Base(bad), err)
		}
		missing(t, to)
	}
	missing(t, none)
	if err := Copy(t.Context(), path, filepath.Join(dir, "no folder", "copy.db")); err == nil {
		t.Error("a copy into a folder that is not there")
	}
}

// TestInspect: what is not whole, not a database or not there is an error, and is not made.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "things.db")
	d := filled(t, path)
	if v, err := Version(t.Context(), path); err != nil || v != things.Last() {
		t.Errorf("in use, its version is %d, %v", v, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]byte) []byte{
		"no database":   func([]byte) []byte { return []byte(strings.Repeat("no database", 1000)) },
		"cut":           func(b []byte) []byte { return b[:len(b)/2] },
		"pages of zero": func(b []byte) []byte { clear(b[4096:]); return b },
	} {
		bad := filepath.Join(dir, name)
		if err := os.WriteFile(bad, change(append([]byte(nil), data...)), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Inspect(t.Context(), bad); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	none, empty := filepath.Join(dir, "none.db"), filepath.Join(dir, "empty.db")
	if _, err := Inspect(t.Context(), none); err == nil {
		t.Error("what is not there is whole")
	}
	if _, err := Version(t.Context(), none); err == nil {
		t.Error("what is not there has a version")
	}
	missing(t, none)
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Inspect(t.Context(), empty); err != nil || got.Version != 0 || len(got.Rows) != 0 {
		t.Errorf("an empty file: %+v, %v", got, err)
	}
}

// TestFolderOfAFile: the folders that are made for a file are its owner's alone; a file that cannot
// be opened is not held, and one that was closed is free.
func TestFolderOfAFile(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "a", "b")
	path := filepath.Join(folder, "things.db")
	d := filled(t, path)
	for _, made := range []string{filepath.Join(dir, "a"), folder} {
		if info, err := os.Stat(made); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
			t.Errorf("%s is %v, %v", made, info, err)
		}
	}
	if n := d.Write.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d connections write", n)
	}
	if n := d.Read.Stats().MaxOpenConnections; n != readers {
		t.Errorf("%d connections read", n)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	broken := inSQL("CREATE TABLE")
	for range 2 {
		if _, err := Open(t.Context(), filepath.Join(dir, "new.db"), broken, nil); err == nil || strings.Contains(err.Error(), "another process") {
			t.Errorf("with a step that fails: %v", err)
		}
	}
	filled2, err := Open(t.Context(), path, things, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := filled2.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestInspectFindsWhatIsDamaged has a row that its table does not allow.
func TestInspectFindsWhatIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "things.db")
	d := filled(t, path)
	db, err := d.Write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`INSERT INTO sqlitelike VALUES (NULL)`, `PRAGMA writable_schema = ON`, `UPDATE sqlite_master SET sql = 'CREATE TABLE sqlitelike (n INTEGER NOT NULL)' WHERE name = 'sqlitelike'`} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(db.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := Inspect(t.Context(), path); err == nil || !strings.Contains(err.Error(), "damaged: NULL value in sqlitelike") {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestVersionOfUndoneStep: a step that is noted as undone does not count.
func TestVersionOfUndoneStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "things.db")
	d := filled(t, path)
	execute(t, d, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (7, 0)`)
	if v, err := Version(t.Context(), path); err != nil || v != things.Last() {
		t.Errorf("%d, %v", v, err)
	}
}
