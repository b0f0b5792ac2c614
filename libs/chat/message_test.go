package chat_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"hubbub.internal/libs/chat"
)

// TestMessageForm shows that a message that is appended raw is the one that would be encoded.
func TestMessageForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := chat.Message{
			Event: drawEvent(t), Pinned: rapid.Bool().Draw(t, "pinned"),
			Reactions: rapid.MapOfN(rapid.StringN(1, 4, 16), rapid.SliceOfN(rapid.String(), 1, 3), 0, 3).Draw(t, "reactions"),
		}
		data, err := chat.AppendEntry(nil, want.Event)
		if err != nil {
			t.Fatal(err)
		}
		want.Seq = rapid.Uint64Range(1, maxSeq).Draw(t, "seq")
		b, err := chat.AppendMessage([]byte("before"), data, want.Seq, chat.Message{Pinned: want.Pinned, Reactions: want.Reactions})
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got, same chat.Message
		if err := errors.Join(json.Unmarshal(b[len("before"):], &got), json.Unmarshal(encoded, &same)); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if d := cmp.Diff(same, got); d != "" {
			t.Fatalf("want - got +\n%s", d)
		}
	})
	for _, data := range []string{"", "\x01", "\x01{", "\x01[]", "\x01{  ", "\x01x}"} {
		if b, err := chat.AppendMessage(nil, []byte(data), 1, chat.Message{}); !errors.Is(err, chat.ErrBadEntry) {
			t.Errorf("%q: %s, %v", data, b, err)
		}
	}
	// What a newer release has added stays.
	b, err := chat.AppendMessage(nil, []byte("\x02{\"type\":\"msg\",\"sparkle\":{\"x\":1} }\n"), 7, chat.Message{Pinned: true})
	if want := `{"seq":7,"type":"msg","sparkle":{"x":1},"pinned":true}`; err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
	if b, err := chat.AppendMessage(nil, []byte("\x01{}"), 7, chat.Message{}); err != nil || string(b) != `{"seq":7}` {
		t.Errorf("%s, %v", b, err)
	}
}
