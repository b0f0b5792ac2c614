package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/libs/failtest"
	"hubbub.internal/libs/names"
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

// TestLooksOfOldNames checks the looks that step 3 gives to names from before it.
func TestLooksOfOldNames(t *testing.T) {
	path := sqlitedbtest.Copy(t, filepath.Join("testdata", "schema-0.db"))
	old, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	const name = "PauI" // written with an I, it looks like Paul; in lower case it does not
	for _, statement := range []string{
		`INSERT INTO users (id, name, name_key, hash, created) VALUES ('u1', '` + name + `', 'paui', 'hash', 1)`,
		`INSERT INTO users (id, name, name_key, hash, created) VALUES ('u2', '` + name + ` (guest)', ':paui', '', 1)`,
		`INSERT INTO rooms (id, name, topic, private, direct, created) VALUES ('r0', '` + name + `', '', 0, 0, 1)`,
	} {
		if _, err := old.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	user, err1 := s.User(t.Context(), "u1")
	guest, err2 := s.User(t.Context(), "u2")
	room, err3 := s.Room(t.Context(), "r0")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	want := names.LooksOf(name)
	if user.Looks != want || room.Looks != want || guest.Looks != (names.Looks{}) {
		t.Errorf("the looks are %+v, %+v and %+v, want %+v twice and none", user.Looks, room.Looks, guest.Looks, want)
	}
}

// TestUnreadableRow checks that a row that cannot be read fails the calls that read it, however
// often, and no others.
func TestUnreadableRow(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "directory.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.CreateRequest(t.Context(), store.Request{Room: "d-A", From: "ua", To: "ub"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write.ExecContext(t.Context(), `UPDATE requests SET sent = 'no list'`); err != nil {
		t.Fatal(err)
	}
	// it ends only if all connections are taken
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range s.Read.Stats().MaxOpenConnections + 1 {
		if _, err := s.Request(ctx, "d-A"); err == nil || errors.Is(err, store.ErrNotFound) || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.MutesOf(ctx, "u1"); err != nil {
		t.Error(err)
	}
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
