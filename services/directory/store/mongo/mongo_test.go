package mongo

import (
	"testing"

	"go.uber.org/goleak"

	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/storetest"
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

// TestStore runs the whole suite on either server: no case of it needs concurrent updates of one document.
func TestStore(t *testing.T) {
	urls := map[store.Store]string{}
	storetest.Run(t,
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
