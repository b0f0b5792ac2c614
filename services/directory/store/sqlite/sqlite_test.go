package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

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

// TestUpgrade opens what earlier releases have written: see the files in testdata, and docs/stores.md on how to make one.
func TestUpgrade(t *testing.T) {
	files, err := filepath.Glob("testdata/schema-*.db")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no files of earlier releases", err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "store.db")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := openAt(t, path).Close(); err != nil { // what is opened again has had all steps
				t.Fatal(err)
			}
			storetest.Verify(t, openAt(t, path))
		})
	}
}

// TestMakeUpgrade writes the file of this release for TestUpgrade to the path in HUBBUB_MAKE_FIXTURE.
func TestMakeUpgrade(t *testing.T) {
	path := os.Getenv("HUBBUB_MAKE_FIXTURE")
	if path == "" {
		path = filepath.Join(t.TempDir(), "store.db")
	}
	s, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Fill(t, s)
	storetest.Verify(t, s)
	if _, err := s.Write.ExecContext(t.Context(), "VACUUM"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
