package history

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

// people is a directory and a presence service that know what a test says. All users whose names
// are known are in all rooms.
type people struct {
	mu     sync.Mutex
	rooms  map[string][]directoryapi.Membership // by user
	hidden map[string][]string                  // by user
	names  []string                             // which are ids, too
	early  []string                             // are asked to come in, and not members yet
	all    bool                                 // everybody may mention all
	online []string
	down   bool
	asked  int
}

// people serves what other services answer history for inboxes.
func (w *world) people(p *people) *people {
	w.t.Helper()
	locked := func(f func() error) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked++
		if p.down {
			return errors.New("down")
		}
		return f()
	}
	memberships, err := api.Handle(w.t.Context(), w.bus, directoryapi.ServiceMemberships, nil,
		func(_ context.Context, r directoryapi.MembershipsRequest) (out directoryapi.Memberships, _ error) {
			return out, locked(func() error {
				out.Rooms, out.Hidden = slices.Clone(p.rooms[r.User]), p.hidden[r.User]
				slices.SortFunc(out.Rooms, func(a, b directoryapi.Membership) int { return strings.Compare(a.Room, b.Room) })
				return nil
			})
		})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(memberships.Stop)
	mentions, err := api.Handle(w.t.Context(), w.bus, directoryapi.ServiceMentions, nil,
		func(_ context.Context, r directoryapi.MentionsRequest) (out directoryapi.MentionsReply, _ error) {
			return out, locked(func() error {
				for _, t := range r.Texts {
					m := directoryapi.Mentioned{Users: map[string]string{}, All: p.all, Asked: p.early}
					for _, name := range t.Names {
						if slices.Contains(p.names, name) {
							m.Users[name] = name
						}
					}
					out.Texts = append(out.Texts, m)
				}
				return nil
			})
		})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(mentions.Stop)
	if p.online == nil {
		return p
	}
	who, err := api.Handle(w.t.Context(), w.bus, presence.ServiceWho, nil, func(context.Context, presence.WhoRequest) (out presence.Who, _ error) {
		return out, locked(func() error {
			for _, user := range p.online {
				out.Users = append(out.Users, presence.Person{User: user})
			}
			return nil
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(who.Stop)
	return p
}

func (p *people) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// in says in which rooms a user is, since a time of the world's clock.
func in(since int64, rooms ...string) (all []directoryapi.Membership) {
	for _, room := range rooms {
		all = append(all, directoryapi.Membership{Room: room, Since: since})
	}
	return all
}

// joins appends that a membership begins, as the directory does.
func (w *world) joins(room, actor, user string) uint64 {
	w.t.Helper()
	heads, err := w.bus.Heads(w.t.Context(), []string{room})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.event(chat.Event{
		Type: chat.TypeMember, Room: room, User: actor, ID: chat.NewID(), Member: user, Role: "member", From: max(heads[0].Seq, heads[0].Through, 1),
	})
}

// inboxNow returns a user's inbox, by room.
func (w *world) inboxNow(user string) map[string]chat.InboxRoom {
	w.t.Helper()
	got, err := w.api.Inbox(w.t.Context(), historyapi.InboxRequest{User: user})
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]chat.InboxRoom{}
	for _, room := range got.Rooms {
		all[room.Room] = room
	}
	return all
}

// news is what of a room is new: unread, mentions, and the seqs of the first of each.
func news(r chat.InboxRoom) []uint64 {
	return []uint64{uint64(r.Unread), uint64(r.Mentions), r.FirstUnread, r.FirstMention}
}

func is(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

// TestInboxOfAddedMember: whoever is added while away finds what was said since, the mention with
// it, on every device, at once after it was acknowledged.
func TestInboxOfAddedMember(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}, names: []string{"bob"}})
	w.say("r1", "ann", "m0", "before")
	w.joins("r1", "ann", "bob")
	first := w.say("r1", "ann", "m1", "welcome @bob")
	w.say("r1", "ann", "m2", "how are you?")
	last := w.say("r1", "ann", "m3", strings.Repeat("é", 300))
	got := w.inboxNow("bob")["r1"]
	is(t, "news", news(got), []uint64{3, 1, first, first})
	want := &chat.InboxLatest{Seq: last, ID: "m3", User: "ann", Name: "ann", TS: got.Last.TS, Text: strings.Repeat("é", 200)}
	is(t, "last", got.Last, want)
}

// TestInboxOfEmptyRoom: whoever joins an empty room finds what comes then, also on a device that
// was never there.
func TestInboxOfEmptyRoom(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}, names: []string{"bob"}})
	w.joins("r1", "bob", "bob")
	is(t, "an empty room", news(w.inboxNow("bob")["r1"]), []uint64{0, 0, 0, 0})
	first := w.say("r1", "ann", "m1", "hello")
	mention := w.say("r1", "ann", "m2", "@bob?")
	w.say("r1", "bob", "m3", "yes")
	w.say("r1", "ann", "m4", "good")
	is(t, "news", news(w.inboxNow("bob")["r1"]), []uint64{3, 1, first, mention})
}

// TestInboxOfManyMessages: of 120 unread messages the fourth mentions the user.
func TestInboxOfManyMessages(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}, names: []string{"bob"}})
	w.joins("r1", "bob", "bob")
	var seqs []uint64
	for i := range 120 {
		text := "hello"
		if i == 3 {
			text = "你好@bob请看"
		}
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), text))
	}
	got := w.inboxNow("bob")["r1"]
	is(t, "news", news(got), []uint64{99, 1, seqs[0], seqs[3]})
	if !got.More || got.Through != seqs[119] {
		t.Errorf("inbox is %+v", got)
	}
	p := w.page(historyapi.PageRequest{Room: "r1", Around: got.FirstUnread, Limit: 20})
	is(t, "mentions of the page", p.Messages[3].Mentions, []string{"bob"})
	is(t, "mentions of the others", p.Messages[4].Mentions, []string(nil))
}

// TestInboxOfManyRooms: 50 rooms that were joined before anything was said, and pages of them.
func TestInboxOfManyRooms(t *testing.T) {
	w := open(t)
	var rooms []string
	for i := range 50 {
		rooms = append(rooms, fmt.Sprintf("r%02d", i))
	}
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, rooms...)}})
	for _, room := range rooms {
		w.joins(room, "bob", "bob")
	}
	for _, room := range rooms {
		// So many at once may take longer than an inbox waits.
		w.stored(room, w.say(room, "ann", "m1", "hello"))
	}
	got := w.inboxNow("bob")
	for _, room := range rooms {
		if got[room].Unread != 1 {
			t.Errorf("%s has %+v", room, got[room])
		}
	}
	var paged []string
	for next := ""; ; {
		page, err := w.api.Inbox(t.Context(), historyapi.InboxRequest{User: "bob", Next: next, Limit: 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Rooms {
			paged = append(paged, r.Room)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	is(t, "rooms of all pages", paged, rooms)
	one, err := w.api.Inbox(t.Context(), historyapi.InboxRequest{User: "bob", Room: "r07"})
	if err != nil || len(one.Rooms) != 1 || one.Rooms[0].Room != "r07" {
		t.Errorf("one room: %+v, %v", one, err)
	}
	none, err := w.api.Inbox(t.Context(), historyapi.InboxRequest{User: "bob", Room: "else"})
	if err != nil || len(none.Rooms) != 0 {
		t.Errorf("a room that the user is not in: %+v, %v", none, err)
	}
	for _, bad := range []historyapi.InboxRequest{{User: "a b"}, {User: "bob", Limit: 501}, {User: "bob", Limit: -1}, {User: "bob", Next: "a b"}, {User: "bob", Room: "_control"}} {
		if _, err := w.api.Inbox(t.Context(), bad); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestInboxWithoutAnEntry: where no entry began the membership, what was sent before it by the
// clocks is read, and that is kept.
func TestInboxWithoutAnEntry(t *testing.T) {
	w := open(t)
	p := w.people(&people{rooms: map[string][]directoryapi.Membership{}})
	var seqs []uint64
	for i := range 40 {
		// at i + 1 by the clock
		seqs = append(seqs, w.say("lobby", "ann", fmt.Sprint("m", i), "hello"))
	}
	for user, tt := range map[string]struct {
		since int64
		first int
		n     uint64
	}{"u0": {0, 0, 40}, "u1": {1, 0, 40}, "u2": {2, 1, 39}, "u20": {20, 19, 21}, "u40": {40, 39, 1}, "u41": {41, 40, 0}} {
		p.set(func() { p.rooms[user] = in(tt.since, "lobby", "empty") })
		first := uint64(0)
		if tt.first < len(seqs) {
			first = seqs[tt.first]
		}
		for range 2 {
			got := w.inboxNow(user)
			is(t, user, news(got["lobby"]), []uint64{tt.n, 0, first, 0})
			is(t, user, news(got["empty"]), []uint64{0, 0, 0, 0})
			p.set(func() { p.rooms[user] = in(0, "lobby", "empty") }) // the position is kept now
		}
	}
	w.say("empty", "ann", "m1", "hello")
	is(t, "then", w.inboxNow("u41")["empty"].Unread, 1)
}

// TestInboxOfIgnored: what those say whom the user ignores is not new.
func TestInboxOfIgnored(t *testing.T) {
	w := open(t)
	w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}, hidden: map[string][]string{"bob": {"eve"}}})
	w.joins("r1", "bob", "bob")
	w.say("r1", "eve", "m1", "@bob")
	seq := w.say("r1", "ann", "m2", "@bob")
	is(t, "bob", news(w.inboxNow("bob")["r1"]), []uint64{1, 1, seq, seq})
}

// TestInboxOfEditedLast shows the text that the last message has now.
func TestInboxOfEditedLast(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
	w.say("r1", "ann", "m1", "first")
	if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", ID: "e1", User: "ann", Target: "m1", Author: "ann", Text: "second"}); code != "" {
		t.Fatal(code)
	}
	w.eventually("the new text", func() bool { last := w.inboxNow("bob")["r1"].Last; return last != nil && last.Text == "second" })
}

// TestInboxHTTP: the routes answer for who asks, and for rooms that the user may read.
func TestInboxHTTP(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
	w.access.Store("bob r1", true)
	w.joins("r1", "bob", "bob")
	seq := w.say("r1", "ann", "m1", "hello")
	w.eventually("it is new", func() bool {
		status, body := w.http(http.MethodGet, "/v1/inbox", "bob", "")
		return status == http.StatusOK && strings.Contains(body, `"unread":1`)
	})
	for _, tt := range []struct {
		method, path, user, body string
		status                   int
	}{
		{http.MethodPost, "/v1/rooms/r1/read", "bob", `{}`, http.StatusNoContent},
		{http.MethodPost, "/v1/rooms/r1/unread", "bob", fmt.Sprintf(`{"seq":%d}`, seq), http.StatusNoContent},
		{http.MethodPost, "/v1/read", "bob", ``, http.StatusNoContent},
		{http.MethodPost, "/v1/rooms/r1/unread", "bob", `{}`, http.StatusUnprocessableEntity},
		{http.MethodPost, "/v1/rooms/r2/unread", "bob", `{"seq":7}`, http.StatusForbidden},
		{http.MethodPost, "/v1/rooms/r2/read", "bob", `{}`, http.StatusForbidden},
		{http.MethodGet, "/v1/inbox?limit=501", "bob", ``, http.StatusBadRequest},
		{http.MethodGet, "/v1/inbox", "", ``, http.StatusUnauthorized},
		{http.MethodPost, "/v1/read", "", ``, http.StatusUnauthorized},
	} {
		if status, body := w.http(tt.method, tt.path, tt.user, tt.body); status != tt.status {
			t.Errorf("%s %s %s by %q: %d %s, want %d", tt.method, tt.path, tt.body, tt.user, status, body, tt.status)
		}
	}
	_, body := w.http(http.MethodGet, "/v1/inbox?room=r1", "bob", "")
	if !strings.Contains(body, `"unread":0`) {
		t.Errorf("inbox is %s", body)
	}
}

// http makes a request as a user, or as nobody.
func (w *world) http(method, path, user, body string) (status int, answer string) {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		token, err := auth.Sign(w.key, "k", auth.Claims{User: user, Name: user, Session: "s-" + user, Issued: time.Now(), Expires: time.Now().Add(time.Minute)})
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

// TestInboxDoesNotWaitForLong: where the record is behind, the inbox says through which seq it is.
func TestInboxDoesNotWaitForLong(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
		w.joins("r1", "bob", "bob")
		seq := w.say("r1", "ann", "m1", "hello")
		w.stored("r1", seq)
		w.store.down.Store(true)
		w.store.readers.Store(true)
		w.say("r1", "ann", "m2", "hello")
		began := time.Now()
		got := w.inboxNow("bob")["r1"]
		if took := time.Since(began); took < settleInbox || took > 2*settleInbox {
			t.Errorf("it took %v", took)
		}
		if got.Unread != 1 || got.Through != seq {
			t.Errorf("inbox is %+v", got)
		}
		w.store.down.Store(false)
	})
}
