package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"hubbub.internal/libs/chat"
)

// FuzzDecode holds the decoder against encoding/json: a frame is JSON for one exactly if it is for
// the other, and what the decoder reads out of it is what encoding/json reads.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Frame))
	}
	f.Add([]byte("{\"type\":\"ping\",\"x\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		kept := bytes.Clone(frame)
		var c Command
		err := c.Decode(frame[:len(frame):len(frame)])
		if !bytes.Equal(kept, frame) {
			t.Fatal("Decode wrote into the frame")
		}
		whole := utf8.Valid(frame) && isObject(frame) && depth(frame) <= maxDepth
		if code := chat.CodeOf(err); whole == (code == chat.CodeBadJSON) {
			t.Fatalf("%q: %v, and encoding/json says %v", frame, err, whole)
		}
		if err != nil {
			return
		}
		var ref map[string]json.RawMessage
		if err := json.Unmarshal(frame, &ref); err != nil {
			t.Fatal(err)
		}
		checkStrings(t, &c, ref)
		checkNumbers(t, &c, ref)
		checkRooms(t, &c, ref)
	})
}

// checkRooms holds the rooms of a join against encoding/json: there are as many, and of each that
// is good the room, the id and the position are the same.
func checkRooms(t *testing.T, c *Command, ref map[string]json.RawMessage) {
	t.Helper()
	if c.Rooms == nil {
		return
	}
	var want []map[string]json.RawMessage
	if err := json.Unmarshal(ref["rooms"], &want); err != nil || len(want) > MaxJoins {
		t.Fatalf("%d rooms: %v", len(want), err)
	}
	n := 0
	var one Command
	c.EachRoom(&one, func(err error) bool {
		if n++; n > len(want) {
			t.Fatalf("there are %d rooms, for encoding/json %d", n, len(want))
		}
		if err == nil {
			checkStrings(t, &Command{Kind: Join, ID: one.ID, Room: one.Room}, withType(want[n-1]))
			checkNumbers(t, &one, want[n-1])
		}
		return true
	})
	if n != len(want) {
		t.Fatalf("there are %d rooms, for encoding/json %d", n, len(want))
	}
}

// withType returns the fields of a room of a join as those of a join.
func withType(fields map[string]json.RawMessage) map[string]json.RawMessage {
	fields["type"] = json.RawMessage(`"join"`)
	return fields
}

func isObject(frame []byte) bool {
	trimmed := bytes.TrimLeft(frame, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(frame)
}

// depth returns the depth of nesting of valid JSON.
func depth(frame []byte) (deepest int) {
	d := json.NewDecoder(bytes.NewReader(frame))
	open := 0
	for {
		tok, err := d.Token()
		if err != nil {
			return deepest
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			open++
			deepest = max(deepest, open)
		case json.Delim('}'), json.Delim(']'):
			open--
		}
	}
}

func checkStrings(t *testing.T, c *Command, ref map[string]json.RawMessage) {
	t.Helper()
	got := map[string][]byte{
		"id": c.ID, "room": c.Room, "msg_id": c.MsgID, "reply_to": c.ReplyTo, "target": c.Target, "reply_author": c.ReplyAuthor, "author": c.Author, "token": c.Token,
		"device": c.Device, "status": c.Status, "emoji": c.Emoji, "type": []byte(c.Kind.String()),
	}
	if c.Text != nil {
		got["text"] = AppendText(nil, c.Text)
		if len(got["text"]) != c.TextLen {
			t.Fatalf("text of %d bytes has a TextLen of %d", len(got["text"]), c.TextLen)
		}
		if !c.TextIs(string(got["text"])) {
			t.Fatalf("%s is not %q", c.Text, got["text"])
		}
	}
	for name, v := range got {
		if v == nil {
			continue
		}
		var want string
		if err := json.Unmarshal(ref[name], &want); err != nil || want != string(v) {
			t.Fatalf("%s is %q, for encoding/json %q (%v)", name, v, want, err)
		}
	}
}

func checkNumbers(t *testing.T, c *Command, ref map[string]json.RawMessage) {
	t.Helper()
	got := map[string]uint64{"before": c.Before, "around": c.Around, "seq": c.Seq, "version": uint64(c.Version)}
	if c.Kind == History {
		got["after"] = c.After
		if _, ok := ref["limit"]; ok && string(ref["limit"]) != "null" {
			got["limit"] = uint64(c.Limit)
		}
	}
	for name, n := range got {
		if n == 0 {
			continue
		}
		var want uint64
		if err := json.Unmarshal(ref[name], &want); err != nil || want != n {
			t.Fatalf("%s is %d, for encoding/json %d (%v)", name, n, want, err)
		}
	}
	if c.On && string(ref["on"]) != "true" {
		t.Fatalf("on is true, for encoding/json %s", ref["on"])
	}
	if c.Retry && string(ref["retry"]) != "true" {
		t.Fatalf("retry is true, for encoding/json %s", ref["retry"])
	}
	if c.HasAfter {
		var after map[string]json.RawMessage // not a struct: encoding/json would take SEQ for seq
		if err := json.Unmarshal(ref["after"], &after); err != nil {
			t.Fatal(err)
		}
		var seq uint64
		var id string
		if err := json.Unmarshal(after["seq"], &seq); err != nil || seq != c.After {
			t.Fatalf("after.seq is %d, for encoding/json %d (%v)", c.After, seq, err)
		}
		if after["id"] != nil && (json.Unmarshal(after["id"], &id) != nil || id != string(c.AfterID)) {
			t.Fatalf("after.id is %q, for encoding/json %q", c.AfterID, id)
		}
	}
}

// FuzzAppendQuoted shows that any string becomes a literal that encoding/json reads as the same
// string, and that the decoder takes as a text.
func FuzzAppendQuoted(f *testing.F) {
	for _, s := range []string{"", "plain", `"\/`, "\b\f\n\r\t\x00\x1f\x7f", "é€😀\u2028", "\xff", "a\xc3", "\ufffd\xff\ufffd", "\xed\xa0\x80", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		lit := AppendQuoted(nil, s)
		if !bytes.Equal(lit, AppendQuoted(nil, []byte(s))) {
			t.Fatal("a string and its bytes are quoted differently")
		}
		var got, want string
		if err := json.Unmarshal(lit, &got); err != nil {
			t.Fatalf("%q: %v", lit, err)
		}
		std, _ := json.Marshal(s)
		if err := json.Unmarshal(std, &want); err != nil || got != want {
			t.Fatalf("%q becomes %q, want %q", s, got, want)
		}
		if unescaped := AppendText(nil, lit); string(unescaped) != want {
			t.Fatalf("%q unescapes to %q", lit, unescaped)
		}
	})
}

// FuzzDecodeEvent shows that the short way to decode an event comes to the same as encoding/json.
func FuzzDecodeEvent(f *testing.F) {
	for _, kind := range []string{"event", "error"} {
		for _, line := range examples(f, kind) {
			f.Add([]byte(line))
		}
	}
	for _, s := range []string{
		`{"type":"bye","code":"4000"}`, `{"type":"msg","TEXT":"x","seq":1}`, `{"type":"msg","text":"\ud83d\ude00\ud83d","ts":-1}`, "{\"type\":\"\xff\"}",
		`{"type":"reacted","ON":true}`, `{"type":"msg","SEQ":1}`, `{"type":"x","deleted":true,"limits":null}`, `{"type":"x"`, `{"type" "x"}`,
		`{"seq":1.0}`, `{"seq":9007199254740993}`, `{"type":null,"on":null}`, ` { "type" : "msg" } `, `{"type":"msg"} x`, `{"type":"a","type":"b"}`, `{}`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		got, err := DecodeEvent(frame)
		var want Event
		wantErr := json.Unmarshal(frame, &want)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%s: %v, and encoding/json says %v", frame, err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nbecomes %+v\nencoding/json %+v", frame, got, want)
		}
	})
}
