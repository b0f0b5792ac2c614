package sqlitedb

import (
	"path/filepath"
	"strings"
	"testing"
)

func init() { Function("shout", strings.ToUpper) }

func TestFunction(t *testing.T) {
	d := filled(t, filepath.Join(t.TempDir(), "things.db"))
	var got string
	if err := d.Read.QueryRowContext(t.Context(), `SELECT shout('hello')`).Scan(&got); err != nil || got != "HELLO" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{`SELECT shout(5)`, `SELECT shout(NULL)`} {
		if err := d.Read.QueryRowContext(t.Context(), bad).Scan(&got); err == nil || !strings.Contains(err.Error(), "shout takes a text") {
			t.Errorf("%s: %q, %v", bad, got, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a second function has the name")
		}
	}()
	Function("shout", strings.ToLower)
}
