package directory

import (
	"net/url"
	"testing"
)

// TestNamesAreFoundByTheirParts: people and rooms are found by what is in their names, with accents
// or without.
func TestNamesAreFoundByTheirParts(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	w.register("les-mêmes")
	w.register("İstanbul")
	w.create(ann, `{"name":"Les mêmes"}`)
	for part, want := range map[string]string{"mem": "les-mêmes", "MÊM": "les-mêmes", "stanb": "İstanbul", "istan": "İstanbul"} {
		var found struct {
			Users []struct{ Name string }
		}
		w.ok("GET", "/v1/users?q="+url.QueryEscape(part), ann.Token, "", &found)
		if len(found.Users) != 1 || found.Users[0].Name != want {
			t.Errorf("%s finds %+v", part, found)
		}
	}
	var rooms browseOutput
	w.ok("GET", "/v1/public-rooms?q=mem", ann.Token, "", &rooms)
	if len(rooms.Rooms) != 1 || rooms.Rooms[0].Name != "Les mêmes" {
		t.Errorf("finds %+v", rooms)
	}
}
