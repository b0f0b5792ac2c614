package sqlitedb

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/schema"
)

// inSQL returns steps of one statement each.
func inSQL(statements ...string) Steps {
	files := fstest.MapFS{}
	for i, s := range statements {
		files[fmt.Sprintf("%05d_step.sql", i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + s + ";\n")}
	}
	return Steps{SQL: files}
}

const (
	first  = "CREATE TABLE IF NOT EXISTS things (id TEXT PRIMARY KEY) STRICT"
	second = "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 1"
)

func opened(t *testing.T, path string, steps Steps, log *zap.Logger) *DB {
	t.Helper()
	d, err := Open(t.Context(), path, steps, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func execute(t *testing.T, d *DB, statement string) {
	t.Helper()
	if _, err := d.Write.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, d *DB, query string) (n int) {
	t.Helper()
	if err := d.Read.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSteps moves a file from the time before versions forward, step by step over several releases.
func TestSteps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	old := opened(t, path, inSQL("SELECT 1"), nil)
	execute(t, old, "DROP TABLE goose_db_version")
	execute(t, old, first)
	execute(t, old, "INSERT INTO things VALUES ('a')")
	_ = old.Close()

	core, logs := observer.New(zap.DebugLevel)
	d := opened(t, path, inSQL(first, second), zap.New(core))
	if n := number(t, d, "SELECT size FROM things WHERE id = 'a'"); n != 1 {
		t.Errorf("the new column is %d", n)
	}
	if all := logs.FilterMessageSnippet("migrated the store's schema").All(); len(all) != 1 || all[0].ContextMap()["from"] != int64(0) || all[0].ContextMap()["to"] != int64(2) {
		t.Errorf("logged %+v", logs.All())
	}
	execute(t, d, "UPDATE things SET size = 5")
	_ = d.Close()

	// The next release has a step in code; those that were done are not done again.
	steps := inSQL(first, second)
	runs := 0
	steps.Go = map[int64]func(context.Context, *sql.Tx) error{3: func(ctx context.Context, tx *sql.Tx) error {
		runs++
		_, err := tx.ExecContext(ctx, "UPDATE things SET size = size + 1")
		return err
	}}
	for range 2 {
		d = opened(t, path, steps, nil)
		if n := number(t, d, "SELECT size FROM things"); n != 6 || runs != 1 {
			t.Errorf("the step ran %d times, and left %d", runs, n)
		}
		_ = d.Close()
	}
}

// TestLongStep has a step whose transactions are its own: each stays, also when the step fails
// later.
func TestLongStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	steps := inSQL(first)
	broken := errors.New("broken")
	steps.Go = map[int64]func(context.Context, *sql.Tx) error{2: func(context.Context, *sql.Tx) error { return nil }}
	var fail error
	steps.Long = map[int64]func(context.Context, *sql.DB, *zap.Logger) error{3: func(ctx context.Context, db *sql.DB, log *zap.Logger) error {
		log.Info("begins")
		_, err := db.ExecContext(ctx, "INSERT INTO things (id) SELECT count(*) FROM things")
		return errors.Join(err, fail)
	}}
	if n := steps.Last(); n != 3 {
		t.Errorf("the last of three steps is %d", n)
	}
	fail = broken
	if _, err := Open(t.Context(), path, steps, nil); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
	fail = nil
	for range 2 {
		d := opened(t, path, steps, nil)
		if n := number(t, d, "SELECT count(*) FROM things"); n != 2 {
			t.Errorf("of two tries %d rows stayed", n)
		}
		_ = d.Close()
	}
}

// TestStepFails: a step fails in the middle: nothing of it stays, what came before it does, and
// the next start goes on.
func TestStepFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	steps := inSQL(first, second)
	broken := errors.New("broken")
	steps.Go = map[int64]func(context.Context, *sql.Tx) error{3: func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO things (id) VALUES ('half')"); err != nil {
			return err
		}
		return broken
	}}
	_, err := Open(t.Context(), path, steps, nil)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "step 3 failed") || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("error is %v", err)
	}
	d := opened(t, path, inSQL(first, second, "INSERT INTO things (id) VALUES ('whole')"), nil)
	if n := number(t, d, "SELECT count(*) FROM things WHERE id = 'whole'"); n != 1 {
		t.Errorf("the mended step ran %d times", n)
	}
	if n := number(t, d, "SELECT count(*) FROM things WHERE id = 'half'"); n != 0 {
		t.Error("half a step stayed")
	}
	_ = d.Close()
	_, err = Open(t.Context(), filepath.Join(t.TempDir(), "other.db"), inSQL(first, "CREATE NONSENSE"), nil)
	if err == nil || !strings.Contains(err.Error(), "00002_step.sql") {
		t.Errorf("error of a step in SQL is %v; it names the file", err)
	}
}

// TestStepsAreNumbered has steps that the library would pass over, or run in another order than
// meant.
func TestStepsAreNumbered(t *testing.T) {
	step := &fstest.MapFile{Data: []byte("-- +goose Up\nSELECT 1;\n")}
	code := map[int64]func(context.Context, *sql.Tx) error{3: func(context.Context, *sql.Tx) error { return nil }}
	for name, steps := range map[string]Steps{
		"a name without a number": {SQL: fstest.MapFS{"00001_a.sql": step, "second.sql": step}},
		"another ending":          {SQL: fstest.MapFS{"00001_a.sql": step, "00002_b.txt": step}},
		"a gap":                   {SQL: fstest.MapFS{"00001_a.sql": step, "00003_b.sql": step}},
		"a gap before a function": {SQL: fstest.MapFS{"00001_a.sql": step}, Go: code},
		"not from 1":              {SQL: fstest.MapFS{"00002_a.sql": step}},
		"one number twice":        {SQL: fstest.MapFS{"00001_a.sql": step, "00002_b.sql": step, "00003_c.sql": step}, Go: code},
	} {
		path := filepath.Join(t.TempDir(), "store.db")
		if d, err := Open(t.Context(), path, steps, nil); err == nil || !strings.Contains(err.Error(), "schema steps") {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				_ = d.Close()
			}
		}
	}
}

// TestNewerFile holds that a file of a newer release is not touched.
func TestNewerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	_ = opened(t, path, inSQL(first, second), nil).Close()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), path, inSQL(first), nil)
	if !errors.Is(err, schema.ErrNewer) || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), "knows 1") {
		t.Errorf("error is %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed: %v", err)
	}
	opened(t, path, inSQL(first, second), nil) // and is good as ever
}
