//go:build unix

package sqlitedb

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNobodyElseReadsIt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "things.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), path, things, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Write.ExecContext(t.Context(), `INSERT INTO things VALUES ('a')`); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("files are %v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v, %v", f.Name(), info.Mode(), err)
		}
	}
}
