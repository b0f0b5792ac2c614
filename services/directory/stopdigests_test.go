package directory

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestStopDigests ends digests by the link in one, which is good for its account and address alone.
func TestStopDigests(t *testing.T) {
	w, sink, _, ann := openAway(t)
	a, err := w.store.Account(t.Context(), ann.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	token, err := w.digests.stopToken(a)
	if err != nil {
		t.Fatal(err)
	}
	stop := func(token string) string {
		_, code := w.call("POST", "/v1/digests/stop?token="+token, "", "List-Unsubscribe=One-Click", nil, "Content-Type", "application/x-www-form-urlencoded")
		return code
	}
	bob := w.register("Bob")
	_, sum, _ := strings.Cut(token, ".")
	for _, bad := range []string{"x", ann.User.ID + ".", ann.User.ID + ".AAAA", bob.User.ID + "." + sum, token + "A", strings.Repeat("x", 200)} {
		if code := stop(bad); code != chat.CodeForbidden {
			t.Errorf("%q: %q", bad, code)
		}
	}
	w.ok("PUT", "/v1/preferences", ann.Token, `{"version":0,"values":{"favourites":["lobby"],"notify":{"level":"nothing"}}}`, nil)
	// Programs that look at links do not end anything.
	if status, _ := w.call("GET", "/v1/digests/stop?token="+token, "", "", nil); status != http.StatusNotFound {
		t.Errorf("GET is answered %d", status)
	}
	var p preferences
	if w.ok("GET", "/v1/preferences", ann.Token, "", &p); p.Version != 1 {
		t.Errorf("GET has changed the preferences: %+v", p)
	}
	for range 2 {
		if code := stop(token); code != "" {
			t.Fatalf("the link is answered %q", code)
		}
	}
	w.ok("GET", "/v1/preferences", ann.Token, "", &p)
	if got := fmt.Sprint(p.Values); got != "map[favourites:[lobby] notify:map[level:nothing mail:never]]" || p.Version != 2 {
		t.Errorf("then the preferences are %s, version %d", got, p.Version)
	}
	w.withMail(sink, ann, "another@example.org")
	if code := stop(token); code != chat.CodeForbidden {
		t.Errorf("the link in a letter to another address: %q", code)
	}
}

// TestStopIsChosenAgain: a device that changes the preferences meanwhile does not undo it.
func TestStopIsChosenAgain(t *testing.T) {
	w, _, _, ann := openAway(t)
	crossed := 0
	w.memory.Fail(func(call string, _ bool) error {
		if call == "PutPreferences" && crossed < 3 {
			crossed++
			return store.ErrConflict
		}
		return nil
	})
	if err := w.digests.chooseDigests(t.Context(), ann.User.ID, "never"); err != nil || crossed != 3 {
		t.Errorf("after %d crossings: %v", crossed, err)
	}
	w.memory.Fail(func(call string, _ bool) error {
		if call == "PutPreferences" {
			return store.ErrConflict
		}
		return nil
	})
	if err := w.digests.chooseDigests(t.Context(), ann.User.ID, "daily"); !errors.Is(err, errPreferencesChanged) {
		t.Errorf("if it is crossed for ever: %v", err)
	}
}
