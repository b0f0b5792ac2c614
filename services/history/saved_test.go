package history

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// request asks as a user, and decodes the answer into out, if there is one.
func (w *world) request(user, method, path string, out any) int {
	w.t.Helper()
	token, err := auth.Sign(w.key, "k", auth.Claims{User: user, Name: user, Session: "s-" + user, Issued: time.Now(), Expires: time.Now().Add(time.Minute)})
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	if rec.Code == http.StatusOK && out != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			w.t.Fatal(err)
		}
	}
	return rec.Code
}

// kept is what a user has saved, as "room: text" each.
func (w *world) kept(user, query string) string {
	w.t.Helper()
	var out historyapi.Saved
	if status := w.request(user, http.MethodGet, "/v1/saved"+query, &out); status != http.StatusOK {
		w.t.Fatal(status)
	}
	var all []string
	for _, m := range out.Saved {
		text := m.Message.Text
		if m.Message.Deleted {
			text = "gone"
		}
		all = append(all, m.Room+": "+text)
		if m.Author != m.Message.User || m.ID != m.Message.ID || m.TS == 0 {
			w.t.Errorf("a saved message is %+v", m)
		}
	}
	if out.More {
		all = append(all, "more")
	}
	return strings.Join(all, ", ")
}

// TestSaved saves messages for oneself, and looks at them as they are now.
func TestSaved(t *testing.T) {
	w := open(t)
	for _, room := range []string{"r1", "r2"} {
		w.access.Store("ann "+room, true)
		w.say(room, "bob", "m1", "one")
		w.say(room, "bob", "m2", "two")
	}
	for _, path := range []string{"r1/bob/m1", "r2/bob/m2", "r1/bob/m2", "r2/bob/m2"} {
		if status := w.request("ann", http.MethodPut, "/v1/saved/"+path, nil); status != http.StatusNoContent {
			t.Fatal(path, status)
		}
	}
	if got := w.kept("ann", ""); got != "r1: two, r2: two, r1: one" {
		t.Errorf("saved are %s", got)
	}
	if got := w.kept("ann", "?limit=2"); got != "r1: two, r2: two, more" {
		t.Errorf("of a page are %s", got)
	}
	if got := w.kept("eve", ""); got != "" {
		t.Errorf("another's are %s", got)
	}
	// All devices are told.
	got, err := w.bus.Replay(t.Context(), chat.UserRoom("ann"), bus.Position{}, 100)
	if err != nil || len(got.Entries) != 3 || !strings.Contains(string(got.Entries[0].Data), `"target":"saved"`) {
		t.Errorf("her devices were told %v, %v", got.Entries, err)
	}
	for _, e := range []chat.Event{
		{Type: chat.TypeEdited, ID: "e1", Target: "m1", Text: "changed"}, {Type: chat.TypeDeleted, ID: "d1", Target: "m2"},
	} {
		e.Room, e.User, e.Author = "r1", "bob", "bob"
		if _, code := w.do(e); code != "" {
			t.Fatal(code)
		}
	}
	if got := w.kept("ann", ""); got != "r1: gone, r2: two, r1: changed" {
		t.Errorf("as they are now: %s", got)
	}
	if status := w.request("ann", http.MethodDelete, "/v1/saved/r1/bob/m2", nil); status != http.StatusNoContent {
		t.Error(status)
	}
	if n := w.changesTold("ann", chat.ListSaved); n != 4 {
		t.Errorf("her devices were told %d times", n)
	}
	var names struct{ Names []historyapi.SavedName }
	if status := w.request("ann", http.MethodGet, "/v1/saved/names", &names); status != http.StatusOK || len(names.Names) != 2 || names.Names[0].Room != "r2" || names.Names[0].ID != "m2" {
		t.Errorf("%d, %+v", status, names)
	}
	mine, err := w.api.Mine(t.Context(), historyapi.MineRequest{User: "ann"})
	if err != nil || len(mine.Saved) != 2 {
		t.Errorf("what she takes along has %+v, %v", mine.Saved, err)
	}
	for path, want := range map[string]int{"r1/bob/none": 404, "r1/bob/m2": 404, "r3/bob/m1": 403, "r1/b%20b/m1": 400} {
		if status := w.request("ann", http.MethodPut, "/v1/saved/"+path, nil); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	if status := w.request("ann", http.MethodGet, "/v1/saved?limit=101", nil); status != 400 {
		t.Error(status)
	}
	if err := w.api.Unsave(t.Context(), "ann"); err != nil || w.kept("ann", "") != "" {
		t.Errorf("when she is gone: %v, %s", err, w.kept("ann", ""))
	}
}

// TestSavedOfOtherRooms: what somebody may not read any more is not shown.
func TestSavedOfOtherRooms(t *testing.T) {
	w := open(t)
	for _, room := range []string{"r1", "r2"} {
		w.say(room, "bob", "m1", "one")
		if err := w.saved.save(t.Context(), savedRequest{"ann", room, store.Name{Sender: "bob", ID: "m1"}}); err != nil {
			t.Fatal(err)
		}
	}
	w.access.Store("ann r1", true)
	if got := w.kept("ann", ""); got != "r1: one" {
		t.Errorf("saved are %s", got)
	}
}

// TestSavedAreBounded: a user has saved so many messages at most, and may remove some.
func TestSavedAreBounded(t *testing.T) {
	w := open(t)
	w.say("r1", "bob", "m1", "one")
	for i := range store.MaxSaved {
		if err := w.store.PutSaved(t.Context(), store.Saved{User: "ann", Room: "r1", Author: "bob", ID: fmt.Sprint("x", i), TS: int64(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	one := savedRequest{"ann", "r1", store.Name{Sender: "bob", ID: "m1"}}
	if err := w.saved.save(t.Context(), one); chat.CodeOf(err) != chat.CodeTooMany {
		t.Errorf("one more: %v", err)
	}
	if err := w.saved.drop(t.Context(), savedRequest{"ann", "r1", store.Name{Sender: "bob", ID: "x5"}}); err != nil {
		t.Error(err)
	}
	if err := w.saved.save(t.Context(), one); err != nil {
		t.Errorf("after one was removed: %v", err)
	}
}

// TestSavedInPages: a list has as many bytes as a page, and then there are more; what was saved in
// one millisecond is on one page or the next.
func TestSavedInPages(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.access.Store("ann r1", true)
		const n = 12
		for i := range n {
			w.say("r1", "bob", fmt.Sprint("m", i), strings.Repeat("x", 16<<10))
		}
		for i := range n { // in one millisecond: no time passes
			if err := w.saved.save(t.Context(), savedRequest{"ann", "r1", store.Name{Sender: "bob", ID: fmt.Sprint("m", i)}}); err != nil {
				t.Fatal(err)
			}
		}
		var pages []int
		seen := make(map[string]bool)
		for before := int64(0); len(pages) < n; {
			out, err := w.saved.list(t.Context(), savedList{"ann", before, 100})
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, len(out.Saved))
			for _, m := range out.Saved {
				seen[m.ID], before = true, m.TS
			}
			if !out.More {
				break
			}
		}
		if len(seen) != n || len(pages) != 2 || pages[0] > 1+store.PageBytes/(16<<10) {
			t.Errorf("%d of %d messages in pages of %v", len(seen), n, pages)
		}
	})
}
