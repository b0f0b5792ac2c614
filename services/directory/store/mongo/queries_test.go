package mongo

import (
	"testing"

	"hubbub.internal/libs/failtest"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/storetest"
)

// unserved are the methods whose queries no index serves exactly, and why that is acceptable.
var unserved = map[string]string{
	"Acts":             "there is an index for each thing that acts are asked by, and the test asks by all of them at once",
	"DirectsOf":        "rooms of a user that are not direct, or are hidden, are passed over",
	"FindPublic":       "the place of a page is one of two; each of them has an index",
	"FindUsers":        "a part of a name is looked for in all names",
	"FreeLetters":      "few letters wait",
	"InvitationsTo":    "those that the user has declined are passed over",
	"Keys":             "there are few",
	"PublicRoomsAlike": "few names look alike",
	"RequestsOf":       "there are few from a user and to a user, and each of them has an index",
	"RequestsTo":       "those that the user has refused are passed over",
	"UsersAlike":       "few names look alike",
	"UsersLike":        "a part of a name is looked for in all names",
}

// TestQueriesHaveIndexes holds every query of every method against the indexes, and a real server
// says what it makes of it.
func TestQueriesHaveIndexes(t *testing.T) {
	url := mongotest.URL(t)
	proxy := mongotest.NewProxy(t, url)
	s := openAt(t, proxy.URL)
	indexes := make(map[string][][]string)
	for _, step := range steps {
		for _, index := range step.Indexes {
			indexes[index.Collection] = append(indexes[index.Collection], index.Fields)
		}
	}
	proxy.Queries()
	asked, left := 0, make(map[string]bool)
	failtest.Each[store.Store](t.Context(), t, s, func(method string, err error) {
		if err != nil && storetest.Away(err) {
			t.Errorf("%s: %v", method, err)
		}
		for _, q := range proxy.Queries() {
			asked++
			why := mongotest.Unserved(q, indexes[q.Collection])
			if _, known := unserved[method]; known && why != "" {
				left[method] = true
			} else if why != "" {
				t.Errorf("%s asks for %s: %s", method, q, why)
			} else {
				mongotest.Planned(t, url, q)
			}
		}
	})
	if asked < 15 || len(left) != len(unserved) {
		t.Errorf("of %d queries, those of %v have no index, and those of %v may have none", asked, left, unserved)
	}
}
