package history

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

func TestManyReactions(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "1")
	for i := range maxReactions {
		w.event(chat.Event{Type: chat.TypeReacted, Room: "r1", User: fmt.Sprint("u", i), ID: "x", Target: "m1", Emoji: "👍", On: true})
	}
	react := chat.Event{Type: chat.TypeReacted, Room: "r1", User: "bob", ID: "x1", Target: "m1", Emoji: "👍", On: true}
	if _, code := w.do(react); code != chat.CodeTooMany {
		t.Errorf("one more: %q", code)
	}
	if _, code := w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: "u7", ID: "x1", Target: "m1", Emoji: "👍"}); code != "" {
		t.Errorf("one taken back: %q", code)
	}
	if _, code := w.do(react); code != "" {
		t.Errorf("one more after that: %q", code)
	}
}

// TestReactionsOfOne: nobody takes all the reactions that a message may have.
func TestReactionsOfOne(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "1")
	forms := []func(int) string{ // those of the server's own count as others do
		func(i int) string { return string(rune(0x1F601 + i)) }, func(i int) string { return fmt.Sprintf(":own_%d:", i) },
	}
	react := func(user string, i int, on bool) string {
		_, code := w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: user, ID: chat.NewID(), Target: "m1", Emoji: forms[i%2](i), On: on})
		return code
	}
	for i := range maxOwnReactions {
		if code := react("eve", i, true); code != "" {
			t.Fatal(i, code)
		}
	}
	if code := react("eve", maxOwnReactions, true); code != chat.CodeTooMany {
		t.Errorf("one more: %q", code)
	}
	if code := react("bob", 0, true); code != "" {
		t.Errorf("another's: %q", code)
	}
	if a, b := react("eve", 0, false), react("eve", maxOwnReactions, true); a != "" || b != "" {
		t.Errorf("one taken back, and one more: %q, %q", a, b)
	}
}

// TestReactionsAreEmoji: a reaction is an emoji, with U+FE0F and without it the same one; what
// earlier releases took stays, and can be taken back.
func TestReactionsAreEmoji(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "1")
	react := func(user, emoji string, on bool) string {
		_, code := w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: user, ID: chat.NewID(), Target: "m1", Author: "ann", Emoji: emoji, On: on})
		return code
	}
	old := func(user, emoji string) {
		w.stored("r1", w.event(chat.Event{Type: chat.TypeReacted, Room: "r1", User: user, ID: chat.NewID(), Target: "m1", Author: "ann", Emoji: emoji, On: true}))
	}
	is := func(want map[string][]string) {
		t.Helper()
		if got := w.page(historyapi.PageRequest{Room: "r1"}).Messages[0].Reactions; !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("the page has %q, want %q", got, want)
		}
	}
	if got := react("eve", "rubbish", true); got != chat.CodeBadRequest {
		t.Errorf("a word: %q", got)
	}
	old("bob", "hello")
	old("bob", "❤")
	react("eve", "❤", true)
	react("cy", "❤️", true)
	is(map[string][]string{"hello": {"bob"}, "❤️": {"bob", "eve", "cy"}})
	for _, user := range []string{"bob", "eve", "cy"} {
		if code := react(user, map[string]string{"bob": "❤️", "eve": "❤️", "cy": "❤"}[user], false); code != "" {
			t.Errorf("%s takes it back: %q", user, code)
		}
	}
	is(map[string][]string{"hello": {"bob"}})
	if code := react("bob", "hello", false); code != "" {
		t.Errorf("a word is taken back: %q", code)
	}
	is(nil)
	// those of the server's own are names between colons
	for i, code := range []string{react("eve", ":party:", true), react("cy", ":party:", true), react("cy", ":none:", true), react("eve", ":party:", false)} {
		if code != "" {
			t.Errorf("%d: %q", i, code)
		}
	}
	if got := react("eve", ":Party:", true); got != chat.CodeBadRequest {
		t.Errorf("a name in capitals: %q", got)
	}
	is(map[string][]string{":party:": {"cy"}, ":none:": {"cy"}})
}
