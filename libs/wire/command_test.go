package wire

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/chat"
)

// vector is a row of testdata/commands.json.
type vector struct {
	Name    string         `json:"name"`
	Frame   string         `json:"frame"`
	Command map[string]any `json:"command"`
	Error   map[string]any `json:"error"`
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	readJSON(t, "testdata/commands.json", &all)
	return all
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// fieldsOf returns c in the form of the vectors.
func fieldsOf(c *Command) map[string]any {
	m := map[string]any{"type": c.Kind.String()}
	for name, v := range map[string][]byte{
		"id": c.ID, "room": c.Room, "msg_id": c.MsgID, "reply_to": c.ReplyTo, "target": c.Target, "reply_author": c.ReplyAuthor, "author": c.Author, "token": c.Token,
		"device": c.Device, "status": c.Status, "next": c.Next, "emoji": c.Emoji,
	} {
		if v != nil {
			m[name] = string(v)
		}
	}
	for name, v := range map[string]uint64{
		"text_len": uint64(c.TextLen), "before": c.Before, "around": c.Around, "seq": c.Seq, "version": uint64(c.Version),
	} {
		if v != 0 {
			m[name] = float64(v)
		}
	}
	if c.Oldest {
		m["oldest"] = true
	}
	if c.Text != nil {
		m["text"] = string(AppendText(nil, c.Text))
	}
	if c.Kind == History && c.Limit != 0 {
		m["limit"] = float64(c.Limit)
	}
	if c.HasAfter || c.After != 0 {
		after := map[string]any{"seq": float64(c.After)}
		if c.AfterID != nil {
			after["id"] = string(c.AfterID)
		}
		m["after"] = after
	}
	if c.On {
		m["on"] = true
	}
	if c.Retry {
		m["retry"] = true
	}
	if c.ThreadID != nil || c.ThreadAuthor != nil {
		m["thread"] = map[string]any{"author": string(c.ThreadAuthor), "id": string(c.ThreadID)}
	}
	if c.Broadcast {
		m["broadcast"] = true
	}
	if c.Rooms != nil {
		m["rooms"] = roomsOf(c)
	}
	return m
}

// TestEachKind: each kind is decoded by its name, and has a vector, with which other
// implementations are tested, too.
func TestEachKind(t *testing.T) {
	var shown []string
	for _, v := range vectors(t) {
		if v.Error == nil {
			kind, _ := v.Command["type"].(string)
			shown = append(shown, kind)
		}
	}
	for _, k := range Kinds() {
		if got := kindOf([]byte(k.String())); got != k {
			t.Errorf("%q is decoded as %q", k, got)
		}
		if !slices.Contains(shown, k.String()) {
			t.Errorf("testdata/commands.json has no %q that is decoded", k)
		}
	}
	if got := kindOf([]byte(KindUnknown.String())); got != KindUnknown {
		t.Errorf("the name of no kind is decoded as %q", got)
	}
}

// roomsOf returns the rooms of a join in the form of the vectors; of one that is refused, the code.
func roomsOf(c *Command) (rooms []any) {
	var one Command
	c.EachRoom(&one, func(err error) bool {
		room := fieldsOf(&one)
		delete(room, "type")
		if err != nil {
			room["error"] = chat.CodeOf(err)
		}
		rooms = append(rooms, room)
		return true
	})
	return rooms
}

func TestDecode(t *testing.T) {
	var c Command // one for all: nothing of a frame may reach the next
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			err := c.Decode([]byte(v.Frame))
			if v.Error == nil {
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(v.Command, fieldsOf(&c)); d != "" {
					t.Errorf("want - got +\n%s", d)
				}
				if c.Kind != History && c.Limit != DefaultLimit {
					t.Errorf("the limit of a command that has none is %d", c.Limit)
				}
				return
			}
			got := fieldsOf(&c)
			delete(got, "type")
			got["code"] = chat.CodeOf(err)
			if err == nil {
				got["code"] = "none"
			}
			if d := cmp.Diff(v.Error, got); d != "" {
				t.Errorf("want - got +\n%s", d)
			}
		})
	}
}

func TestDecodeNotUTF8(t *testing.T) {
	for _, frame := range []string{
		"{\"type\":\"send\",\"room\":\"r\",\"msg_id\":\"m\",\"text\":\"\xff\"}",
		"{\"type\":\"ping\",\"x\":\"\xc3\"}",
		"{\"type\":\"ping\",\"x\":\"\xed\xa0\x80\"}", // a surrogate
		"{\"type\":\"ping\",\"x\":\"\xc0\x80\"}",     // longer than it needs to be
		"{\"type\":\"ping\",\"x\":\"\xf4\x90\x80\x80\"}",
		"{\"type\":\"ping\"}\x80",
		"{\"type\":\"ping\",\"x\":\"\x80\"}",
		"\xff",
	} {
		var c Command
		if err := c.Decode([]byte(frame)); !errors.Is(err, ErrNotUTF8) {
			t.Errorf("%q: %v", frame, err)
		}
	}
}

// TestDecodeMessages shows that a sentence names the field and what it must be.
func TestDecodeMessages(t *testing.T) {
	for frame, want := range map[string]string{
		`{"type":"send","room":"r","msg_id":"m"}`:                              "send: text is missing; it must be a string that is not empty and has neither U+0000 nor an unpaired surrogate",
		`{"type":"join","room":"a b"}`:                                         "join: room must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -",
		`{"type":"join","room":"a","room":"b"}`:                                "join: room stands in the frame twice",
		`{"type":"join","room":"a","after":7}`:                                 "join: after must be an object with a seq (an integer from 0 to 9007199254740991) and the id of the event there",
		`{"type":"history","room":"a","after":{"seq":7}}`:                      "history: after must be an integer from 0 to 9007199254740991",
		`{"type":"history","room":"a","limit":1000}`:                           "history: limit must be an integer from 1 to 200",
		`{"type":"who","room":"r","next":"` + strings.Repeat("x", 1025) + `"}`: "who: next must be the next of an answer",
		`{"type":"status","status":"away"}`:                                    "status: status must be online, idle, dnd or invisible",
		`{"id":"1"}`:                                                           "type is missing; it must be a string, the name of a command",
		`{"type":"ping","x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[`:          "the frame nests objects or lists more than 32 levels deep",
	} {
		var c Command
		err, ok := errors.AsType[*chat.Error](c.Decode([]byte(frame)))
		if !ok || err.Message != want {
			t.Errorf("%s\n got %v\nwant %s", frame, err, want)
		}
	}
}

// TestDecodeCuts decodes every beginning of every frame: none but the whole is accepted.
func TestDecodeCuts(t *testing.T) {
	var c Command
	for _, v := range vectors(t) {
		if v.Error != nil || v.Frame[len(v.Frame)-1] != '}' {
			continue
		}
		for n := range len(v.Frame) {
			if err := c.Decode([]byte(v.Frame)[:n:n]); chat.CodeOf(err) != chat.CodeBadJSON {
				t.Fatalf("%s: %q: %v", v.Name, v.Frame[:n], err)
			}
		}
	}
}

func TestTextIs(t *testing.T) {
	for _, tt := range []struct {
		literal, text string
		want          bool
	}{
		{`"/list-users"`, "/list-users", true},
		{`"\/list\u002dusers"`, "/list-users", true},
		{`"/list-users "`, "/list-users", false},
		{`"/list-user\u0073"`, "/list-userz", false},
		{`"/list-user"`, "/list-users", false},
		{`"\ud83d\ude00é"`, "😀é", true},
		{`"\n"`, "n", false},
	} {
		var c Command
		if err := c.Decode([]byte(`{"type":"send","room":"r","msg_id":"m","text":` + tt.literal + `}`)); err != nil {
			t.Fatal(err)
		}
		if got := c.TextIs(tt.text); got != tt.want {
			t.Errorf("%s is %q: %v", tt.literal, tt.text, got)
		}
	}
	if c := (Command{}); c.TextIs("") || c.TextIs("x") {
		t.Error("a command without a text has one")
	}
	if got := AppendText([]byte("before"), nil); string(got) != "before" {
		t.Errorf("no text is appended as %q", got)
	}
}

// TestEachRoomEnds: whoever has seen enough rooms of a join ends it.
func TestEachRoomEnds(t *testing.T) {
	var c, one Command
	if err := c.Decode([]byte(`{"type":"join","rooms":[{"room":"a"},{"room":"b"},{"room":"c"}]}`)); err != nil {
		t.Fatal(err)
	}
	var seen []string
	c.EachRoom(&one, func(error) bool {
		seen = append(seen, string(one.Room))
		return len(seen) < 2
	})
	if d := cmp.Diff([]string{"a", "b"}, seen); d != "" {
		t.Error(d)
	}
}

func TestDecodeAllocates(t *testing.T) {
	var c, one Command
	for _, v := range vectors(t) {
		frame := []byte(v.Frame)
		if n := testing.AllocsPerRun(20, func() {
			_ = c.Decode(frame)
			c.EachRoom(&one, func(error) bool { return true })
		}); n > 0 {
			t.Errorf("%s: %v allocations", v.Name, n)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, frame := range map[string]string{
		"send":  `{"type":"send","id":"123","room":"0192f3c0-1a2b-7c3d-8e4f-5a6b7c8d9e0f","msg_id":"0192f3c4-8b2d-7a41-b5a3-5d1f0e6c2b7a","text":"The quick brown fox jumps over the lazy dog, and then it jumps over it again, and once more, 100 byte"}`,
		"ping":  `{"type":"ping","id":"1"}`,
		"emoji": `{"type":"send","room":"lobby","msg_id":"0192f3c4-8b2d-7a41-b5a3-5d1f0e6c2b7a","text":"😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀"}`,
	} {
		b.Run(name, func(b *testing.B) {
			f := []byte(frame)
			b.SetBytes(int64(len(f)))
			b.ReportAllocs()
			var c Command
			for b.Loop() {
				if err := c.Decode(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
