package sqlitedb

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
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
