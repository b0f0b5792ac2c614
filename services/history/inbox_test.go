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
	"hubbub.internal/libs/bus"
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
		w.say(room, "ann", "m1", "hello")
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

// TestMentionsChange: edits and deletes change who is mentioned; each is told in the user's own
// room.
func TestMentionsChange(t *testing.T) {
	w := open(t)
	p := w.people(&people{names: []string{"ann", "bob", "eve"}, rooms: map[string][]directoryapi.Membership{}})
	for _, user := range p.names {
		p.rooms[user] = in(0, "r1")
		w.joins("r1", user, user)
	}
	seq := w.say("r1", "ann", "m1", "@bob and @ann, `@eve`")
	is(t, "bob", news(w.inboxNow("bob")["r1"]), []uint64{1, 1, seq, seq})
	is(t, "eve", news(w.inboxNow("eve")["r1"]), []uint64{1, 0, seq, 0})
	is(t, "page", w.page(historyapi.PageRequest{Room: "r1"}).Messages[0].Mentions, []string{"bob", "ann"})
	if got := w.told("bob"); len(got) != 1 || got[0].Target != "r1" || got[0].At != seq || !got[0].On || got[0].User != "ann" || got[0].Name != "ann" {
		t.Errorf("bob was told %+v", got)
	}
	if got := w.told("ann"); len(got) != 0 {
		t.Errorf("who mentions themself was told %+v", got)
	}

	if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", ID: "e1", User: "ann", Target: "m1", Author: "ann", Text: "@eve"}); code != "" {
		t.Fatal(code)
	}
	is(t, "bob, edited", news(w.inboxNow("bob")["r1"]), []uint64{1, 0, seq, 0})
	is(t, "eve, edited", news(w.inboxNow("eve")["r1"]), []uint64{1, 1, seq, seq})
	if got := w.told("bob"); len(got) != 2 || got[1].At != seq || got[1].On {
		t.Errorf("bob was told %+v", got)
	}
	is(t, "edited page", w.page(historyapi.PageRequest{Room: "r1"}).Messages[0].Mentions, []string{"eve"})

	if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", ID: "d1", User: "ann", Target: "m1", Author: "ann"}); code != "" {
		t.Fatal(code)
	}
	got := w.inboxNow("eve")["r1"]
	is(t, "eve, deleted", news(got), []uint64{0, 0, 0, 0})
	if got.Last == nil || !got.Last.Deleted || got.Last.Text != "" {
		t.Errorf("the last message is %+v", got.Last)
	}
	is(t, "deleted page", w.page(historyapi.PageRequest{Room: "r1"}).Messages[0].Mentions, []string(nil))
	if got := w.told("eve"); len(got) != 1 {
		t.Errorf("eve was told %+v", got)
	}
}

// told returns what a user was told of mentions.
func (w *world) told(user string) (all []chat.Event) {
	w.t.Helper()
	return w.toldIn(chat.UserRoom(user))
}

func (w *world) toldIn(room string) (all []chat.Event) {
	w.t.Helper()
	r, err := w.bus.Replay(w.t.Context(), room, bus.Position{}, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range r.Entries {
		event, err := chat.DecodeEntry(e.Data, e.Seq, e.Prev)
		if err != nil {
			w.t.Fatal(err)
		}
		if event.Type == chat.TypeMentioned {
			all = append(all, event)
		}
	}
	return all
}

// TestMentionsOfAll: @room is for all, @here for those who are online; both for who may.
func TestMentionsOfAll(t *testing.T) {
	w := open(t)
	p := w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{}, online: []string{"ann", "bob"}})
	for _, user := range []string{"ann", "bob", "eve"} {
		p.rooms[user] = in(0, "r1")
		w.joins("r1", user, user)
	}
	w.say("r1", "ann", "m1", "@room @here, who may not")
	is(t, "without the right", w.inboxNow("bob")["r1"].Mentions, 0)
	p.set(func() { p.all = true })
	room := w.say("r1", "ann", "m2", "@room and @bob, too")
	here := w.say("r1", "ann", "m3", "@here")
	is(t, "bob", w.inboxNow("bob")["r1"].Mentions, 2)
	is(t, "eve", w.inboxNow("eve")["r1"].Mentions, 1)
	is(t, "ann", w.inboxNow("ann")["r1"].Mentions, 0)
	if got := w.toldIn("r1"); len(got) != 1 || got[0].At != room || !got[0].On || got[0].Target != "" {
		t.Errorf("the room was told %+v", got)
	}
	if got := w.told("bob"); len(got) != 1 || got[0].At != here {
		t.Errorf("bob was told %+v", got)
	}
	var shown [][]string
	for _, m := range w.page(historyapi.PageRequest{Room: "r1"}).Messages {
		shown = append(shown, m.Mentions)
	}
	is(t, "page", shown, [][]string{nil, {"bob", chat.MentionsRoom}, {chat.MentionsHere}})
	// An edit asks nobody again who was online.
	p.set(func() { p.online = []string{"eve"} })
	if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", ID: "e1", User: "ann", Target: "m3", Author: "ann", Text: "@here!"}); code != "" {
		t.Fatal(code)
	}
	is(t, "eve, edited", w.inboxNow("eve")["r1"].Mentions, 1)
	is(t, "bob, edited", w.inboxNow("bob")["r1"].Mentions, 2)
}

// TestMentionsOfWhoIsAsked count when the user comes in, and are not told before.
func TestMentionsOfWhoIsAsked(t *testing.T) {
	w := open(t)
	p := w.people(&people{names: []string{"bob"}, early: []string{"bob"}, rooms: map[string][]directoryapi.Membership{}})
	w.say("r1", "ann", "m0", "@bob, before the invitation")
	from := w.say("r1", "ann", "m1", "hello")
	seq := w.say("r1", "ann", "m2", "welcome @bob")
	w.event(chat.Event{Type: chat.TypeMember, Room: "r1", User: "bob", ID: "j1", Member: "bob", Role: "member", From: from})
	p.set(func() { p.rooms["bob"] = in(0, "r1") })
	is(t, "bob", news(w.inboxNow("bob")["r1"]), []uint64{1, 1, seq, seq})
	if got := w.told("bob"); len(got) != 0 {
		t.Errorf("bob was told %+v", got)
	}
}

// TestHereWithoutPresence mentions nobody.
func TestHereWithoutPresence(t *testing.T) {
	w := open(t)
	w.people(&people{all: true, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
	w.joins("r1", "bob", "bob")
	seq := w.say("r1", "ann", "m1", "@here")
	is(t, "bob", news(w.inboxNow("bob")["r1"]), []uint64{1, 0, seq, 0})
}

// TestMentionsWaitForTheDirectory: while it is away the record goes on, and then mentions are
// resolved.
func TestMentionsWaitForTheDirectory(t *testing.T) {
	w := open(t)
	p := w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}, down: true})
	w.joins("r1", "bob", "bob")
	seq := w.say("r1", "ann", "m1", "@bob")
	w.stored("r1", seq)
	w.eventually("it is tried", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.asked > 0 })
	p.set(func() { p.down = false })
	w.eventually("it is resolved", func() bool { return w.inboxNow("bob")["r1"].Mentions == 1 })
	if got := w.told("bob"); len(got) != 1 {
		t.Errorf("bob was told %+v", got)
	}
}

// TestMarks: a message, a room and everything can be marked; the user's devices are told.
func TestMarks(t *testing.T) {
	w := open(t)
	w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1", "r2", "r3")}})
	var seqs []uint64
	for _, room := range []string{"r1", "r2"} {
		w.joins(room, "bob", "bob")
		for i := range 3 {
			seqs = append(seqs, w.say(room, "ann", fmt.Sprint("m", i), "@bob"))
		}
	}
	mark := func(r historyapi.MarkRequest) {
		t.Helper()
		r.User = "bob"
		if err := w.api.Mark(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	counts := func(want ...int) {
		t.Helper()
		got := w.inboxNow("bob")
		is(t, "unread", []int{got["r1"].Unread, got["r2"].Unread, got["r1"].Mentions, got["r2"].Mentions}, want)
	}
	counts(3, 3, 3, 3)
	mark(historyapi.MarkRequest{Room: "r1"})
	counts(0, 3, 0, 3)
	mark(historyapi.MarkRequest{Room: "r1", Seq: seqs[1], Unread: true})
	counts(2, 3, 2, 3)
	mark(historyapi.MarkRequest{Room: "r1", Seq: seqs[2], Unread: true}) // it is
	counts(2, 3, 2, 3)
	mark(historyapi.MarkRequest{Room: "r2", Seq: seqs[4]})
	counts(2, 1, 2, 1)
	mark(historyapi.MarkRequest{})
	counts(0, 0, 0, 0)
	if _, err := w.api.Read(t.Context(), historyapi.ReadRequest{Room: "r1", User: "bob", Seq: seqs[0]}); err != nil {
		t.Fatal(err)
	}
	counts(0, 0, 0, 0) // reading on never goes back
	told := 0
	r, err := w.bus.Replay(t.Context(), chat.UserRoom("bob"), bus.Position{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.Entries {
		if event, err := chat.DecodeEntry(e.Data, e.Seq, e.Prev); err == nil && event.Type == chat.TypeChanged && event.Target == chat.ListInbox {
			told++
		}
	}
	is(t, "told", told, 5)
	for _, bad := range []historyapi.MarkRequest{
		{User: "a b"}, {User: "bob", Room: "_control"}, {User: "bob", Seq: 7}, {User: "bob", Unread: true}, {User: "bob", Room: "r1", Unread: true}, {User: "bob", Room: "r1", Seq: bus.MaxSeq + 1},
	} {
		if err := w.api.Mark(t.Context(), bad); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestPositionsDoNotGoBack: an entry that is taken in again, and a new role, move nothing.
func TestPositionsDoNotGoBack(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
	w.say("r1", "ann", "m0", "before")
	at := w.joins("r1", "ann", "bob")
	w.say("r1", "ann", "m1", "hello")
	is(t, "added", w.inboxNow("bob")["r1"].Unread, 1)
	if err := w.api.Mark(t.Context(), historyapi.MarkRequest{User: "bob", Room: "r1", Unread: true, Seq: 1}); err != nil {
		t.Fatal(err)
	}
	is(t, "taken back", w.inboxNow("bob")["r1"].Unread, 2)
	r, err := w.bus.Replay(t.Context(), "r1", bus.Position{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Service.consume(t.Context(), r.Entries); err != nil {
		t.Fatal(err)
	}
	w.event(chat.Event{Type: chat.TypeMember, Room: "r1", User: "ann", ID: "role", Member: "bob", Role: "moderator"})
	is(t, "then", w.inboxNow("bob")["r1"].Unread, 2)
	if again := w.joins("r1", "bob", "bob"); again < at {
		t.Fatal(again)
	}
	is(t, "who comes back", w.inboxNow("bob")["r1"].Unread, 0)
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
