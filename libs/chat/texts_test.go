package chat_test

import (
	"testing"

	"hubbub.internal/libs/chat"
)

func entryOf(t *testing.T, e chat.Event) []byte {
	t.Helper()
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTexts: in whatever order edits and deletions become known, a message has the text of its last
// edit, no earlier edit has one, and of what was deleted nothing has.
func TestTexts(t *testing.T) {
	edit := func(text string) chat.Event {
		return chat.Event{Type: chat.TypeEdited, User: "ann", ID: "e" + text, Author: "ann", Target: "m", Text: text}
	}
	gone := chat.Event{Type: chat.TypeDeleted, User: "mod", ID: "d", Author: "ann", Target: "m"}
	unsigned := func(e chat.Event) chat.Event { e.Author = ""; return e }
	for _, tt := range []struct {
		name   string
		known  map[uint64]chat.Event
		order  []uint64
		author string
		want   map[uint64]string // by seq of ann's m, and of its edits
	}{
		{"nothing", nil, nil, "", map[uint64]string{1: "first", 5: "b", 7: "c"}},
		{"one edit", map[uint64]chat.Event{5: edit("b")}, []uint64{5}, "", map[uint64]string{1: "b", 5: "b", 7: "c"}},
		{"two edits", map[uint64]chat.Event{5: edit("b"), 7: edit("c")}, []uint64{5, 7}, "", map[uint64]string{1: "c", 5: "", 7: "c"}},
		{"the later first", map[uint64]chat.Event{5: edit("b"), 7: edit("c")}, []uint64{7, 5}, "", map[uint64]string{1: "c", 5: "", 7: "c"}},
		{"deleted", map[uint64]chat.Event{7: edit("c"), 9: gone}, []uint64{7, 9}, "", map[uint64]string{1: "", 5: "", 7: ""}},
		{"deleted and then edited", map[uint64]chat.Event{7: edit("c"), 9: gone}, []uint64{9, 7}, "", map[uint64]string{1: "", 5: "", 7: ""}},
		{"an edit that names nobody is its user's", map[uint64]chat.Event{5: unsigned(edit("b"))}, []uint64{5}, "", map[uint64]string{1: "b", 5: "b"}},
		{"a deletion that names nobody", map[uint64]chat.Event{9: unsigned(gone)}, []uint64{9}, "", map[uint64]string{1: "first", 7: "c"}},
		{"a deletion whose author another knows", map[uint64]chat.Event{9: unsigned(gone)}, []uint64{9}, "ann", map[uint64]string{1: "", 7: ""}},
		{"of another's message", map[uint64]chat.Event{9: gone}, []uint64{9}, "bob", map[uint64]string{1: "first", 7: "c"}},
		{"a reaction", map[uint64]chat.Event{9: {Type: chat.TypeReacted, User: "bob", Author: "ann", Target: "m", Emoji: "x"}}, []uint64{9}, "", map[uint64]string{1: "first"}},
	} {
		texts := chat.Texts{}
		for _, seq := range tt.order {
			if err := texts.Add(tt.author, seq, entryOf(t, tt.known[seq])); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		for seq, want := range tt.want {
			e := map[uint64]chat.Event{
				1: {Type: chat.TypeMsg, User: "ann", ID: "m", Text: "first"}, 5: edit("b"), 7: edit("c"),
			}[seq]
			was := entryOf(t, e)
			data, err := texts.Revise("ann", e.ID, seq, was)
			if err != nil {
				t.Fatal(err)
			}
			got, err := chat.DecodeEntry(data, seq, 0)
			if err != nil || got.Text != want || got.Type != e.Type || got.Target != e.Target {
				t.Errorf("%s: the entry at %d is %+v, %v; want the text %q", tt.name, seq, got, err, want)
			}
			if want == e.Text && &data[0] != &was[0] {
				t.Errorf("%s: the entry at %d was made anew", tt.name, seq)
			}
		}
		other := entryOf(t, chat.Event{Type: chat.TypeMsg, User: "cat", ID: "m", Text: "cat's"})
		if data, err := texts.Revise("cat", "m", 3, other); err != nil || &data[0] != &other[0] {
			t.Errorf("%s: another's message with the same id: %q, %v", tt.name, data, err)
		}
		pin := entryOf(t, chat.Event{Type: chat.TypePinned, User: "ann", ID: "m", Target: "m", Text: "x"})
		if data, err := texts.Revise("ann", "m", 3, pin); err != nil || &data[0] != &pin[0] {
			t.Errorf("%s: what is no message: %q, %v", tt.name, data, err)
		}
	}
}

// TestTextsOfBadEntries: what cannot be read is an error, and no text of anybody's.
func TestTextsOfBadEntries(t *testing.T) {
	for _, bad := range []string{"\x01{\"type\":\"edited\",\"target\":5}", "\x01{\"type\":\"deleted\",\"target\":5}"} {
		texts := chat.Texts{}
		if err := texts.Add("ann", 1, []byte(bad)); err == nil || len(texts) != 0 {
			t.Errorf("%q: %v, %v", bad, err, texts)
		}
	}
	texts := chat.Texts{}
	if err := texts.Add("ann", 1, entryOf(t, chat.Event{Type: chat.TypeDeleted, Author: "ann", Target: "m"})); err != nil {
		t.Fatal(err)
	}
	if data, err := texts.Revise("ann", "e", 2, []byte("\x01{\"type\":\"edited\",\"target\":5}")); err == nil {
		t.Errorf("revised to %q", data)
	}
}

func TestTypeOf(t *testing.T) {
	for data, want := range map[string]string{
		"": "", "\x01": "", "\x01{": "", "\x01[]": "", "\x01x": "", "\x01{\"type\":\"msg": "", "\x01{\"type\":\"msg\"": "msg",
		"\x01{\"type\":\"msg\",": "msg", "\x01{\"type\":\"message\"}": "message", "\x01{\"id\":\"x\",\"type\":\"edited\"}": "edited", "\x01{}": "", "\x01{\"type\":\"m\"}": "m",
	} {
		if got := chat.TypeOf([]byte(data)); got != want {
			t.Errorf("%q is of type %q, want %q", data, got, want)
		}
	}
	for _, kind := range []string{chat.TypeMsg, chat.TypeEdited, chat.TypeDeleted, chat.TypeReacted, chat.TypePinned, chat.TypeTopic, chat.TypeMember, chat.TypeReset, "later"} {
		data := entryOf(t, chat.Event{Type: kind})
		if got := chat.TypeOf(data); got != kind {
			t.Errorf("%q is of type %q", data, got)
		}
	}
}

// TestAuthorOf: an edit of an earlier release, which does not say it, is of its user's message.
func TestAuthorOf(t *testing.T) {
	for _, tt := range []struct {
		e    chat.Event
		want string
	}{
		{chat.Event{Type: chat.TypeEdited, User: "ann"}, "ann"}, {chat.Event{Type: chat.TypeEdited, User: "ann", Author: "bob"}, "bob"},
		{chat.Event{Type: chat.TypeDeleted, User: "mod"}, ""}, {chat.Event{Type: chat.TypeDeleted, User: "mod", Author: "ann"}, "ann"},
	} {
		if got := tt.e.AuthorOf(); got != tt.want {
			t.Errorf("%+v is of %q's message, want %q", tt.e, got, tt.want)
		}
	}
}

// TestShortestEntry is one that says nothing.
func TestShortestEntry(t *testing.T) {
	data := []byte("\x01{}")
	if _, err := chat.DecodeEntry(data, 1, 0); err != nil {
		t.Error(err)
	}
	if got, err := chat.WithText(data, ""); err != nil || string(got) != string(data) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := chat.AppendFrame(nil, data, 7, 5); err != nil || string(got) != `{"seq":7,"prev":5}` {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"\x01{", "\x01[]", "\x01}}"} {
		if _, err := chat.DecodeEntry([]byte(bad), 1, 0); err == nil {
			t.Errorf("%q is an entry", bad)
		}
		if _, err := chat.AppendFrame(nil, []byte(bad), 1, 0); err == nil {
			t.Errorf("%q is a frame", bad)
		}
	}
}
