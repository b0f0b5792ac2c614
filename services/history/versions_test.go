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

// edit has a user's message in r1 say something else, and returns the Seq of the edit.
func (w *world) edit(user, id, target, text string) uint64 {
	w.t.Helper()
	seq, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", User: user, Name: user, ID: id, Target: target, Author: user, Text: text})
	if code != "" {
		w.t.Fatalf("edit %s: %s", id, code)
	}
	return seq
}

// versionsOf is what the texts of a message in r1 were, or the code of the error.
func (w *world) versionsOf(req historyapi.VersionsRequest) string {
	w.t.Helper()
	req.Room = "r1"
	out, err := w.api.Versions(w.t.Context(), req)
	if err != nil {
		return chat.CodeOf(err)
	}
	var all []string
	for _, v := range out.Versions {
		if v.Text == "" != v.Lost || v.Seq == 0 || v.TS == 0 {
			w.t.Errorf("a version is %+v", v)
		}
		all = append(all, v.Text)
	}
	if out.More {
		all = append(all, "more")
	}
	if out.Hidden {
		all = append(all, "hidden")
	}
	return strings.Join(all, ", ")
}

// TestVersions asks for the versions of a message while its edits are in the log alone, and again
// when they are stored.
func TestVersions(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "one")
	w.say("r1", "eve", "m1", "another's")
	first := w.edit("ann", "e1", "m1", "two")
	w.stored("r1", first)
	w.store.down.Store(true)
	w.store.readers.Store(true)
	second := w.edit("ann", "e2", "m1", "three")
	w.edit("eve", "e1", "m1", "another's, edited")
	w.say("r1", "ann", "m2", "new")
	last := w.edit("ann", "e3", "m2", "newer")
	check := func(what string) {
		t.Helper()
		for _, tt := range []struct {
			req  historyapi.VersionsRequest
			want string
		}{
			{historyapi.VersionsRequest{Author: "ann", ID: "m1"}, "three, two, one"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Limit: 3}, "three, two, one"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Limit: 1}, "three, more"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Limit: 2}, "three, two, more"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Before: second, Limit: 1}, "two, more"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Before: first}, "one"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Since: chat.Forever}, "three, hidden"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Since: chat.Forever, Limit: 1}, "three, more"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Since: chat.Forever, Limit: 2}, "three, hidden"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Since: chat.Forever, Before: second}, "hidden"},
			{historyapi.VersionsRequest{Author: "eve", ID: "m1"}, "another's, edited, another's"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m2"}, "newer, new"},
			{historyapi.VersionsRequest{Author: "ann", ID: "none"}, "not_found"},
			{historyapi.VersionsRequest{Author: "ann", ID: "e1"}, "not_found"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m 1"}, "bad_request"},
			{historyapi.VersionsRequest{Author: "", ID: "m1"}, "bad_request"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Limit: 101}, "bad_request"},
			{historyapi.VersionsRequest{Author: "ann", ID: "m1", Before: 1 << 53}, "bad_request"},
		} {
			if got := w.versionsOf(tt.req); got != tt.want {
				t.Errorf("%s: %+v has %q, want %q", what, tt.req, got, tt.want)
			}
		}
		if page := w.page(historyapi.PageRequest{Room: "r1"}); texts(page) != "three another's, edited newer" {
			t.Errorf("%s: the page has %q", what, texts(page))
		}
	}
	check("from the log")
	w.store.down.Store(false)
	w.stored("r1", last)
	check("from the record")
	// Nobody else is given what an edit has replaced: neither what an edge catches up with nor the
	// list of rooms.
	w.eventually("the first text is a version only", func() bool {
		all, err := w.store.Messages(t.Context(), "r1", []store.Name{{Sender: "ann", ID: "m1"}})
		return err == nil && len(all) == 1 && !strings.Contains(string(all[0].Data), "one")
	})
	for _, e := range w.missed(historyapi.SinceRequest{Room: "r1", Limit: 100}).Entries {
		if data := string(e.Data); strings.Contains(data, "one") || strings.Contains(data, "two") {
			t.Errorf("an edge catches up with %s", data)
		}
	}
	check("when it is settled")
}

// TestVersionsGoWithTheMessage when it is deleted, and with the room when that is reset.
func TestVersionsGoWithTheMessage(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "secret one")
	w.say("r1", "ann", "m2", "kept one")
	w.edit("ann", "e1", "m1", "secret two")
	w.edit("ann", "e2", "m1", "public")
	w.stored("r1", w.edit("ann", "e3", "m2", "kept two"))
	gone, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d1", Target: "m1", Author: "ann"})
	if code != "" {
		t.Fatal(code)
	}
	if got := w.versionsOf(historyapi.VersionsRequest{Author: "ann", ID: "m1"}); got != "not_found" {
		t.Errorf("a message that was just deleted has %q", got)
	}
	w.stored("r1", gone)
	w.eventually("the versions are erased", func() bool {
		all, err := w.store.Versions(t.Context(), "r1", store.Name{Sender: "ann", ID: "m1"}, bus.MaxSeq, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if strings.Contains(string(e.Data), "secret") || strings.Contains(string(e.Data), "public") {
				return false
			}
		}
		return len(all) == 3
	})
	if got := w.versionsOf(historyapi.VersionsRequest{Author: "ann", ID: "m1"}); got != "not_found" {
		t.Errorf("a deleted message has %q", got)
	}
	w.event(chat.Event{Type: chat.TypeReset, Room: "r1", User: "directory", ID: "reset"})
	if got := w.versionsOf(historyapi.VersionsRequest{Author: "ann", ID: "m2"}); got != "not_found" {
		t.Errorf("from before a reset there is %q", got)
	}
	w.eventually("all is removed", func() bool {
		all, err := w.store.Versions(t.Context(), "r1", store.Name{Sender: "ann", ID: "m2"}, bus.MaxSeq, 10)
		return err == nil && len(all) == 0
	})
}

// TestVersionsOfEarlierReleases: a release that kept none has erased what edits replaced.
func TestVersionsOfEarlierReleases(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "one")
	w.edit("ann", "e1", "m1", "two")
	w.stored("r1", w.edit("ann", "e2", "m1", "three"))
	name := store.Name{Sender: "ann", ID: "m1"}
	w.eventually("it is settled", func() bool {
		all, err := w.store.Messages(t.Context(), "r1", []store.Name{name})
		return err == nil && len(all) == 1 && !strings.Contains(string(all[0].Data), "one")
	})
	_, err := w.store.Erase(t.Context(), "r1", name, func(e store.Entry) ([]byte, error) {
		if e.ID == "e2" {
			return e.Data, nil
		}
		return scrub(e)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.versionsOf(historyapi.VersionsRequest{Author: "ann", ID: "m1"}); got != "three, , " {
		t.Errorf("versions are %q", got)
	}
}

// TestVersionsAreBounded: an answer has as many bytes as a page, and then there are more.
func TestVersionsAreBounded(t *testing.T) {
	w := open(t)
	long := strings.Repeat("x", 16<<10)
	w.say("r1", "ann", "m1", long)
	for i := range 10 {
		w.edit("ann", fmt.Sprint("e", i), "m1", long+fmt.Sprint(i))
	}
	out, err := w.api.Versions(t.Context(), historyapi.VersionsRequest{Room: "r1", Author: "ann", ID: "m1", Limit: 100})
	if err != nil || !out.More || len(out.Versions) != store.PageBytes/(16<<10)-1 {
		t.Fatalf("%d versions, more: %v, %v", len(out.Versions), out.More, err)
	}
	rest, err := w.api.Versions(t.Context(), historyapi.VersionsRequest{Room: "r1", Author: "ann", ID: "m1", Limit: 100, Before: out.Versions[len(out.Versions)-1].Seq})
	if err != nil || rest.More || len(out.Versions)+len(rest.Versions) != 11 || rest.Versions[len(rest.Versions)-1].Text != long {
		t.Errorf("then %d versions, more: %v, %v", len(rest.Versions), rest.More, err)
	}
}

// TestVersionsOverHTTP: only who may read the room is answered, with what the room shows.
func TestVersionsOverHTTP(t *testing.T) {
	w := open(t)
	w.access.Store("ann r1", true)
	w.say("r1", "ann", "m1", "one")
	w.edit("ann", "e1", "m1", "two")
	get := func(user, path string) (status int, out historyapi.Versions) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		token, err := auth.Sign(w.key, "k", auth.Claims{User: user, Name: user, Session: "s", Issued: time.Now(), Expires: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s: %s", path, rec.Body)
		}
		return rec.Code, out
	}
	const path = "/v1/rooms/r1/versions/ann/m1"
	if status, out := get("ann", path); status != 200 || len(out.Versions) != 2 || out.Versions[1].Text != "one" || out.Hidden {
		t.Errorf("%d %+v", status, out)
	}
	if status, out := get("ann", path+"?limit=1"); status != 200 || len(out.Versions) != 1 || !out.More {
		t.Errorf("%d %+v", status, out)
	}
	for _, tt := range []struct {
		user, path string
		status     int
	}{{"bob", path, 403}, {"ann", "/v1/rooms/r2/versions/ann/m1", 403}, {"ann", "/v1/rooms/r1/versions/ann/m9", 404}, {"ann", path + "?limit=101", 400}} {
		if status, out := get(tt.user, tt.path); status != tt.status || len(out.Versions) > 0 {
			t.Errorf("%s as %s: %d %+v", tt.path, tt.user, status, out)
		}
	}
	w.since.Store("r1", int64(chat.Forever))
	if status, out := get("ann", path); status != 200 || len(out.Versions) != 1 || out.Versions[0].Text != "two" || !out.Hidden {
		t.Errorf("where the room shows none: %d %+v", status, out)
	}
	w.since.Store("r1", w.clock.Load())
	if status, out := get("ann", path); status != 200 || len(out.Versions) != 1 || !out.Hidden {
		t.Errorf("what was written before it shows them: %d %+v", status, out)
	}
	w.edit("ann", "e2", "m1", "three")
	if status, out := get("ann", path); status != 200 || len(out.Versions) != 2 || out.Versions[1].Text != "two" || !out.Hidden {
		t.Errorf("what was written since: %d %+v", status, out)
	}
}
