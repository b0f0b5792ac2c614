package history

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// threadsNow are the threads of a user's inbox: their roots, and how much is new.
func (w *world) threadsNow(user string) string {
	w.t.Helper()
	got, err := w.api.Inbox(w.t.Context(), historyapi.InboxRequest{User: user})
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, thread := range got.Threads {
		all = append(all, fmt.Sprintf("%s/%s %d from %d", thread.Room, thread.ID, thread.Unread, thread.FirstUnread))
	}
	return strings.Join(all, ", ")
}

// threadsAre holds that the threads of a user's inbox are these: an inbox waits for what was said
// just before, but not for long.
func (w *world) threadsAre(what, user, want string) {
	w.t.Helper()
	got := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if got = w.threadsNow(user); got == want {
			return
		}
	}
	w.t.Fatalf("%s: the threads of %s are %q, want %q", what, user, got, want)
}

// changesTold counts how often a user's devices were told that a list is another.
func (w *world) changesTold(user, list string) (n int) {
	w.t.Helper()
	r, err := w.bus.Replay(w.t.Context(), chat.UserRoom(user), bus.Position{}, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range r.Entries {
		if event, err := chat.DecodeEntry(e.Data, e.Seq, e.Prev); err == nil && event.Type == chat.TypeChanged && event.Target == list {
			n++
		}
	}
	return n
}

// TestThreadsAreFollowed by the author of the root, by who answers, and by who is mentioned in
// them; each has a position.
func TestThreadsAreFollowed(t *testing.T) {
	w := open(t)
	p := w.people(&people{names: []string{"ann", "bob", "cyd", "dan"}, rooms: map[string][]directoryapi.Membership{}})
	for _, user := range []string{"ann", "bob", "cyd", "dan", "eve"} {
		p.rooms[user] = in(0, "r1", "r2")
		w.joins("r1", user, user)
	}
	root := chat.Thread{Author: "ann", ID: "m1"}
	w.say("r1", "ann", "m1", "root")
	a1 := w.answer("bob", "a1", root)
	a2 := w.answer("cyd", "a2", chat.Thread{Author: "bob", ID: "a1"}, func(e *chat.Event) { e.Text = "@dan look" })
	w.threadsAre("who sent the root", "ann", fmt.Sprintf("r1/m1 2 from %d", a1))
	w.threadsAre("who answered", "bob", fmt.Sprintf("r1/m1 1 from %d", a2))
	w.threadsAre("who answered last", "cyd", "")
	w.threadsAre("who was mentioned", "dan", fmt.Sprintf("r1/m1 1 from %d", a2))
	w.threadsAre("somebody else", "eve", "")
	// An answer that the room does not show is not unread there, unless it mentions the user.
	is(t, "unread in the room", []int{w.inboxNow("bob")["r1"].Unread, w.inboxNow("dan")["r1"].Unread}, []int{1, 2})
	// Who answers has read what was before.
	a3 := w.answer("ann", "a3", root)
	w.threadsAre("after an answer", "ann", "")
	w.threadsAre("the others", "bob", fmt.Sprintf("r1/m1 2 from %d", a2))
	// Of those who are hidden nothing is new.
	p.set(func() { p.hidden = map[string][]string{"bob": {"cyd", "ann"}} })
	w.threadsAre("hidden", "bob", "")
	p.set(func() { p.hidden = nil })
	// Nor in rooms that the user is in no more.
	p.set(func() { p.rooms["bob"] = in(0, "r2") })
	w.threadsAre("left", "bob", "")
	p.set(func() { p.rooms["bob"] = in(0, "r1") })
	// A deleted answer is not new.
	if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "cyd", ID: "d1", Target: "a2", Author: "cyd"}); code != "" {
		t.Fatal(code)
	}
	w.threadsAre("deleted", "bob", fmt.Sprintf("r1/m1 1 from %d", a3))
	// Everything is read.
	if err := w.api.Mark(t.Context(), historyapi.MarkRequest{User: "bob"}); err != nil {
		t.Fatal(err)
	}
	w.threadsAre("read", "bob", "")
}

// TestEndOfAThreadInTheTail: of answers that are in the log alone the last is where a thread ends,
// and the devices of whoever follows it then are told.
func TestEndOfAThreadInTheTail(t *testing.T) {
	w := open(t)
	w.store.down.Store(true)
	w.store.readers.Store(true)
	root := chat.Thread{Author: "ann", ID: "m1"}
	w.say("r1", "ann", "m1", "root")
	w.answer("bob", "a1", root)
	end := w.answer("ann", "a2", root)
	if err := w.follows.put(t.Context(), "eve", "r1", store.Name{Sender: "ann", ID: "m1"}, true); err != nil {
		t.Fatal(err)
	}
	if f, err := w.follows.of(t.Context(), "eve", "r1", store.Name{Sender: "ann", ID: "m1"}); err != nil || !f.Following || f.Read != end {
		t.Errorf("followed from %+v on, %v; the end is %d", f, err, end)
	}
	if n := w.changesTold("eve", chat.ListThreads); n != 1 {
		t.Errorf("her devices were told %d times", n)
	}
}

// TestFollowingIsChosen: a thread can be followed, and no more, and that stays; it can be read.
func TestFollowingIsChosen(t *testing.T) {
	w := open(t)
	w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1"), "eve": in(0, "r1")}})
	for _, user := range []string{"bob", "eve"} {
		w.joins("r1", user, user)
		w.access.Store(user+" r1", true)
	}
	root := chat.Thread{Author: "ann", ID: "m1"}
	w.say("r1", "ann", "m1", "root")
	a1 := w.answer("bob", "a1", root)
	w.stored("r1", a1)
	const path = "/v1/rooms/r1/threads/ann/m1/"
	ask := func(user, method, path, body string, want int) string {
		t.Helper()
		status, answer := w.http(method, path, user, body)
		if status != want {
			t.Errorf("%s %s: %d %s", method, path, status, answer)
		}
		return answer
	}
	state := func(user string, following bool, read uint64) {
		t.Helper()
		want := fmt.Sprintf(`{"room":"r1","author":"ann","id":"m1","following":%v,"read":%d}`, following, read)
		is(t, "state of "+user, strings.TrimSpace(ask(user, http.MethodGet, path+"follow", "", http.StatusOK)), want)
	}
	state("eve", false, 0)
	// It may be named by an answer.
	ask("eve", http.MethodPut, "/v1/rooms/r1/threads/bob/a1/follow", "", http.StatusNoContent)
	state("eve", true, a1)
	a2 := w.answer("ann", "a2", root)
	w.threadsAre("followed", "eve", fmt.Sprintf("r1/m1 1 from %d", a2))
	ask("bob", http.MethodDelete, path+"follow", "", http.StatusNoContent)
	state("bob", false, a2)
	w.answer("ann", "a3", root, func(e *chat.Event) { e.Text = "@bob" })
	a4 := w.answer("bob", "a4", root)
	a5 := w.answer("ann", "a5", root)
	w.threadsAre("followed no more", "bob", "")
	state("bob", false, a4)
	if all := ask("bob", http.MethodGet, "/v1/follows", "", http.StatusOK); !strings.Contains(all, fmt.Sprintf(`{"threads":[{"room":"r1","author":"ann","id":"m1","following":false,"read":%d}]}`, a4)) {
		t.Errorf("follows: %s", all)
	}
	// Reading on, never back, and told once each time that it moves.
	told := w.changesTold("eve", chat.ListThreads)
	ask("eve", http.MethodPost, path+"read", fmt.Sprintf(`{"seq":%d}`, a4), http.StatusNoContent)
	ask("eve", http.MethodPost, path+"read", fmt.Sprintf(`{"seq":%d}`, a2), http.StatusNoContent)
	w.threadsAre("read in part", "eve", fmt.Sprintf("r1/m1 1 from %d", a5))
	ask("eve", http.MethodPost, path+"read", `{}`, http.StatusNoContent)
	w.threadsAre("read", "eve", "")
	is(t, "told", w.changesTold("eve", chat.ListThreads)-told, 2)
	ask("bob", http.MethodPost, path+"read", `{}`, http.StatusNoContent) // who does not follow it
	// What is not there, and what is not the user's.
	for _, bad := range []string{"/v1/rooms/r1/threads/ann/none/", "/v1/rooms/r1/threads/ann/a%20b/", "/v1/rooms/r2/threads/ann/m1/"} {
		want := map[bool]int{true: http.StatusNotFound, false: http.StatusBadRequest}[strings.Contains(bad, "none")]
		if strings.Contains(bad, "r2") {
			want = http.StatusForbidden
		}
		ask("eve", http.MethodGet, bad+"follow", "", want)
		ask("eve", http.MethodPut, bad+"follow", "", want)
		ask("eve", http.MethodDelete, bad+"follow", "", want)
		ask("eve", http.MethodPost, bad+"read", "{}", want)
	}
	ask("", http.MethodPut, path+"follow", "", http.StatusUnauthorized)
	ask("eve", http.MethodPost, path+"read", `{"seq":9007199254740993}`, http.StatusBadRequest)
	// A room that is gone leaves nothing.
	if err := w.store.RemoveFollows(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	state("eve", false, 0)
}

// TestListOfFollowedThreads has those with something new first, in pages.
func TestListOfFollowedThreads(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"ann": in(0, "r1"), "bob": in(0, "r1")}})
	var last uint64
	for i := range 6 {
		id := fmt.Sprint("m", i)
		w.say("r1", "ann", id, "root "+id)
		last = w.answer("bob", "a"+id, chat.Thread{Author: "ann", ID: id})
	}
	w.stored("r1", last)
	for _, i := range []int{1, 4} {
		w.eventually("it is followed, and read", func() bool {
			moved, err := w.store.ReadThread(t.Context(), "ann", "r1", store.Name{Sender: "ann", ID: fmt.Sprint("m", i)}, last, 1)
			return err == nil && moved
		})
	}
	list := func(req historyapi.FollowedRequest) (ids []string) {
		t.Helper()
		for req.User = "ann"; ; {
			got, err := w.follows.page(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, thread := range got.Threads {
				if thread.Root.Text != "root "+thread.ID || thread.Latest.ID != "a"+thread.ID || thread.Replies.Count != 1 {
					t.Errorf("%+v", thread)
				}
				ids = append(ids, thread.ID)
			}
			if req.Cursor = got.Next; got.Next == "" {
				return ids
			}
		}
	}
	for _, limit := range []int{1, 2, 4, 100} {
		is(t, "all", list(historyapi.FollowedRequest{Limit: limit}), []string{"m5", "m3", "m2", "m0", "m4", "m1"})
		is(t, "new", list(historyapi.FollowedRequest{Limit: limit, Unread: true}), []string{"m5", "m3", "m2", "m0"})
	}
	// A deleted root, and one that the record never had.
	if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d1", Target: "m5", Author: "ann"}); code != "" {
		t.Fatal(code)
	}
	seq := w.answer("bob", "lost", chat.Thread{Author: "ann", ID: "none"})
	w.stored("r1", seq)
	w.eventually("the deletion is stored", func() bool {
		got, err := w.follows.page(t.Context(), historyapi.FollowedRequest{User: "ann"})
		return err == nil && got.Threads[0].ID == "none" && got.Threads[0].Root == nil && got.Threads[1].ID == "m5" && got.Threads[1].Root.Deleted && got.Threads[1].Root.Text == ""
	})
	for _, req := range []historyapi.FollowedRequest{{Cursor: "x"}, {Cursor: "false~x~r1~ann~m1"}, {Cursor: "maybe~1~r1~ann~m1"}, {Cursor: "false~1~r 1~ann~m1"}, {Limit: 101}, {Limit: -1}} {
		req.User = "ann"
		if _, err := w.follows.page(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
	if status, body := w.http(http.MethodGet, "/v1/threads?unread=true&limit=1", "ann", ""); status != http.StatusOK || !strings.Contains(body, `"id":"none"`) {
		t.Errorf("over HTTP: %d %s", status, body)
	}
}

// TestInboxHasSoManyThreads, and says that there are more.
func TestInboxHasSoManyThreads(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"ann": in(0, "r1")}})
	w.joins("r1", "ann", "ann")
	for i := range historyapi.MaxInboxThreads + 1 {
		id := fmt.Sprint("m", i)
		w.say("r1", "ann", id, "root")
		w.answer("bob", "a"+id, chat.Thread{Author: "ann", ID: id})
	}
	w.eventually("so many threads are there, and more", func() bool {
		got, err := w.api.Inbox(t.Context(), historyapi.InboxRequest{User: "ann"})
		return err == nil && len(got.Threads) == historyapi.MaxInboxThreads && got.MoreThreads && got.Threads[0].ID == "m50"
	})
	for _, req := range []historyapi.InboxRequest{{User: "ann", Room: "r1"}, {User: "ann", Next: "r0"}} {
		if got, err := w.api.Inbox(t.Context(), req); err != nil || got.Threads != nil || len(got.Rooms) != 1 {
			t.Errorf("%+v: %d threads, %v", req, len(got.Threads), err)
		}
	}
}
