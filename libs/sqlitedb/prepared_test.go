package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestQuery asks one query by many at once: it is prepared once, answers each, and is closed with
// the file.
func TestQuery(t *testing.T) {
	d := opened(t, filepath.Join(t.TempDir(), "store.db"), things, nil)
	for i := range 10 {
		execute(t, d, fmt.Sprintf("INSERT INTO things VALUES ('%d')", i))
	}
	ask := func(ctx context.Context, text, want string) error {
		rows, err := d.Query(ctx, text, want)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var got string
			if err := rows.Scan(&got); err != nil || got != want {
				t.Errorf("%s is answered for %s: %v", got, want, err)
			}
		}
		return rows.Err()
	}
	const text = "SELECT id FROM things WHERE id = ?"
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for range 10 {
				if err := ask(t.Context(), text, fmt.Sprint(i%10)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := len(d.statements.all); n != 1 {
		t.Errorf("%d statements are kept for one text", n)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ask(gone, text, "1"); err == nil {
		t.Error("a query whose caller has gone is answered")
	}
	if err := ask(t.Context(), "SELECT id FROM none WHERE id = ?", "1"); err == nil {
		t.Error("no such table: answered")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ask(t.Context(), text, "1"); err == nil {
		t.Error("a closed file answers")
	}
}

// TestQueryBesideWrite: a query of Read does not wait for a transaction, and one that Prepared
// makes is of the connection that writes. Both are prepared once, and forgotten with the file.
func TestQueryBesideWrite(t *testing.T) {
	d := opened(t, filepath.Join(t.TempDir(), "store.db"), things, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tx, err := d.Write.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := d.Query(ctx, "SELECT id FROM things")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		t.Error("a row that nobody wrote")
	}
	if err := errors.Join(rows.Err(), tx.Rollback()); err != nil {
		t.Error(err)
	}
	insert, err := d.Prepared(ctx, "INSERT INTO things VALUES (?)") //nolint:sqlclosecheck // it is kept until Close
	if err != nil {
		t.Fatal(err)
	}
	//nolint:sqlclosecheck // it is kept until Close
	if again, err := d.Prepared(ctx, "INSERT INTO things VALUES (?)"); err != nil || again != insert {
		t.Errorf("the second time it is another statement, %v", err)
	}
	if err := d.Read.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := insert.ExecContext(ctx, "a"); err != nil {
		t.Errorf("it is no statement of the connection that writes: %v", err)
	}
	if r, w := len(d.statements.all), len(d.writes.all); r != 1 || w != 1 {
		t.Errorf("%d statements read and %d write", r, w)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if r, w := len(d.statements.all), len(d.writes.all); r+w != 0 {
		t.Errorf("of a closed file %d statements are kept", r+w)
	}
}
