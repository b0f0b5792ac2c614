package history

import (
	"fmt"
	"strings"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// shown returns what a page of a room shows, by user.
func (w *world) shown(room string) string {
	w.t.Helper()
	var all []string
	for _, m := range w.page(historyapi.PageRequest{Room: room}).Messages {
		what := m.Text
		if m.Deleted {
			what = "deleted"
		}
		if m.Pinned {
			what += " pinned"
		}
		for emoji, users := range m.Reactions {
			what += fmt.Sprint(" ", emoji, users)
		}
		all = append(all, m.User+": "+what)
	}
	return strings.Join(all, ", ")
}

// logged returns the data of all that the log and the store have of a room.
func (w *world) logged(room string) string {
	w.t.Helper()
	var all strings.Builder
	for _, e := range w.entries(room) {
		all.Write(e.Data)
	}
	kept, err := w.store.Since(w.t.Context(), room, 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range kept {
		all.Write(e.Data)
	}
	return all.String()
}

// TestEqualIDs: two people give their messages one id. What is done to one of them leaves the
// other as it is, on pages and in what is stored and logged, whether or not any of it is stored
// yet.
func TestEqualIDs(t *testing.T) {
	eachStore(t, func(t *testing.T, s *gated) {
		w, _ := start(t, openBus(t), s)
		s.readers.Store(true)
		moderator := func(r *historyapi.ApplyRequest) { r.Moderator, r.Pin = true, true }
		do := func(e chat.Event, want string) uint64 {
			t.Helper()
			e.ID = fmt.Sprint("c", w.clock.Load())
			seq, code := w.do(e, moderator)
			if code != want {
				t.Errorf("%s of %s by %s: %q, want %q", e.Type, e.Author, e.User, code, want)
			}
			return seq
		}
		for _, stored := range []bool{false, true} {
			room := fmt.Sprint("stored-", stored)
			s.down.Store(!stored)
			w.say(room, "eve", "x", "harmless")
			last := w.say(room, "mal", "x", "offensive")
			settle := func() {
				if stored {
					w.stored(room, last)
				}
			}
			settle()
			is := func(want string) {
				t.Helper()
				if got := w.shown(room); got != want {
					t.Errorf("stored %v: the page has %q, want %q", stored, got, want)
				}
			}
			about := func(kind, user, author string) chat.Event {
				return chat.Event{Type: kind, Room: room, User: user, Target: "x", Author: author, Text: "edited", Emoji: "👍", On: true}
			}
			// Without an author nobody knows which of the two is meant, unless it is the sender's
			// own.
			for _, kind := range []string{chat.TypeEdited, chat.TypeDeleted, chat.TypeReacted, chat.TypePinned} {
				do(about(kind, "mod", ""), chat.CodeConflict)
			}
			for _, kind := range []string{chat.TypeReacted, chat.TypePinned} {
				do(about(kind, "eve", ""), chat.CodeConflict)
			}
			do(about(chat.TypeEdited, "mal", "eve"), chat.CodeForbidden)
			do(about(chat.TypeDeleted, "eve", "bob"), chat.CodeNotFound)
			do(about(chat.TypeReacted, "ann", "mal"), "")
			last = do(about(chat.TypePinned, "mod", "eve"), "")
			settle()
			is("eve: harmless pinned, mal: offensive 👍[ann]")
			last = do(about(chat.TypeEdited, "mal", "mal"), "")
			settle()
			is("eve: harmless pinned, mal: edited 👍[ann]")
			last = do(about(chat.TypeDeleted, "mod", "mal"), "")
			settle()
			is("eve: harmless pinned, mal: deleted")
			do(about(chat.TypeEdited, "mal", "mal"), chat.CodeNotFound)
			last = do(about(chat.TypeEdited, "eve", "eve"), "")
			settle()
			is("eve: edited pinned, mal: deleted")
			if stored {
				w.eventually("what mal said is gone from the log and the store, and what eve said is not", func() bool {
					all := w.logged(room)
					return !strings.Contains(all, "offensive") && strings.Contains(all, `"text":"edited"`)
				})
			}
		}
	})
}

// TestVictimOfARepost deletes a message that somebody has reposted under its id: the victim's text
// is gone everywhere, and the copy stays what it is.
func TestVictimOfARepost(t *testing.T) {
	w := open(t)
	w.say("r1", "vic", "x", "my address")
	w.stored("r1", w.say("r1", "mal", "x", "look what vic said"))
	seq, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "vic", ID: "d", Target: "x", Author: "vic"})
	if code != "" {
		t.Fatal(code)
	}
	w.stored("r1", seq)
	w.eventually("the text is gone", func() bool { return !strings.Contains(w.logged("r1"), "my address") })
	if got := w.shown("r1"); got != "vic: deleted, mal: look what vic said" {
		t.Errorf("the page has %q", got)
	}
	// So does a repeat of the deletion, and one of another message with the same msg_id is another
	// command.
	if again, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "vic", ID: "d", Target: "x", Author: "vic"}); again != seq || code != "" {
		t.Errorf("a repeat: %d %q, want %d", again, code, seq)
	}
	if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "vic", ID: "d", Target: "x", Author: "mal"}); code != chat.CodeConflict {
		t.Errorf("of another message: %q", code)
	}
}

// TestClientsWithoutAuthors: a command of an older client works while one message has the id, and
// the entry that comes of it says the author.
func TestClientsWithoutAuthors(t *testing.T) {
	w := open(t)
	w.stored("r1", w.say("r1", "ann", "m1", "one"))
	w.say("r1", "ann", "m2", "two")
	w.say("r2", "bob", "m1", "elsewhere")
	for i, e := range []chat.Event{
		{Type: chat.TypeEdited, User: "ann", Target: "m1", Text: "1"}, {Type: chat.TypeReacted, User: "bob", Target: "m2", Emoji: "👍", On: true},
		{Type: chat.TypeDeleted, User: "ann", Target: "m2"},
	} {
		e.Room, e.ID = "r1", fmt.Sprint("c", i)
		seq, code := w.do(e)
		if code != "" {
			t.Fatal(e, code)
		}
		got, err := w.bus.Replay(t.Context(), "r1", bus.Position{Seq: seq - 1}, 1)
		if err != nil || len(got.Entries) != 1 || !strings.Contains(string(got.Entries[0].Data), `"author":"ann"`) {
			t.Errorf("%s: %+v, %v", e.Type, got, err)
		}
	}
	// Of several with the id, one's own is meant, however many others came before it.
	for i, user := range []string{"eve", "mal", "ann", "cy"} {
		w.say("r3", user, "same", user)
		if i == 1 {
			w.stored("r3", w.say("r3", "eve", "other", "x"))
		}
	}
	moderator := func(r *historyapi.ApplyRequest) { r.Moderator = true }
	for i, tt := range []struct {
		kind, user string
		code       string
	}{
		{chat.TypeEdited, "ann", ""}, {chat.TypeReacted, "ann", chat.CodeConflict}, {chat.TypeDeleted, "mod", chat.CodeConflict}, {chat.TypeEdited, "bob", chat.CodeConflict},
		{chat.TypeDeleted, "ann", ""}, {chat.TypeDeleted, "mal", ""},
	} {
		e := chat.Event{Type: tt.kind, Room: "r3", User: tt.user, ID: fmt.Sprint("n", i), Target: "same", Text: "changed", Emoji: "👍", On: tt.kind == chat.TypeReacted}
		if _, code := w.do(e, moderator); code != tt.code {
			t.Errorf("%s by %s, of several: %q, want %q", tt.kind, tt.user, code, tt.code)
		}
	}
	for _, m := range w.page(historyapi.PageRequest{Room: "r3"}).Messages {
		if gone := m.User == "ann" || m.User == "mal"; m.ID == "same" && (m.Deleted != gone || !gone && m.Text != m.User) {
			t.Errorf("left is %+v", m)
		}
	}
	if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "c9", Target: "m9"}); code != chat.CodeNotFound {
		t.Errorf("a message that is not there: %q", code)
	}
}

// TestEntriesWithoutAuthors takes in what services of the release before append: an edit is about
// its own user's message, and anything else about the first with the id, also one that comes to the
// store later, as from the dead letters.
func TestEntriesWithoutAuthors(t *testing.T) {
	eachStore(t, func(t *testing.T, s *gated) {
		w, _ := start(t, openBus(t), s)
		s.readers.Store(true)
		for _, stored := range []bool{false, true} {
			room := fmt.Sprint("stored-", stored)
			s.down.Store(!stored)
			w.say(room, "ann", "x", "first")
			w.say(room, "bob", "x", "second")
			last := w.event(chat.Event{Type: chat.TypeEdited, Room: room, User: "bob", ID: "e", Target: "x", Text: "2"})
			if stored {
				w.stored(room, last)
			}
			w.event(chat.Event{Type: chat.TypeReacted, Room: room, User: "cy", ID: "r", Target: "x", Emoji: "👍", On: true})
			last = w.event(chat.Event{Type: chat.TypePinned, Room: room, User: "cy", ID: "p", Target: "x", On: true})
			if stored {
				w.stored(room, last)
			}
			if got := w.shown(room); got != "ann: first pinned 👍[cy], bob: 2" {
				t.Errorf("stored %v: the page has %q", stored, got)
			}
			last = w.event(chat.Event{Type: chat.TypeDeleted, Room: room, User: "cy", ID: "d", Target: "x"})
			if stored {
				w.stored(room, last)
				w.eventually("the text is gone", func() bool { return !strings.Contains(w.logged(room), "first") })
			}
			if got := w.shown(room); got != "ann: deleted, bob: 2" {
				t.Errorf("stored %v, deleted: the page has %q", stored, got)
			}
		}
		if found, err := s.About(t.Context(), "stored-true", []store.Name{{Sender: "ann", ID: "x"}}, 0); err != nil || len(found) != 2 || found[0].Author != "ann" {
			t.Errorf("the store keeps %+v, %v; want the reaction and the deletion, since the pin is past", found, err)
		}
	})
}
