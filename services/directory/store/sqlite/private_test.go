//go:build unix

package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"hubbub.internal/services/directory/store"
)

func TestNobodyElseReadsIt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "directory.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	if err := s.CreateUser(t.Context(), store.User{ID: "u1", NameKey: "ann"}); err != nil {
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
