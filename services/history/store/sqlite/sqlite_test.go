package sqlite

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"hubbub.internal/services/history/store"
	"hubbub.internal/services/history/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openAt(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	paths := map[store.Store]string{}
	storetest.Run(t, storetest.Options{},
		func(t *testing.T) store.Store {
			path := filepath.Join(t.TempDir(), "with space?", "history.db")
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
