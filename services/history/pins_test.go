package history

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

func mayPinHere(r *historyapi.ApplyRequest) { r.Pin, r.Moderator = true, true }

// pin has ann's message pinned, or with on false unpinned, by a user.
func (w *world) pin(user, id, target string, on bool) (uint64, string) {
	w.t.Helper()
	return w.do(chat.Event{Type: chat.TypePinned, Room: "r1", User: user, Name: strings.ToUpper(user), ID: id, Target: target, Author: "ann", On: on}, mayPinHere)
}

// listed is a room's list of pins, as "text by user" each.
func (w *world) listed(req historyapi.PinsRequest) string {
	w.t.Helper()
	req.Room, req.User = "r1", "ann"
	out, err := w.pins.list(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, p := range out.Pins {
		all = append(all, fmt.Sprint(p.Message.Text, " by ", p.User))
		if p.Name != strings.ToUpper(p.User) || p.TS == 0 || p.Seq == 0 || !p.Message.Pinned || p.Message.PinnedBy != p.User || p.Message.PinnedTS != p.TS {
			w.t.Errorf("a pin is %+v", p)
		}
	}
	if out.More {
		all = append(all, "more")
	}
	return strings.Join(all, ", ")
}

// TestPinsSayWhoAndWhen asks for the pins of a room while they are in the log alone, and again when
// they are stored.
func TestPinsSayWhoAndWhen(t *testing.T) {
	w := open(t)
	for i := range 4 {
		w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint("text", i))
	}
	first, _ := w.pin("bob", "p0", "m0", true)
	w.stored("r1", first)
	w.store.down.Store(true)
	w.store.readers.Store(true)
	second, _ := w.pin("eve", "p1", "m1", true)
	w.pin("eve", "p2", "m2", true)
	last, _ := w.pin("bob", "p3", "m3", true)
	for _, e := range []chat.Event{
		{Type: chat.TypePinned, ID: "p4", Target: "m2"},
		{Type: chat.TypeEdited, ID: "e1", User: "ann", Target: "m1", Text: "changed"},
	} {
		if e.User == "" {
			e.User = "bob"
		}
		e.Room, e.Author = "r1", "ann"
		if _, code := w.do(e, mayPinHere); code != "" {
			t.Fatal(code)
		}
	}
	end, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d1", Target: "m3", Author: "ann"})
	if code != "" {
		t.Fatal(code)
	}
	check := func(what string) {
		t.Helper()
		for _, tt := range []struct {
			req  historyapi.PinsRequest
			want string
		}{
			{historyapi.PinsRequest{}, "changed by eve, text0 by bob"},
			{historyapi.PinsRequest{Limit: 1}, "changed by eve, more"},
			{historyapi.PinsRequest{Before: second}, "text0 by bob"},
			{historyapi.PinsRequest{Before: first}, ""},
		} {
			if got := w.listed(tt.req); got != tt.want {
				t.Errorf("%s: %+v lists %q, want %q", what, tt.req, got, tt.want)
			}
		}
		page := w.page(historyapi.PageRequest{Room: "r1"})
		if m := page.Messages[0]; !m.Pinned || m.PinnedBy != "bob" || m.PinnedTS == 0 {
			t.Errorf("%s: the page has %+v", what, m)
		}
		for _, m := range page.Messages[2:] {
			if m.Pinned || m.PinnedBy != "" || m.PinnedTS != 0 {
				t.Errorf("%s: the page has %+v", what, m)
			}
		}
	}
	check("from the log")
	w.store.down.Store(false)
	w.stored("r1", end)
	check("from the record")
	// What was deleted leaves the list of the store, too.
	w.eventually("the pin of a deleted message is past", func() bool {
		kept, err := w.store.Pins(t.Context(), "r1", bus.MaxSeq, 10)
		return err == nil && len(kept) == 2 && kept[0].Seq < last
	})
}

// TestPinsOfPinned: what is pinned stays pinned by who did it first.
func TestPinsOfPinned(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m0", "text")
	first, _ := w.pin("bob", "p0", "m0", true)
	again, code := w.pin("eve", "p1", "m0", true)
	if code != "" || again != first {
		t.Errorf("pinned at %d, and again at %d, %s", first, again, code)
	}
	if got := w.listed(historyapi.PinsRequest{}); got != "text by bob" {
		t.Errorf("the list is %q", got)
	}
	if _, code := w.pin("eve", "p2", "m0", false); code != "" {
		t.Error(code)
	}
	if seq, code := w.pin("eve", "p3", "m0", true); code != "" || seq <= first {
		t.Errorf("after it was unpinned it is pinned at %d, %s", seq, code)
	}
	if got := w.listed(historyapi.PinsRequest{}); got != "text by eve" {
		t.Errorf("the list is %q", got)
	}
}

// TestPinsAreBounded fills a room with pins.
func TestPinsAreBounded(t *testing.T) {
	w := open(t)
	var last uint64
	for i := range store.MaxPins + 1 {
		w.say("r1", "ann", fmt.Sprint("m", i), "text")
		last = w.event(chat.Event{Type: chat.TypePinned, Room: "r1", User: "bob", Name: "BOB", ID: fmt.Sprint("p", i), Target: fmt.Sprint("m", i), Author: "ann", On: i < store.MaxPins})
	}
	w.stored("r1", last)
	extra := fmt.Sprint("m", store.MaxPins)
	if _, code := w.pin("bob", "x1", extra, true); code != chat.CodeTooMany {
		t.Errorf("one more pin: %q", code)
	}
	if _, code := w.pin("bob", "x2", "m7", true); code != "" {
		t.Errorf("what is pinned already: %q", code)
	}
	if _, code := w.pin("bob", "x3", "m7", false); code != "" {
		t.Error(code)
	}
	if _, code := w.pin("bob", "x4", extra, true); code != "" {
		t.Errorf("after one was unpinned: %q", code)
	}
	if _, code := w.pin("bob", "x5", "m7", true); code != chat.CodeTooMany {
		t.Errorf("one more again: %q", code)
	}
}

// TestPinsOfRemoved removes a pinned message, as retention does, from a room that has as many pins
// as it can have: its pin goes with it and does not count.
func TestPinsOfRemoved(t *testing.T) {
	w := open(t)
	first := w.say("r1", "ann", "m0", "text")
	for i := range store.MaxPins {
		w.say("r1", "ann", fmt.Sprint("m", i+1), "text")
	}
	var last uint64
	for i := range store.MaxPins {
		last = w.event(chat.Event{Type: chat.TypePinned, Room: "r1", User: "bob", Name: "BOB", ID: fmt.Sprint("p", i), Target: fmt.Sprint("m", i), Author: "ann", On: true})
	}
	w.stored("r1", last)
	extra := fmt.Sprint("m", store.MaxPins)
	if _, code := w.pin("bob", "x1", extra, true); code != chat.CodeTooMany {
		t.Errorf("one more pin: %q", code)
	}
	if n, err := w.store.RemoveThrough(t.Context(), "r1", first, 10); err != nil || n != 1 {
		t.Fatalf("removed %d entries, %v", n, err)
	}
	if _, code := w.pin("bob", "x2", extra, true); code != "" {
		t.Errorf("after a pinned message was removed: %q", code)
	}
	if _, code := w.pin("bob", "x3", "m1", false); code != "" {
		t.Error(code)
	}
	if out, err := w.pins.list(t.Context(), historyapi.PinsRequest{Room: "r1", User: "ann", Limit: historyapi.MaxPins}); err != nil || len(out.Pins) != historyapi.MaxPins || !out.More {
		t.Errorf("a list: %d pins, more %v, %v", len(out.Pins), out.More, err)
	}
}

func TestPinsOverHTTP(t *testing.T) {
	w := open(t)
	w.access.Store("ann r1", true)
	w.say("r1", "ann", "m0", "text")
	w.pin("bob", "p0", "m0", true)
	get := func(user, query string) (int, string) {
		token, err := auth.Sign(w.key, "k", auth.Claims{User: user, Name: user, Session: "s-" + user, Issued: time.Now(), Expires: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/v1/rooms/r1/pins"+query, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		return rec.Code, rec.Body.String()
	}
	if status, body := get("ann", ""); status != http.StatusOK || !strings.Contains(body, `"user":"bob"`) || !strings.Contains(body, `"text":"text"`) {
		t.Errorf("%d %s", status, body)
	}
	for query, want := range map[string]int{"?limit=101": 400, "?limit=-1": 400, "?before=9007199254740993": 400, "?before=x": 422} {
		if status, body := get("ann", query); status != want {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if status, body := get("eve", ""); status != http.StatusForbidden {
		t.Errorf("who may not read: %d %s", status, body)
	}
}

// TestPinsOfTheTail: those that are in the log alone come in their order, and those from before a
// reset not at all.
func TestPinsOfTheTail(t *testing.T) {
	w := open(t)
	for i := range 8 {
		w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint("text", i))
	}
	w.store.down.Store(true)
	w.store.readers.Store(true)
	want := ""
	for i := range 8 {
		if _, code := w.pin("bob", fmt.Sprint("p", i), fmt.Sprint("m", i), true); code != "" {
			t.Fatal(code)
		}
		want = strings.TrimSuffix(fmt.Sprintf("text%d by bob, %s", i, want), ", ")
	}
	if got := w.listed(historyapi.PinsRequest{}); got != want {
		t.Errorf("listed are %q", got)
	}
	w.resets("r1")
	if got := w.listed(historyapi.PinsRequest{}); got != "" {
		t.Errorf("after a reset %q are listed", got)
	}
}

// TestPinsAtOnce: however many are pinned at the same time, a room has no more than it can have.
func TestPinsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		for i := range store.MaxPins + 5 {
			w.say("r1", "ann", fmt.Sprint("m", i), "x")
		}
		var last uint64
		for i := range store.MaxPins - 1 {
			last = w.event(chat.Event{Type: chat.TypePinned, Room: "r1", User: "bob", ID: fmt.Sprint("p", i), Target: fmt.Sprint("m", i), Author: "ann", On: true})
		}
		w.stored("r1", last)
		w.store.counting = func() { time.Sleep(time.Second) } // for all others to come as far
		var all sync.WaitGroup
		var done atomic.Int32
		for i := range 5 {
			all.Go(func() {
				id := fmt.Sprint("m", store.MaxPins+i)
				_, err := w.changes.apply(t.Context(), historyapi.ApplyRequest{
					Event: chat.Event{Type: chat.TypePinned, Room: "r1", User: "bob", ID: "p" + id, Target: id, Author: "ann", On: true, TS: 1}, Pin: true,
				})
				switch {
				case err == nil:
					done.Add(1)
				case chat.CodeOf(err) != chat.CodeTooMany:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := done.Load(); got != 1 {
			t.Errorf("%d were pinned where one had room", got)
		}
	})
}
