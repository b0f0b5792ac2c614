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
	s, err := Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestStore runs the whole suite on either server: no case of it needs concurrent updates of one
// document.
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

func TestAtOnce(t *testing.T) {
	if mongotest.Real() {
		storetest.AtOnce(t, openAt(t, mongotest.URL(t)))
	}
}

// TestUpgrade opens what earlier releases have written.
func TestUpgrade(t *testing.T) {
	mongotest.Upgrades(t, func(t *testing.T, url string, version int) {
		if err := openAt(t, url).Close(); err != nil { // what is opened again has had all steps
			t.Fatal(err)
		}
		storetest.Verify(t, openAt(t, url), storetest.SampleOf(version, 17))
	})
}

// TestCollections holds that a backup copies every collection that the store uses.
func TestCollections(t *testing.T) {
	s := openAt(t, mongotest.URL(t)).(*Store)
	storetest.Fill(t, s)
	mongotest.Copied(t, s.db, Collections())
}

// TestMakeUpgrade writes the dump of this release for TestUpgrade.
func TestMakeUpgrade(t *testing.T) {
	url := mongotest.URL(t)
	storetest.Fill(t, openAt(t, url))
	path := mongotest.Fixture(t)
	mongotest.Dump(t, url, path)
	again := mongotest.URL(t)
	mongotest.Load(t, again, path)
	storetest.Verify(t, openAt(t, again), storetest.Whole)
}
