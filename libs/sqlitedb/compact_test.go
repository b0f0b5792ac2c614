package sqlitedb

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestCompact removes most of a file: at the next start it is written anew, for its owner alone,
// and has what it had. While another program has it open it stays as it is.
func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	steps := Steps{SQL: fstest.MapFS{"00001_first.sql": {Data: []byte("-- +goose Up\nCREATE TABLE things (n INTEGER PRIMARY KEY, text TEXT);")}}}
	core, logs := observer.New(zap.InfoLevel)
	change := func(statements ...string) {
		t.Helper()
		db, err := Open(t.Context(), path, steps, zap.New(core))
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range statements {
			if _, err := db.Write.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range writerPragmas {
			if got := pragma(t, db.Write, name); got != want {
				t.Errorf("%s is %s and not %s", name, got, want)
			}
		}
		var n int
		if err := db.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM things WHERE n <= 5 AND length(text) > 0`).Scan(&n); err != nil || n != 5 {
			t.Errorf("%d things are left, %v", n, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	change(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80) INSERT INTO things (n, text) SELECT i, hex(zeroblob(500000)) FROM n`,
		`DELETE FROM things WHERE n > 5`)
	large := size()

	reader, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	reader.SetMaxOpenConns(1)
	if _, err := reader.ExecContext(t.Context(), `SELECT n FROM things`); err != nil {
		t.Fatal(err)
	}
	change()
	if got := size(); got != large || logs.FilterMessageSnippet("could not compact").Len() != 1 {
		t.Errorf("while another program has the file it has %d bytes of %d: %+v", got, large, logs.All())
	}
	missing(t, path+".compact")
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(path+".compact", []byte("left by a process that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	change()
	info, err := os.Stat(path)
	if err != nil || info.Size() > large/10 || info.Mode().Perm() != 0o600 || logs.FilterMessageSnippet("compacted the store's file").Len() != 1 {
		t.Errorf("of %d bytes are left %d with the mode %o, %v: %+v", large, info.Size(), info.Mode().Perm(), err, logs.All())
	}
	missing(t, path+".compact")
	change()
	if logs.FilterMessageSnippet("compacting it").Len() != 2 {
		t.Errorf("a file that is small is written anew, too: %+v", logs.All())
	}
}

func TestMostlyFree(t *testing.T) {
	for _, c := range []struct {
		size, free int64
		want       bool
	}{
		{2 * compactFrom, compactFrom, false}, {2*compactFrom - 2, compactFrom, true}, {2*compactFrom - 4, compactFrom - 1, false}, {8 * compactFrom, 3 * compactFrom, false},
	} {
		if got := mostlyFree(c.size, c.free); got != c.want {
			t.Errorf("%d of %d bytes are free: %v", c.free, c.size, got)
		}
	}
}

// TestCompactFails: a file that cannot be written anew stays as it is.
func TestCompactFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	d := filled(t, path)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := compact(gone, d.Write, path); err == nil {
		t.Error("written anew, although the statement was cut off")
	}
	missing(t, path+".compact")
	if n := number(t, d, `SELECT count(*) FROM things`); n != 2 {
		t.Errorf("of two things %d are left", n)
	}
}
