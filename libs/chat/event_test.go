package chat_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"hubbub.internal/libs/chat"
)

const maxSeq = 1<<53 - 1

func drawEvent(t *rapid.T) chat.Event {
	text := func(name string) string { return rapid.String().Draw(t, name) }
	return chat.Event{
		Type: text("type"), Room: text("room"), ID: text("id"), User: text("user"), Name: text("name"), TS: rapid.Int64().Draw(t, "ts"),
		Text: text("text"), ReplyTo: text("reply_to"), ReplyAuthor: text("reply_author"), Target: text("target"), Author: text("author"), Thread: chat.Thread{Author: text("thread author"), ID: text("thread id")}, Broadcast: rapid.Bool().Draw(t, "broadcast"), Emoji: text("emoji"), On: rapid.Bool().Draw(t, "on"),
		Member: text("member"), Role: text("role"), From: rapid.Uint64().Draw(t, "from"), At: rapid.Uint64().Draw(t, "at"),
	}
}

// TestEntryRoundTrip shows that what is appended is what is read, in both forms, at any position.
func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawEvent(t)
		seq, prev := rapid.Uint64Range(1, maxSeq).Draw(t, "seq"), rapid.Uint64Range(0, maxSeq).Draw(t, "prev")
		given := want
		given.Seq, given.Prev = 7, 6 // of no account: only the log knows them
		data, err := chat.AppendEntry([]byte("before"), given)
		if err != nil {
			t.Fatal(err)
		}
		if string(data[:6]) != "before" || data[6] != chat.EntryVersion {
			t.Fatalf("the entry begins with %q", data[:7])
		}
		data = data[6:]
		if s := string(data); strings.Contains(s, `"seq":`) && want.Text == "" {
			t.Fatalf("%s has a seq", data)
		}

		want.Seq, want.Prev = seq, prev
		got, err := chat.DecodeEntry(data, seq, prev)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("DecodeEntry: want - got +\n%s", d)
		}

		frame, err := chat.AppendFrame([]byte("before"), data, seq, prev)
		if err != nil {
			t.Fatal(err)
		}
		var framed chat.Event
		if err := json.Unmarshal(frame[6:], &framed); err != nil {
			t.Fatalf("%s: %v", frame[6:], err)
		}
		if d := cmp.Diff(want, framed); d != "" {
			t.Fatalf("AppendFrame: want - got +\n%s", d)
		}
	})
}

func TestEntryOfAnotherRelease(t *testing.T) {
	data := append([]byte{chat.EntryVersion + 1}, `{"type":"msg","room":"r","id":"m","ts":1,"text":"x","sparkle":{"seq":5}}`...)
	got, err := chat.DecodeEntry(data, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := (chat.Event{Type: "msg", Seq: 2, Prev: 1, Room: "r", ID: "m", TS: 1, Text: "x"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	frame, err := chat.AppendFrame(nil, data, 2, 1)
	if want := `{"seq":2,"prev":1,"type":"msg","room":"r","id":"m","ts":1,"text":"x","sparkle":{"seq":5}}`; err != nil || string(frame) != want {
		t.Errorf("got %s, %v, want %s", frame, err, want)
	}
}

func TestBadEntry(t *testing.T) {
	for _, s := range []string{"", "\x01", "\x01{", "\x01{ ", "\x01{\"type\":\"msg\"", "\x01[]", "{}", "\x01x}", "\x01 {}"} {
		if dst, err := chat.AppendFrame([]byte("before"), []byte(s), 1, 0); !errors.Is(err, chat.ErrBadEntry) || string(dst) != "before" {
			t.Errorf("AppendFrame of %q: %q, %v", s, dst, err)
		}
		if _, err := chat.DecodeEntry([]byte(s), 1, 0); !errors.Is(err, chat.ErrBadEntry) {
			t.Errorf("DecodeEntry of %q: %v", s, err)
		}
	}
	for _, s := range []string{"\x01{}}", "\x01{\"ts\":\"x\"}", "\x01{\"type\":"} {
		if _, err := chat.DecodeEntry([]byte(s), 1, 0); !errors.Is(err, chat.ErrBadEntry) {
			t.Errorf("DecodeEntry of %q: %v", s, err)
		}
	}
}

func TestAppendFrameAllocates(t *testing.T) {
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "lobby", ID: "m", Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { _, _ = chat.AppendFrame(dst, data, maxSeq, maxSeq-1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecodeEntry(f *testing.F) {
	for _, s := range []string{"", "\x01{}", "\x01{\"type\":\"msg\",\"text\":\"x\"}", "\x02{\"seq\":5}", "\x01{\"seq\":1e400}", "\x01{ }"} {
		f.Add([]byte(s), uint64(2), uint64(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, seq, prev uint64) {
		e, err := chat.DecodeEntry(data, seq, prev)
		if err != nil {
			return
		}
		if e.Seq != seq || e.Prev != prev {
			t.Fatalf("the entry's own position was taken: %+v", e)
		}
		frame, err := chat.AppendFrame(nil, data, seq, prev)
		if err != nil || !json.Valid(frame) {
			t.Fatalf("%q: %q, %v", data, frame, err)
		}
	})
}
