package history

import (
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

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
	is(t, "names on the page", w.page(historyapi.PageRequest{Room: "r1"}).Messages[1].MentionNames, []string{"bob"})
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
