package history

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// searched is a world in which ann is in r1 and r2, and whose directory knows her, bob and the
// rooms.
func searched(t *testing.T) *world {
	t.Helper()
	w := open(t)
	w.searchers()
	return w
}

func (w *world) searchers() {
	w.t.Helper()
	w.people(&people{rooms: map[string][]directoryapi.Membership{"ann": {{Room: "r1"}, {Room: "r2"}}}, names: []string{"ann", "bob"}})
	for _, room := range []string{"r1", "r2"} {
		w.access.Store("ann "+room, true)
	}
	lookup, err := api.Handle(w.t.Context(), w.bus, directoryapi.ServiceLookup, nil, func(_ context.Context, r directoryapi.LookupRequest) (directoryapi.Lookup, error) {
		out := directoryapi.Lookup{Users: map[string]string{}, Rooms: map[string][]string{}}
		for _, name := range r.Users {
			if name = strings.ToLower(name); name == "ann" || name == "bob" {
				out.Users[r.Users[0]] = name
			}
		}
		for _, name := range r.Rooms {
			if id, ok := map[string]string{"One": "r1", "Two": "r2", "Three": "r3"}[name]; ok {
				out.Rooms[name] = []string{id}
			}
		}
		return out, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(lookup.Stop)
}

func (w *world) found(query string, change ...func(*historyapi.SearchRequest)) (historyapi.Found, error) {
	w.t.Helper()
	req := historyapi.SearchRequest{User: "ann", Query: query}
	for _, c := range change {
		c(&req)
	}
	return w.api.Search(w.t.Context(), req)
}

// finds returns the texts that a search finds, with room and highlights.
func (w *world) finds(query string, change ...func(*historyapi.SearchRequest)) string {
	w.t.Helper()
	out, err := w.found(query, change...)
	if err != nil {
		return chat.CodeOf(err)
	}
	var all []string
	for _, r := range out.Results {
		all = append(all, fmt.Sprintf("%s %s%v", r.Room, r.Message.Text, r.Highlights))
	}
	return strings.Join(all, "; ")
}

func (w *world) findsSoon(want, query string) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		got := w.finds(query)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s finds %q, and not %q", query, got, want)
		}
	}
}

func TestSearch(t *testing.T) {
	w := searched(t)
	w.say("r1", "ann", "m1", "hello world")
	w.say("r2", "bob", "m1", "Hello from İstanbul https://x.y")
	w.say("r3", "bob", "m2", "hello secret")
	w.stored("r1", w.say("r1", "bob", "m3", "hello big world"))
	w.stored("r3", w.say("r3", "bob", "m4", "end"))
	w.stored("r2", w.say("r2", "bob", "m5", "end"))
	for _, tt := range []struct{ query, want string }{
		{"hello", "r1 hello big world[[0 5]]; r2 Hello from İstanbul https://x.y[[0 5]]; r1 hello world[[0 5]]"},
		{`"hello world"`, "r1 hello world[[0 11]]"},
		{"hello -big", "r2 Hello from İstanbul https://x.y[[0 5]]; r1 hello world[[0 5]]"},
		{"istan", "r2 Hello from İstanbul https://x.y[[11 19]]"},
		{"from:ANN hello", "r1 hello world[[0 5]]"},
		{"-from:bob hello", "r1 hello world[[0 5]]"},
		{"in:Two hello", "r2 Hello from İstanbul https://x.y[[0 5]]"},
		{"has:link", "r2 Hello from İstanbul https://x.y[]"},
		{"has:file", ""},
		{"before:1971 hello", "r1 hello big world[[0 5]]; r2 Hello from İstanbul https://x.y[[0 5]]; r1 hello world[[0 5]]"},
		{"after:1970 hello", ""},
		{"secret", ""},
		{"in:Three hello", chat.CodeForbidden},
		{"in:nowhere hello", chat.CodeBadRequest},
		{"from:zoe hello", chat.CodeBadRequest},
		{"...", chat.CodeBadRequest},
	} {
		if got := w.finds(tt.query); got != tt.want {
			t.Errorf("%s finds %q, want %q", tt.query, got, tt.want)
		}
	}
	for name, change := range map[string]func(*historyapi.SearchRequest){
		"room":   func(r *historyapi.SearchRequest) { r.Room = "r3" },
		"sort":   func(r *historyapi.SearchRequest) { r.Sort = "old" },
		"zone":   func(r *historyapi.SearchRequest) { r.Zone = "../../etc/passwd" },
		"limit":  func(r *historyapi.SearchRequest) { r.Limit = 51 },
		"cursor": func(r *historyapi.SearchRequest) { r.Cursor = "elsewhere" },
		"user":   func(r *historyapi.SearchRequest) { r.User = "a b" },
	} {
		if got := w.finds("hello", change); got != chat.CodeBadRequest && (name != "room" || got != chat.CodeForbidden) {
			t.Errorf("with a bad %s: %q", name, got)
		}
	}
	if got := w.finds("hello", func(r *historyapi.SearchRequest) { r.Room = "r2" }); !strings.HasPrefix(got, "r2 ") || strings.Contains(got, ";") {
		t.Errorf("in one room: %q", got)
	}
	// A room that is taken from her is searched no more, with no question to the index.
	w.stop()
	again, _ := start(t, w.bus, w.store)
	again.access.Store("ann r1", true)
	if got := again.finds("istan"); got != "" {
		t.Errorf("in a room that she may not read: %q", got)
	}
}

// TestSearchSeesChanges: what a message said before is found no more as soon as that is stored, and
// what it says now is.
func TestSearchSeesChanges(t *testing.T) {
	w := searched(t)
	w.stored("r1", w.say("r1", "ann", "m1", "first words"))
	w.findsSoon("r1 first words[[6 11]]", "words")
	edit := w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e1", Target: "m1", Author: "ann", Text: "other words"})
	w.stored("r1", edit)
	if got := w.finds("first"); got != "" {
		t.Errorf("a text that was replaced is found: %q", got)
	}
	w.findsSoon("r1 other words[[0 5]]", "other")
	w.event(chat.Event{Type: chat.TypePinned, Room: "r1", User: "bob", ID: "p1", Target: "m1", Author: "ann", On: true})
	w.findsSoon("r1 other words[]", "is:pinned")
	w.stored("r1", w.event(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d1", Target: "m1", Author: "ann"}))
	for _, query := range []string{"other", "words", "first", "is:pinned", "from:ann"} {
		if got := w.finds(query); got != "" {
			t.Errorf("%s: a text that was deleted is found: %q", query, got)
		}
	}
	w.eventually("it has left the index", func() bool {
		found, err := w.store.Search(t.Context(), store.Search{Rooms: []string{"r1"}, All: [][]string{{"words"}}, Limit: 9})
		return err == nil && len(found.Entries) == 0
	})
	// A room that is removed takes its messages along.
	w.stored("r2", w.say("r2", "ann", "m1", "words"))
	w.findsSoon("r2 words[[0 5]]", "words")
	if err := w.api.Forget(t.Context(), "r2"); err != nil {
		t.Fatal(err)
	}
	w.findsSoon("", "words")
}

// TestSearchDoesNotShowWhatIsStale: the index may be behind the messages, and no answer is.
func TestSearchDoesNotShowWhatIsStale(t *testing.T) {
	w := searched(t)
	last := w.say("r1", "ann", "m1", "secret words")
	w.stored("r1", w.event(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d1", Target: "m1", Author: "ann"}))
	w.eventually("it has left the index", func() bool {
		found, err := w.store.Search(t.Context(), store.Search{Rooms: []string{"r1"}, All: [][]string{{"words"}}, Limit: 9})
		return err == nil && len(found.Entries) == 0
	})
	if err := w.store.PutTerms(t.Context(), []store.Terms{{Room: "r1", Seq: last, Name: store.Name{Sender: "ann", ID: "m1"}, Through: everything, Terms: []string{"secret", "words", store.FromTerm("ann")}}}); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"secret", "from:ann"} {
		if got := w.finds(query); got != "" {
			t.Errorf("%s finds %q", query, got)
		}
	}
}

func TestSearchPages(t *testing.T) {
	w := searched(t)
	var want, last string
	var seq uint64
	for i := range 45 {
		room := []string{"r1", "r2"}[i%2]
		text := fmt.Sprint("word ", i)
		if i%9 == 0 {
			text = "word word " + text
		}
		seq = w.say(room, "ann", fmt.Sprint("m", i), text)
		want = text + " " + want
		w.stored(room, seq)
	}
	pages := func(change func(*historyapi.SearchRequest)) (texts []string, n int) {
		cursor := ""
		for {
			out, err := w.found("word", change, func(r *historyapi.SearchRequest) { r.Cursor, r.Limit = cursor, 10 })
			if err != nil {
				t.Fatal(err)
			}
			n++
			for _, r := range out.Results {
				texts = append(texts, r.Message.Text)
			}
			if cursor = out.Next; cursor == "" || n > 20 {
				return texts, n
			}
			last = cursor
		}
	}
	got, n := pages(func(*historyapi.SearchRequest) {})
	if strings.Join(got, " ")+" " != want || n != 5 {
		t.Errorf("%d pages: %q", n, got)
	}
	if code := w.finds("other", func(r *historyapi.SearchRequest) { r.Cursor = last }); code != chat.CodeBadRequest {
		t.Errorf("the cursor of another search: %q", code)
	}
	got, n = pages(func(r *historyapi.SearchRequest) { r.Sort = historyapi.SortBest })
	if len(got) != 45 || n != 5 || !strings.HasPrefix(got[0], "word word ") || !strings.HasPrefix(got[4], "word word ") || got[5] != "word 44" {
		t.Errorf("%d pages of the best: %q", n, got)
	}
	seen := map[string]bool{}
	for _, text := range got {
		seen[text] = true
	}
	if len(seen) != 45 {
		t.Errorf("%d of 45 are there", len(seen))
	}
}

// TestIndexingOfOldMessages: what was stored before there was an index is found in the end, also
// when the work was stopped, and a search says so until then.
func TestIndexingOfOldMessages(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "history.db"))
	server := membus.NewServer(membus.Options{})
	var entries []store.Entry
	for i := range uint64(2*indexBatch + 7) {
		e, err := entryOf(busEntry(t, chat.Event{Type: chat.TypeMsg, Room: []string{"r1", "r2"}[i%2], User: "ann", Name: "ann", ID: fmt.Sprint("m", i), TS: 1000, Text: fmt.Sprint("old ", i)}, i+1))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	edit, err := entryOf(busEntry(t, chat.Event{Type: chat.TypeEdited, Room: "r2", User: "ann", ID: "e1", Target: "m3", Author: "ann", TS: 1001, Text: "edited"}, 5000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), append(entries, edit)); err != nil {
		t.Fatal(err)
	}
	// Another process has begun, and was stopped.
	if err := s.SaveIndexing(t.Context(), store.Indexing{Version: 1, Room: "r1", Seq: 0}); err != nil {
		t.Fatal(err)
	}
	if mine, err := s.ClaimIndexing(t.Context(), time.Now().UnixMilli(), time.Now().Add(300*time.Millisecond).UnixMilli()); err != nil || !mine {
		t.Fatal(mine, err)
	}
	w, _ := start(t, connect(t, server), s)
	w.searchers()
	if out, err := w.found("nothing"); err != nil || !out.Building {
		t.Errorf("while it is built: %+v, %v", out, err)
	}
	w.eventuallyIn(60, "it is built", func() bool {
		out, err := w.found("nothing")
		return err == nil && !out.Building
	})
	for query, want := range map[string]string{"0": "r1 old 0[[4 5]]", "406 ": "r1 old 406[[4 7]]", "edited": "r2 edited[[0 6]]", `"old 3"`: ""} {
		if got := w.finds(query + " "); got != want {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
	}
	n, cursor := 0, ""
	for {
		out, err := w.found("old ", func(r *historyapi.SearchRequest) { r.Cursor, r.Limit = cursor, historyapi.MaxFound })
		if err != nil {
			t.Fatal(err)
		}
		if n, cursor = n+len(out.Results), out.Next; cursor == "" {
			break
		}
	}
	if n != len(entries)-1 {
		t.Errorf("%d of %d are found", n, len(entries)-1)
	}
}

func busEntry(t *testing.T, e chat.Event, seq uint64) bus.Entry {
	t.Helper()
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return bus.Entry{Room: e.Room, Seq: seq, Sender: e.User, ID: e.ID, Data: data}
}

// TestSearchOff: with the search off nothing is indexed, and all of it is when it is on again.
func TestSearchOff(t *testing.T) {
	w := searched(t)
	w.stored("r1", w.say("r1", "ann", "m1", "before"))
	w.findsSoon("r1 before[[0 6]]", "before")
	w.eventually("all is indexed", func() bool { i, err := w.store.Indexing(t.Context()); return err == nil && i.Current() })
	w.stop()
	off, err := New(Config{}, Deps{Bus: w.bus, Store: w.store, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	off.indexer.run(t.Context())
	if i, err := w.store.Indexing(t.Context()); err != nil || i.Current() {
		t.Errorf("the index is said to be whole: %+v, %v", i, err)
	}
	if _, err := off.searcher.search(t.Context(), historyapi.SearchRequest{User: "ann", Query: "x"}); chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("a search: %v", err)
	}
	e, err := entryOf(busEntry(t, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: "m2", TS: 1, Text: "meanwhile"}, 1<<50))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Append(t.Context(), []store.Entry{e}); err != nil {
		t.Fatal(err)
	}
	again, _ := start(t, w.bus, w.store)
	again.access.Store("ann r1", true)
	again.findsSoon("r1 meanwhile[[0 9]]", "meanwhile")
}

func TestSearchByHTTP(t *testing.T) {
	w := searched(t)
	w.stored("r1", w.say("r1", "ann", "m1", "hello world"))
	get := func(query string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/search?"+query, nil)
		token, err := auth.Sign(w.key, "k", auth.Claims{User: "ann", Name: "ann", Session: "s", Issued: time.Now(), Expires: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		return rec.Code, rec.Body.String()
	}
	w.findsSoon("r1 hello world[[0 5]]", "hello")
	code, body := get("q=hello&tz=Europe/Berlin&sort=best&limit=5&room=r1")
	var out historyapi.Found
	if err := json.Unmarshal([]byte(body), &out); err != nil || code != http.StatusOK || len(out.Results) != 1 || out.Results[0].Message.Text != "hello world" {
		t.Errorf("%d %s", code, body)
	}
	if diff := cmp.Diff([][2]int{{0, 5}}, out.Results[0].Highlights); diff != "" {
		t.Error(diff)
	}
	for query, want := range map[string]string{
		"q=" + strings.Repeat("a", 10<<10):                "at most 500 characters",
		"q=" + url.QueryEscape(strings.Repeat(`"`, 1000)): "at most 500 characters",
		"q=...":              "what is to be found",
		"q=x+before:1960":    "before 1970",
		"q=x&cursor=foreign": "cursor is the next",
		"q=x&room=r3":        "may not read",
		"q=x&sort=worst":     "",
		"q=colour:red":       "no filter colour:",
	} {
		if code, body := get(query); code < 400 || code >= 500 || !strings.Contains(body, want) {
			t.Errorf("%.40s: %d %s", query, code, body)
		}
	}
}
