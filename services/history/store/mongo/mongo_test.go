package mongo

import (
	"testing"

	"go.uber.org/goleak"

	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/history/store"
	"hubbub.internal/services/history/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openAt(t *testing.T, url string) store.Store {
	t.Helper()
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestStore leaves out, on FerretDB, the case that needs concurrent updates of one document.
func TestStore(t *testing.T) {
	urls := map[store.Store]string{}
	storetest.Run(t, storetest.Options{LosesUpdates: !mongotest.Real()},
		func(t *testing.T) store.Store {
			url := mongotest.URL(t)
			s := openAt(t, url)
			urls[s] = url
			return s
		},
		func(t *testing.T, s store.Store) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return openAt(t, urls[s])
		})
}

func TestOpenFails(t *testing.T) {
	for _, url := range []string{"mongodb://", "redis://x", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"} {
		if s, err := Open(t.Context(), url); err == nil {
			_ = s.Close()
			t.Errorf("opened %s", url)
		}
	}
}
