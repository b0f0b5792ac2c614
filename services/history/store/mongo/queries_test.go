package mongo

import (
	"testing"

	"hubbub.internal/libs/failtest"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/history/store"
)

// unserved are the methods that ask for what no index has as it is, and why that is well.
var unserved = map[string]string{
	"About":         "what is about some messages, by lists of targets and authors, is put in order by the server: there is a limit",
	"Messages":      "messages by their names are at most those of a page; the server looks at the type of each and puts them in order",
	"RootsOf":       "as Messages",
	"Erase":         "as Messages, and edits of one message, of which there is a limit",
	"Namesakes":     "those who chose one id in a room are few",
	"MessagesOf":    "a user's entries in a room that are no messages are passed over",
	"Find":          "there is one",
	"KeepOriginal":  "as Find",
	"Versions":      "the message, as Find; its edits are a range of an index",
	"Pins":          "pins that are past are passed over: moderators alone pin",
	"DropHeld":      "what no hold is about is looked for when one is lifted, in what is held alone",
	"RemoveEntries": "where there are holds: what is about messages by their names, as Messages",
	"OpenJobs":      "jobs that are not done are few",
	"JobsSince":     "jobs of the last weeks are few",

	"Search":      "ranges of (room, terms, seq, _id), so many that the server merges them in the order of the sort; other terms are looked at in what is found",
	"Completions": "words that begin so are sorted by the server: there is a limit",
	"NextMention": "mentions by who asks, and by those whom they hide, are passed over",
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
		if err != nil {
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
