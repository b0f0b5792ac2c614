package history

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

// TestQuotes: messages are found by their names as they are now, stored or not.
func TestQuotes(t *testing.T) {
	w := open(t)
	w.access.Store("bob r1", true)
	ask := func(names ...quoteName) string {
		t.Helper()
		body, err := json.Marshal(map[string]any{"messages": names})
		if err != nil {
			t.Fatal(err)
		}
		status, answer := w.http(http.MethodPost, "/v1/rooms/r1/quotes", "bob", string(body))
		var got struct{ Quotes []quote }
		if status != http.StatusOK || json.Unmarshal([]byte(answer), &got) != nil {
			t.Fatalf("%v: %d %s", names, status, answer)
		}
		var all []string
		for _, q := range got.Quotes {
			all = append(all, fmt.Sprintf("%s/%s %s %q %v %v", q.User, q.ID, q.Name, q.Text, q.EditedTS > 0, q.Deleted))
		}
		return strings.Join(all, ", ")
	}
	check := func() {
		t.Helper()
		all := ask(quoteName{"eve", "same"}, quoteName{"ann", "same"}, quoteName{"ann", "long"}, quoteName{"ann", "gone"}, quoteName{"ann", "none"}, quoteName{"ann", "same"})
		want := fmt.Sprintf(`ann/same ann "new" true false, eve/same eve "other" false false, ann/long ann %q false false, ann/gone ann "" false true`, strings.Repeat("ü", quoteText))
		is(t, "quotes", all, want)
		is(t, "quotes without an author", ask(quoteName{ID: "same"}, quoteName{ID: "none"}), `ann/same ann "new" true false`)
		is(t, "quotes by both names", ask(quoteName{ID: "same"}, quoteName{"ann", "same"}, quoteName{ID: "same"}), `ann/same ann "new" true false`)
		is(t, "quotes of what is no message", ask(quoteName{"ann", "e1"}), "")
	}
	w.store.down.Store(true)
	w.store.readers.Store(true)
	w.say("r1", "ann", "same", "old")
	w.say("r1", "eve", "same", "other")
	w.say("r1", "ann", "long", strings.Repeat("ü", 500))
	w.say("r1", "ann", "gone", "secret")
	w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", Name: "ann", ID: "e1", Target: "same", Author: "ann", Text: "new"})
	last := w.event(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", Name: "ann", ID: "d1", Target: "gone", Author: "ann"})
	check()
	w.store.down.Store(false)
	w.stored("r1", last)
	check()
	for body, status := range map[string]int{
		`{"messages":[]}`:               http.StatusUnprocessableEntity,
		`{}`:                            http.StatusUnprocessableEntity,
		`{"messages":[{"id":"a b"}]}`:   http.StatusBadRequest,
		`{"messages":[{"user":"ann"}]}`: http.StatusUnprocessableEntity,
		`{"messages":[` + strings.Repeat(`{"id":"m"},`, maxQuotes) + `{"id":"m"}]}`: http.StatusUnprocessableEntity,
	} {
		if got, answer := w.http(http.MethodPost, "/v1/rooms/r1/quotes", "bob", body); got != status {
			t.Errorf("%.60s: %d %s, want %d", body, got, answer, status)
		}
	}
	for user, status := range map[string]int{"": http.StatusUnauthorized, "zed": http.StatusForbidden} {
		if got, answer := w.http(http.MethodPost, "/v1/rooms/r1/quotes", user, `{"messages":[{"id":"same"}]}`); got != status {
			t.Errorf("by %q: %d %s, want %d", user, got, answer, status)
		}
	}
	w.resets("r1")
	is(t, "quotes from before a reset", ask(quoteName{"ann", "same"}, quoteName{ID: "long"}), "")
}

// TestQuotesSayWhomTheyMention as soon as that is known, and before that nothing.
func TestQuotesSayWhomTheyMention(t *testing.T) {
	w := open(t)
	p := w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}, down: true})
	w.joins("r1", "bob", "bob")
	ask := func() []quote {
		t.Helper()
		all, err := w.quotes.list(t.Context(), quotesRequest{"bob", "r1", []quoteName{{ID: "m1"}, {ID: "m2"}, {ID: "m3"}}})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	w.say("r1", "ann", "m1", "@bob and @nobody")
	w.say("r1", "ann", "m2", "hello")
	w.stored("r1", w.say("r1", "ann", "m3", "@nobody"))
	all := ask()
	if all[0].Mentions != nil || all[2].Mentions != nil {
		t.Errorf("before it is known: %+v", all)
	}
	is(t, "what mentions nobody", all[1].Mentions, []string{})
	p.set(func() { p.down = false })
	w.eventually("it is known", func() bool { all = ask(); return all[0].Mentions != nil && all[2].Mentions != nil })
	is(t, "who is mentioned", all[0].Mentions, []string{"bob"})
	is(t, "how", all[0].Names, []string{"bob"})
	is(t, "nobody", all[2].Mentions, []string{})
	w.store.down.Store(true)
	w.store.readers.Store(true)
	if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", ID: "e1", User: "ann", Target: "m1", Author: "ann", Text: "@bob!"}); code != "" {
		t.Fatal(code)
	}
	if all = ask(); all[0].Mentions != nil || all[0].Text != "@bob!" {
		t.Errorf("edited in the log's tail: %+v", all[0])
	}
}

// TestMentionInAThread: a page by mention names the thread of an answer that the room leaves out.
func TestMentionInAThread(t *testing.T) {
	w := open(t)
	w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
	w.joins("r1", "bob", "bob")
	root := chat.Thread{Author: "ann", ID: "m1"}
	w.say("r1", "ann", "m1", "root")
	a1 := w.answer("ann", "a1", root)
	a2 := w.answer("ann", "a2", chat.Thread{Author: "ann", ID: "a1"}, func(e *chat.Event) { e.Text = "@bob" })
	a3 := w.answer("ann", "a3", root, shownInRoom, func(e *chat.Event) { e.Text = "@bob" })
	w.eventually("both are resolved", func() bool { return w.inboxNow("bob")["r1"].Mentions == 2 })
	page := w.page(historyapi.PageRequest{User: "bob", Room: "r1", Mention: a1})
	if page.Found != a2 || page.FoundIn == nil || *page.FoundIn != root || idsOf(page.Messages) != "m1 a3" {
		t.Errorf("of the thread alone: %+v, %+v", page.Found, page.FoundIn)
	}
	if page = w.page(historyapi.PageRequest{User: "bob", Room: "r1", Mention: a2}); page.Found != a3 || page.FoundIn != nil {
		t.Errorf("of what the room shows: %+v, %+v", page.Found, page.FoundIn)
	}
}

// TestPagesByTimeAndMention: a page is found by a time, and by the next mention of who asks.
func TestPagesByTimeAndMention(t *testing.T) {
	w := open(t)
	w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
	w.joins("r1", "bob", "bob")
	var seqs []uint64
	w.clock.Store(100)
	for i := range 9 {
		text := fmt.Sprint(i)
		if i%3 == 0 {
			text += ",@bob"
		}
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), text))
		w.clock.Add(9) // at 101, 111, 121 …
	}
	check := func(reqs map[historyapi.PageRequest]string) {
		t.Helper()
		for req, want := range reqs {
			req.Room, req.User, req.Limit = "r1", "bob", 2
			p := w.page(req)
			if got := texts(p); got != want {
				t.Errorf("%+v: %q, want %q", req, got, want)
			}
			if req.Limit = 1; len(p.Messages) > 0 && p.Found != p.Messages[0].Seq {
				t.Errorf("%+v: found %d, want %d", req, p.Found, p.Messages[0].Seq)
			}
		}
	}
	times := map[historyapi.PageRequest]string{
		{At: 1}: "0,@bob 1", {At: 101}: "0,@bob 1", {At: 102}: "1 2", {At: 111}: "1 2", {At: 150}: "5 6,@bob", {At: 181}: "8", {At: 182}: "8", {At: 1 << 52}: "8",
	}
	check(times)
	w.stored("r1", seqs[8])
	check(times)
	w.inboxNow("bob") // mentions are resolved
	check(map[historyapi.PageRequest]string{
		{Mention: 1}: "0,@bob 1", {Mention: seqs[0]}: "3,@bob 4", {Mention: seqs[2]}: "3,@bob 4", {Mention: seqs[5]}: "6,@bob 7", {Mention: seqs[6]}: "",
	})
	if got := w.page(historyapi.PageRequest{Room: "none", User: "bob", At: 5}); len(got.Messages) > 0 {
		t.Errorf("of an empty room: %+v", got)
	}
	for _, req := range []historyapi.PageRequest{{At: -1}, {At: 1, Before: 1}, {Mention: 1 << 53}, {Mention: 1, Around: 1}} {
		req.Room, req.User = "r1", "bob"
		if _, err := w.api.Page(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

// TestNextMentionLeavesOutTheHidden: the jump to the next mention passes over those of people whom
// the user blocks or ignores, as the count of mentions does.
func TestNextMentionLeavesOutTheHidden(t *testing.T) {
	w := open(t)
	w.people(&people{
		names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}, hidden: map[string][]string{"bob": {"eve"}},
	})
	w.joins("r1", "bob", "bob")
	w.say("r1", "eve", "m1", "@bob")
	wanted := w.say("r1", "ann", "m2", "@bob")
	last := w.say("r1", "eve", "m3", "@bob")
	w.stored("r1", last)
	w.inboxNow("bob") // mentions are resolved
	for after, want := range map[uint64]uint64{1: wanted, wanted: 0} {
		if p := w.page(historyapi.PageRequest{Room: "r1", User: "bob", Mention: after}); p.Found != want {
			t.Errorf("after %d the mention at %d is found, want %d", after, p.Found, want)
		}
	}
}
