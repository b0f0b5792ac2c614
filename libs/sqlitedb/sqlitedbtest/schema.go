package sqlitedbtest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Schema makes files that have the schema of today and nothing in it: copies of one. To run all
// steps of a schema takes a third of a second with the race detector, and hundreds of tests need a
// file. It is safe for concurrent use.
type Schema struct {
	// Open makes a file, and returns what closes it.
	Open func(ctx context.Context, path string) (io.Closer, error)

	once sync.Once
	data []byte
}

// Make writes a file, unless there is one.
func (s *Schema) Make(t testing.TB, path string) {
	t.Helper()
	s.once.Do(func() {
		first := filepath.Join(t.TempDir(), "first.db")
		store, err := s.Open(t.Context(), first)
		if err == nil {
			err = store.Close()
		}
		if err == nil {
			s.data, err = os.ReadFile(first)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if s.data == nil {
		t.Fatal("another test could not make the file that is copied")
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return
	}
	if err == nil {
		_, err = f.Write(s.data)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}
