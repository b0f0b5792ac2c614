package directory

import (
	"fmt"
	"strings"
	"testing"

	"hubbub.internal/libs/chat"
)

func TestPreferences(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	read := func(u credentials) (p preferences) {
		t.Helper()
		w.ok("GET", "/v1/preferences", u.Token, "", &p)
		return p
	}
	if p := read(ann); p.Version != 0 || p.Values == nil || len(p.Values) != 0 {
		t.Errorf("of who has chosen nothing they are %+v", p)
	}
	var put preferences
	w.ok("PUT", "/v1/preferences", ann.Token, `{"version":0,"values":{"favourites":["lobby"],"newer":{"a":[1]}}}`, &put)
	if put.Version != 1 {
		t.Errorf("the first have version %d", put.Version)
	}
	if e := w.last(chat.UserRoom(ann.User.ID)); e.Type != chat.TypeChanged || e.Target != chat.ListPreferences {
		t.Errorf("the devices of who chooses were told %+v", e)
	}
	told := len(w.events(chat.UserRoom(ann.User.ID)))
	for _, tt := range []struct{ name, body, code string }{
		{"of a version before", `{"version":0,"values":{}}`, "conflict"},
		{"of a version to come", `{"version":2,"values":{}}`, "conflict"},
		{"of no version that there can be", `{"version":-1,"values":{}}`, "bad_request"},
		{"without values", `{"version":1}`, "bad_request"},
		{"which are no object", `{"version":1,"values":[1]}`, "bad_request"},
		{"which are nothing", `{"version":1,"values":null}`, "bad_request"},
		{"too long", fmt.Sprintf(`{"version":1,"values":{"a":%q}}`, strings.Repeat("x", maxPreferences)), "too_many"},
	} {
		if c := w.code(ann, "PUT", "/v1/preferences", tt.body); c != tt.code {
			t.Errorf("%s: code is %q, want %q", tt.name, c, tt.code)
		}
	}
	if n := len(w.events(chat.UserRoom(ann.User.ID))); n != told {
		t.Error("what was not changed was told")
	}
	if p := read(ann); p.Version != 1 || fmt.Sprint(p.Values) != "map[favourites:[lobby] newer:map[a:[1]]]" {
		t.Errorf("they are %+v", p)
	}
	var start startOutput
	w.ok("GET", "/v1/start", ann.Token, "", &start)
	if start.Preferences == nil || start.Preferences.Version != 1 {
		t.Errorf("at the start a client is told %+v", start.Preferences)
	}
	if p := read(bob); p.Version != 0 {
		t.Errorf("somebody else has %+v", p)
	}
	w.ok("PUT", "/v1/preferences", ann.Token, `{"version":1,"values":{}}`, nil)
	if p := read(ann); p.Version != 2 || len(p.Values) != 0 {
		t.Errorf("after another change they are %+v", p)
	}
	w.ok("POST", "/v1/me/delete", ann.Token, `{"password":"correct horse"}`, nil)
	w.eventually("they end with the account", func() bool {
		p, err := w.store.Preferences(t.Context(), ann.User.ID)
		return err == nil && p.Version == 0
	})
}
