// Package sqlitedbtest has the tests that all SQLite stores have in common. Only tests import it.
package sqlitedbtest

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Upgrades calls check with a copy of each file that an earlier release has written, and the
// version of its schema: testdata/schema-N.db, where N is the version. docs/stores.md says how one
// is made.
func Upgrades(t *testing.T, check func(t *testing.T, path string, version int)) {
	t.Helper()
	files, err := filepath.Glob("testdata/schema-*.db")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no files of earlier releases", err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			var version int
			if _, err := fmt.Sscanf(filepath.Base(file), "schema-%d.db", &version); err != nil {
				t.Fatal(err)
			}
			check(t, Copy(t, file), version)
		})
	}
}

// Copy returns the path of a copy of a file that is closed.
func Copy(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Fixture returns where the file of this release is written: HUBBUB_MAKE_FIXTURE, else a place that
// goes with the test.
func Fixture(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("HUBBUB_MAKE_FIXTURE"); path != "" {
		return path
	}
	return filepath.Join(t.TempDir(), "store.db")
}

// Plan returns how SQLite goes about a query, a line for each step.
func Plan(t *testing.T, db *sql.DB, query string, args ...any) (plan string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
