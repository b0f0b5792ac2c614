package sqlite

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/history/store"
)

// stepsThrough are the steps in SQL through a version.
func stepsThrough(t testing.TB, last int) sqlitedb.Steps {
	t.Helper()
	some := fstest.MapFS{}
	paths, err := fs.Glob(files, "steps/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths[:last] {
		data, err := fs.ReadFile(files, path)
		if err != nil {
			t.Fatal(err)
		}
		some[filepath.Base(path)] = &fstest.MapFile{Data: data}
	}
	return sqlitedb.Steps{SQL: some}
}

// change opens a file at a version and changes it.
func change(t *testing.T, path string, version int, statements ...string) {
	t.Helper()
	db, err := sqlitedb.Open(t.Context(), path, stepsThrough(t, version), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := db.Write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestMoveGoesOn stops the move of what the last release has kept in the middle: what was moved
// stays, the last release does not open the file any more, and the next start goes on. Nothing is
// lost or doubled.
func TestMoveGoesOn(t *testing.T) {
	const n = 2*moveRows + 1000
	path := filepath.Join(t.TempDir(), "history.db")
	numbers := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, n)
	change(t, path, 6,
		numbers+`INSERT INTO entries (key, room, seq, sender, id, type, target, data, author, slot, past)
			SELECT printf('r%d:%020d', i % 3, i), printf('r%d', i % 3), i, printf('u%d', i % 7), printf('m%d', i), 'msg', '', CAST(printf('text %d', i) AS BLOB), '', '', 0 FROM n`,
		numbers+`INSERT INTO reads (user, room, seq) SELECT printf('u%d', i), 'r1', i FROM n`)
	change(t, path, 7, fmt.Sprintf(`CREATE TRIGGER full BEFORE INSERT ON entries WHEN (SELECT count(*) FROM entries) = %d BEGIN SELECT RAISE(ABORT, 'full'); END`, moveRows+500))

	if _, err := Open(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), "schema step 8 failed, and the store is still at version 7") {
		t.Fatalf("a move that fails is %v", err)
	}
	if _, err := sqlitedb.Open(t.Context(), path, stepsThrough(t, 6), nil); err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("the release before opens it: %v", err)
	}
	change(t, path, 7, `DROP TRIGGER full`)
	core, logs := observer.New(zap.InfoLevel)
	s, err := Open(t.Context(), path, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	told := logs.FilterMessageSnippet("migrating the store's records").All()
	if len(told) == 0 || told[0].ContextMap()["records"] != int64(n-moveRows) {
		t.Errorf("the log says %+v", told)
	}
	total := 0
	for r := range 3 {
		all, err := s.Since(t.Context(), fmt.Sprint("r", r), 0, n)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if want := fmt.Sprint("text ", e.Seq); string(e.Data) != want || e.ID != fmt.Sprint("m", e.Seq) || e.Sender != fmt.Sprint("u", e.Seq%7) {
				t.Fatalf("%+v has not %s", e, want)
			}
		}
		total += len(all)
	}
	if total != n {
		t.Errorf("of %d entries there are %d", n, total)
	}
	reads, err := s.Reads(t.Context(), fmt.Sprint("u", n))
	if err != nil || reads["r1"] != n {
		t.Errorf("read is %v, %v", reads, err)
	}
	out, err := s.Append(t.Context(), []store.Entry{{Room: "r1", Seq: n + 1, Sender: "u1", ID: "m1", Type: "msg", Data: []byte("text 1")}})
	if err != nil || len(out.Repeats) != 1 || out.Repeats[0].First != 1 {
		t.Errorf("a repeat of what was moved is %+v, %v", out, err)
	}
}
