package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"hubbub.internal/libs/failtest"
	"hubbub.internal/libs/schema"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/libs/sqlitedb/sqlitedbtest"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openAt(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestForeignFile checks that Open refuses a file of another service.
func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	steps := sqlitedb.Steps{SQL: fstest.MapFS{"00001_first.sql": {Data: []byte("-- +goose Up\nCREATE TABLE entries (room TEXT);\n")}}}
	db, err := sqlitedb.Open(t.Context(), path, steps, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, nil)
	if err == nil {
		_ = s.Close()
	}
	if !errors.Is(err, schema.ErrForeign) {
		t.Errorf("error is %v", err)
	}
}

func TestStore(t *testing.T) {
	paths := map[store.Store]string{}
	storetest.Run(t,
		func(t *testing.T) store.Store {
			path := filepath.Join(t.TempDir(), "with space?", "directory.db")
			s := openAt(t, path)
			paths[s] = path
			return s
		},
		func(t *testing.T, s store.Store) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return openAt(t, paths[s])
		})
}

// TestUpgrade opens files that earlier releases have written.
func TestUpgrade(t *testing.T) {
	sqlitedbtest.Upgrades(t, func(t *testing.T, path string, version int) {
		if err := openAt(t, path).Close(); err != nil { // what is opened again has had all steps
			t.Fatal(err)
		}
		storetest.Verify(t, openAt(t, path), storetest.SampleOf(version, 22))
	})
}

// TestIndexes checks that queries for a page begin at its place in an index.
func TestIndexes(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "directory.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	plan := func(want, query string, args []any) {
		t.Helper()
		if got := sqlitedbtest.Plan(t, s.Read, query, args...); got != want+"\n" {
			t.Errorf("%s: the plan is\n%s, and not\n%s", query, got, want)
		}
	}
	for by, index := range map[string]string{store.SortActive: "rooms_active", store.SortNew: "rooms_public", store.SortSize: "rooms_size"} {
		query, args := findPublic(store.PublicQuery{Sort: by, Look: "x", Before: 1, BeforeID: "r1", Limit: 10})
		plan(fmt.Sprintf("SEARCH rooms USING INDEX %s ((%s,id)<(?,?))", index, by), query, args)
	}
	query, args := findReports(store.ReportQuery{After: "p1", Limit: 10})
	plan("SEARCH reports USING INDEX reports_resolved (resolved=? AND id>?)", query, args)
}

// TestMakeUpgrade writes the file of this release for TestUpgrade.
func TestMakeUpgrade(t *testing.T) {
	path := sqlitedbtest.Fixture(t)
	s, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Fill(t, s)
	if _, err := s.Write.ExecContext(t.Context(), "VACUUM"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.Verify(t, openAt(t, sqlitedbtest.Copy(t, path)), storetest.Whole) // which writes, too
}

func TestAtOnce(t *testing.T) {
	storetest.AtOnce(t, openAt(t, filepath.Join(t.TempDir(), "directory.db")))
}

// TestUnreadable checks that calls fail when the tables are gone, and do not report missing
// records.
func TestUnreadable(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "directory.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var tables string
	err = s.Read.QueryRowContext(t.Context(), `SELECT group_concat(name) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`).Scan(&tables)
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(tables, ",") {
		if _, err := s.Write.ExecContext(t.Context(), "DROP TABLE "+name); err != nil {
			t.Fatal(err)
		}
	}
	failtest.All[store.Store](t.Context(), t, s, storetest.Away)
}
