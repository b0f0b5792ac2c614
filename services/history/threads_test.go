package history

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

// answer appends an answer in a thread of r1.
func (w *world) answer(user, id string, root chat.Thread, also ...func(*chat.Event)) uint64 {
	w.t.Helper()
	e := chat.Event{Type: chat.TypeMsg, Room: "r1", User: user, Name: user, ID: id, Text: "text of " + id, Thread: root}
	for _, change := range also {
		change(&e)
	}
	return w.event(e)
}

func shownInRoom(e *chat.Event) { e.Broadcast = true }

func idsOf(messages []chat.Message) string {
	var ids []string
	for _, m := range messages {
		ids = append(ids, m.ID)
	}
	return strings.Join(ids, " ")
}

// TestThreads asks for pages of a room and of a thread while the answers are in the log alone, and
// again when they are stored.
func TestThreads(t *testing.T) {
	w := open(t)
	root := chat.Thread{Author: "ann", ID: "m1"}
	w.say("r1", "ann", "m1", "root")
	last := w.say("r1", "bob", "m2", "beside")
	w.stored("r1", last)
	w.store.down.Store(true)
	w.store.readers.Store(true)
	a1 := w.answer("bob", "a1", root)
	a2 := w.answer("cyd", "a2", root, shownInRoom)
	a3 := w.answer("bob", "a3", chat.Thread{Author: "bob", ID: "a1"}) // an answer of an answer
	check := func(what string) {
		t.Helper()
		all := w.page(historyapi.PageRequest{Room: "r1", Around: 1, All: true})
		if ids := idsOf(all.Messages); ids != "m1 m2 a1 a2 a3" {
			t.Errorf("%s: all messages are %s", what, ids)
		}
		all = w.page(historyapi.PageRequest{Room: "r1", After: a1, Limit: 1, All: true})
		if ids := idsOf(all.Messages); ids != "a2" || !all.More {
			t.Errorf("%s: after the first answer come %s, %v", what, ids, all.More)
		}
		page := w.page(historyapi.PageRequest{Room: "r1"})
		if ids := idsOf(page.Messages); ids != "m1 m2 a2" {
			t.Errorf("%s: the room shows %s", what, ids)
		}
		r := page.Messages[0].Replies
		if r == nil || r.Count != 3 || r.Last != a3 || !slices.Equal(r.Users, []string{"bob", "cyd"}) || r.TS == 0 || r.More {
			t.Errorf("%s: the root says %+v", what, r)
		}
		if page.Messages[1].Replies != nil || page.Messages[2].Thread != root || !page.Messages[2].Broadcast {
			t.Errorf("%s: %+v", what, page.Messages[1:])
		}
		for _, tt := range []struct {
			req  historyapi.PageRequest
			want string
			more bool
		}{
			{historyapi.PageRequest{}, "a1 a2 a3", false},
			{historyapi.PageRequest{Limit: 2}, "a2 a3", true},
			{historyapi.PageRequest{Before: a3}, "a1 a2", false},
			{historyapi.PageRequest{After: a1}, "a2 a3", false},
			{historyapi.PageRequest{After: a1, Limit: 1}, "a2", true},
			{historyapi.PageRequest{Around: a2, Limit: 2}, "a2 a3", true},
		} {
			for _, thread := range []chat.Thread{root, {Author: "bob", ID: "a1"}, {Author: "bob", ID: "a3"}} {
				tt.req.Room, tt.req.Thread = "r1", thread
				page := w.page(tt.req)
				if ids := idsOf(page.Messages); ids != tt.want || page.More != tt.more || page.Root == nil || page.Root.ID != "m1" || page.Root.Replies.Count != 3 {
					t.Errorf("%s: %+v answers %s, %v, of %+v", what, tt.req, ids, page.More, page.Root)
				}
			}
		}
	}
	check("from the log")
	w.store.down.Store(false)
	w.stored("r1", a3)
	check("from the record")
}

// TestThreadsLoseAnswers deletes answers and the root.
func TestThreadsLoseAnswers(t *testing.T) {
	w := open(t)
	root := chat.Thread{Author: "ann", ID: "m1"}
	w.say("r1", "ann", "m1", "root")
	w.answer("bob", "a1", root)
	w.stored("r1", w.answer("cyd", "a2", root))
	replies := func() *chat.Replies {
		t.Helper()
		return w.page(historyapi.PageRequest{Room: "r1"}).Messages[0].Replies
	}
	w.store.down.Store(true)
	w.store.readers.Store(true)
	seq, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "cyd", ID: "d1", Target: "a2", Author: "cyd"})
	if code != "" {
		t.Fatal(code)
	}
	for _, stored := range []bool{false, true} {
		if stored {
			w.store.down.Store(false)
			w.stored("r1", seq)
		}
		if r := replies(); r == nil || r.Count != 1 {
			t.Errorf("stored %v: with one answer left the root says %+v", stored, r)
		}
		page := w.page(historyapi.PageRequest{Room: "r1", Thread: root})
		if len(page.Messages) != 2 || !page.Messages[1].Deleted || page.Messages[1].Text != "" {
			t.Errorf("stored %v: %+v", stored, page.Messages)
		}
	}
	if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "bob", ID: "e1", Target: "a1", Author: "bob", Text: "another"}); code != "" {
		t.Fatal(code)
	}
	seq, code = w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d2", Target: "m1", Author: "ann"})
	if code != "" {
		t.Fatal(code)
	}
	w.stored("r1", seq)
	page := w.page(historyapi.PageRequest{Room: "r1", Thread: root})
	if page.Root == nil || !page.Root.Deleted || page.Root.Replies.Count != 1 || page.Messages[0].Text != "another" {
		t.Errorf("the thread of a deleted root is %+v of %+v", page.Messages, page.Root)
	}
	// Also the answers of a user who is purged.
	if err := w.api.Purge(t.Context(), historyapi.PurgeRequest{ID: "p1", Room: "r1", User: "bob", Actor: "mod"}); err != nil {
		t.Fatal(err)
	}
	w.eventually("the answers of a user are purged", func() bool { return replies() == nil })
}

// TestThreadsWithoutRoots has threads of roots that are not there, or that are no roots.
func TestThreadsWithoutRoots(t *testing.T) {
	w := open(t)
	w.answer("bob", "a1", chat.Thread{Author: "ann", ID: "nothing"})
	w.answer("bob", "own", chat.Thread{Author: "bob", ID: "own"})
	// Two that name each other: the second is the root.
	w.answer("bob", "x", chat.Thread{Author: "cyd", ID: "y"})
	w.stored("r1", w.answer("cyd", "y", chat.Thread{Author: "bob", ID: "x"}))
	page := w.page(historyapi.PageRequest{Room: "r1", Thread: chat.Thread{Author: "ann", ID: "nothing"}})
	if idsOf(page.Messages) != "a1" || page.Root != nil {
		t.Errorf("a thread without a root is %+v", page)
	}
	page = w.page(historyapi.PageRequest{Room: "r1"})
	if ids := idsOf(page.Messages); ids != "own y" {
		t.Errorf("the room shows %s", ids)
	}
	page = w.page(historyapi.PageRequest{Room: "r1", Thread: chat.Thread{Author: "cyd", ID: "y"}})
	if idsOf(page.Messages) != "x" || page.Root == nil || page.Root.ID != "y" {
		t.Errorf("the thread of two that name each other is %+v", page)
	}
	page = w.page(historyapi.PageRequest{Room: "r1", Thread: chat.Thread{Author: "eve", ID: "z"}})
	if len(page.Messages) > 0 || page.Root != nil || page.More {
		t.Errorf("a thread that nobody began is %+v", page)
	}
	if _, err := w.api.Page(t.Context(), historyapi.PageRequest{Room: "r1", Thread: chat.Thread{Author: "a b", ID: "z"}}); chat.CodeOf(err) != chat.CodeBadRequest {
		t.Errorf("a thread whose author is no id: %v", err)
	}
}

// TestListsOfThreads lists a room's threads over HTTP, those that are in the log alone too.
func TestListsOfThreads(t *testing.T) {
	w := open(t)
	w.access.Store("ann r1", true)
	for i := range 3 {
		w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint("root ", i))
	}
	for _, i := range []int{1, 0} {
		w.answer("bob", fmt.Sprint("a", i), chat.Thread{Author: "ann", ID: fmt.Sprint("m", i)})
	}
	w.stored("r1", w.say("r1", "ann", "last", "last"))
	w.store.down.Store(true)
	w.store.readers.Store(true)
	w.answer("bob", "a2", chat.Thread{Author: "ann", ID: "m2"})
	w.answer("cyd", "a3", chat.Thread{Author: "ann", ID: "m1"})
	get := func(user, path string, out any) int {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		token, err := auth.Sign(w.key, "k", auth.Claims{User: user, Name: user, Session: "s-" + user, Issued: time.Now(), Expires: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		if rec.Code == http.StatusOK {
			if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
				t.Fatalf("%s: %s", path, rec.Body)
			}
		}
		return rec.Code
	}
	list := func(path string) (string, historyapi.Threads) {
		t.Helper()
		var out historyapi.Threads
		if code := get("ann", path, &out); code != http.StatusOK {
			t.Fatalf("%s: %d", path, code)
		}
		var all []string
		for _, thread := range out.Threads {
			all = append(all, fmt.Sprint(thread.ID, ":", thread.Replies.Count, ":", thread.Root.Text))
		}
		return strings.Join(all, ", "), out
	}
	check := func() {
		t.Helper()
		const first, rest = "m1:2:root 1", "m2:1:root 2, m0:1:root 0"
		if got, out := list("/v1/rooms/r1/threads"); got != first+", "+rest || out.More {
			t.Errorf("the threads are %s, %v", got, out.More)
		}
		got, out := list("/v1/rooms/r1/threads?limit=1")
		if got != first || !out.More {
			t.Errorf("the first thread is %s, %v", got, out.More)
		}
		if got, out := list(fmt.Sprint("/v1/rooms/r1/threads?before=", out.Threads[0].Replies.Last)); got != rest || out.More {
			t.Errorf("the next threads are %s, %v", got, out.More)
		}
		var page historyapi.Page
		if code := get("ann", "/v1/rooms/r1/threads/ann/m1?limit=1", &page); code != http.StatusOK || idsOf(page.Messages) != "a3" || !page.More || page.Root.Text != "root 1" {
			t.Errorf("a page of a thread: %d, %+v", code, page)
		}
	}
	check()
	w.store.down.Store(false)
	w.eventually("it is stored", func() bool {
		all, err := w.store.Threads(t.Context(), "r1", everything, 10)
		return err == nil && len(all) == 3 && all[0].Count == 2
	})
	check()
	var out historyapi.Threads
	for path, want := range map[string]int{
		"/v1/rooms/r1/threads?limit=101": http.StatusBadRequest, "/v1/rooms/r1/threads?before=9007199254740993": http.StatusBadRequest,
		"/v1/rooms/_x/threads": http.StatusForbidden, "/v1/rooms/r2/threads": http.StatusForbidden, "/v1/rooms/r2/threads/ann/m1": http.StatusForbidden,
		"/v1/rooms/r1/threads/ann/m1?before=1&after=1": http.StatusBadRequest,
	} {
		if code := get("ann", path, &out); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	// A room that is forgotten has no threads.
	if err := w.api.Forget(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	w.eventually("its threads are gone", func() bool {
		all, err := w.store.Threads(t.Context(), "r1", everything, 10)
		return err == nil && len(all) == 0
	})
}

// TestSearchFindsAnswers finds answers that only their thread shows, by words and as what they are.
func TestSearchFindsAnswers(t *testing.T) {
	w := searched(t)
	root := chat.Thread{Author: "ann", ID: "m1"}
	w.say("r1", "ann", "m1", "pears and plums")
	w.answer("bob", "pears", root)
	w.answer("bob", "more", root, shownInRoom)
	w.findsSoon("r1 text of pears[[8 13]]", "is:thread pears")
	w.findsSoon("r1 pears and plums[[0 5]]", "pears -is:thread")
	if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "bob", ID: "e1", Target: "pears", Author: "bob", Text: "apples"}); code != "" {
		t.Fatal(code)
	}
	w.findsSoon("r1 apples[[0 6]]", "is:thread apples")
}
