package history

import (
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// imported returns a message of an export.
func imported(id, user, text string, mentions ...string) chat.Event {
	return chat.Event{Type: chat.TypeMsg, Room: "r1", ID: id, User: user, Name: user, TS: 5, Text: text, Imported: &chat.Imported{From: "slack", Mentions: mentions}}
}

func about(kind, id, user, target, author string) chat.Event {
	return chat.Event{Type: kind, Room: "r1", ID: id, User: user, Name: user, TS: 5, Target: target, Author: author, Emoji: ":own:", On: true, Imported: &chat.Imported{From: "slack"}}
}

// TestImport adds entries of an export once, in their order, and tells nobody whom they mention.
func TestImport(t *testing.T) {
	w := open(t)
	give := func(check bool, events ...chat.Event) (known, added int) {
		t.Helper()
		got, err := w.api.Import(t.Context(), historyapi.ImportRequest{Room: "r1", Events: events, Check: check})
		if err != nil {
			t.Fatal(err)
		}
		return got.Known, got.Added
	}
	all := []chat.Event{
		imported("m1", "ann", "@Bobby @room", "bob", chat.MentionsRoom), about(chat.TypeReacted, "x1", "bob", "m1", "ann"), about(chat.TypePinned, "p1", "bob", "m1", "ann"),
		imported("m2", "bob", "two"),
	}
	if known, added := give(true, all...); known != 0 || added != 0 {
		t.Errorf("before: %d known, %d added", known, added)
	}
	if known, added := give(false, all[:2]...); known != 0 || added != 2 {
		t.Errorf("at first: %d known, %d added", known, added)
	}
	if known, added := give(false, all...); known != 2 || added != 2 {
		t.Errorf("then: %d known, %d added", known, added)
	}
	if known, added := give(true, all...); known != 4 || added != 0 {
		t.Errorf("at the end: %d known, %d added", known, added)
	}
	w.eventually("mentions are kept", func() bool {
		p := w.page(historyapi.PageRequest{Room: "r1"})
		return len(p.Messages) == 2 && strings.Join(p.Messages[0].Mentions, " ") == "bob @room"
	})
	m := w.page(historyapi.PageRequest{Room: "r1"}).Messages[0]
	if m.TS != 5 || !m.Pinned || len(m.Reactions[":own:"]) != 1 || m.Imported == nil || m.Imported.From != "slack" {
		t.Errorf("the message is %+v", m)
	}
	for _, room := range []string{"r1", chat.UserRoom("bob")} {
		got, err := w.bus.Replay(t.Context(), room, bus.Position{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got.Entries {
			if chat.TypeOf(e.Data) == chat.TypeMentioned {
				t.Errorf("%s is told of a mention", room)
			}
		}
	}
}

// TestImportedIsEdited: whom the text of an edit mentions is told, as with every other message.
func TestImportedIsEdited(t *testing.T) {
	w := open(t)
	w.people(&people{names: []string{"bob", "eve"}, rooms: map[string][]directoryapi.Membership{"eve": in(0, "r1")}})
	if _, err := w.api.Import(t.Context(), historyapi.ImportRequest{Room: "r1", Events: []chat.Event{imported("m1", "ann", "@Bobby", "bob")}}); err != nil {
		t.Fatal(err)
	}
	w.joins("r1", "eve", "eve")
	w.eventually("mentions are kept", func() bool {
		p := w.page(historyapi.PageRequest{Room: "r1"})
		return len(p.Messages) == 1 && len(p.Messages[0].Mentions) == 1
	})
	if _, code := w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", ID: "e1", User: "ann", Target: "m1", Author: "ann", Text: "@eve"}); code != "" {
		t.Fatal(code)
	}
	w.inboxNow("eve") // which waits for it
	is(t, "page", w.page(historyapi.PageRequest{Room: "r1"}).Messages[0].Mentions, []string{"eve"})
	if got := w.told("eve"); len(got) != 1 || !got[0].On {
		t.Errorf("eve was told %+v", got)
	}
}

// TestImportRefused holds what is not imported: nothing of it is in the log.
func TestImportRefused(t *testing.T) {
	w := open(t)
	w.stored("r2", w.event(chat.Event{Type: chat.TypeMsg, Room: "r2", ID: "m1", User: "ann", Name: "ann", Text: "here"}))
	if _, err := w.api.Import(t.Context(), historyapi.ImportRequest{Room: "r1", Events: []chat.Event{imported("m1", "ann", "one")}}); err != nil {
		t.Fatal(err)
	}
	in := func(room string, e chat.Event) chat.Event {
		e.Room = room
		return e
	}
	plain := imported("m5", "ann", "five")
	plain.Imported = nil
	for _, tt := range []struct {
		name, room, code string
		event            chat.Event
	}{
		{"after messages of people who are here", "r2", chat.CodeConflict, in("r2", imported("m2", "ann", "late"))},
		{"as another user's", "r1", chat.CodeConflict, imported("m1", "bob", "one")},
		{"of another room", "r1", chat.CodeBadRequest, in("r2", imported("m9", "ann", "x"))},
		{"that does not say that it is imported", "r1", chat.CodeBadRequest, plain},
		{"of another kind", "r1", chat.CodeBadRequest, about(chat.TypeDeleted, "d1", "ann", "m1", "ann")},
		{"into a room of services", "_x", chat.CodeBadRequest, in("_x", imported("m9", "ann", "x"))},
		{"into a user's own room", "u-ann", chat.CodeBadRequest, in("u-ann", imported("m9", "ann", "x"))},
	} {
		if _, err := w.api.Import(t.Context(), historyapi.ImportRequest{Room: tt.room, Events: []chat.Event{tt.event}}); chat.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	if err := w.api.Forget(t.Context(), "r3"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.api.Import(t.Context(), historyapi.ImportRequest{Room: "r3", Events: []chat.Event{in("r3", imported("m1", "ann", "x"))}}); chat.CodeOf(err) != chat.CodeConflict {
		t.Errorf("into a room that was deleted: %v", err)
	}
	for room, want := range map[string]int{"r1": 1, "r2": 1, "r3": 0} {
		if got, err := w.bus.Replay(t.Context(), room, bus.Position{}, 100); err != nil || len(got.Entries) != want {
			t.Errorf("the log of %s has %d entries, %v", room, len(got.Entries), err)
		}
	}
}
