package wire

import (
	"strings"
	"testing"

	"hubbub.internal/libs/chat"
)

// TestBodiesOfRequests: what the path says counts, what the body says of itself is looked at, and
// what is no field of it says nothing.
func TestBodiesOfRequests(t *testing.T) {
	out := Outside{Kind: Send, Room: []byte("lobby"), MsgID: []byte("made")}
	for body, want := range map[string]string{
		`{"text":"x","id":"r1","rooms":[{"room":"a"}]}`: "made", `{"text":"x","msg_id":"m1"}`: "m1", `{"text":"x","msg_id":null}`: "made",
		`{"text":"x","msg_id":"a b"}`: "", `{"text":"x","msg_id":7}`: "", `x`: "", `{`: "", ` `: "", ``: "",
	} {
		var c Command
		err := c.DecodeBody([]byte(body), out)
		if (err == nil) != (want != "") {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if err == nil && (string(c.MsgID) != want || c.ID != nil || c.Rooms != nil || string(c.Room) != "lobby") {
			t.Errorf("%s: %+v", body, c)
		}
	}
}

// TestEmojiTakenBack: also one that is only taken back has no control characters.
func TestEmojiTakenBack(t *testing.T) {
	for emoji, good := range map[string]bool{"x": true, `\u0007`: false, "\x7f": false, `\u007f`: false, "": false, strings.Repeat("x", MaxEmoji): true, strings.Repeat("x", MaxEmoji+1): false} {
		var c Command
		err := c.Decode([]byte(`{"type":"react","room":"r","msg_id":"m","target":"t","on":false,"emoji":"` + emoji + `"}`))
		if (err == nil) != good {
			t.Errorf("%q: %v", emoji, err)
		}
	}
}

// TestFieldsAreCutOff: whoever appends to a field does not write into the frame.
func TestFieldsAreCutOff(t *testing.T) {
	frame := []byte(`{"type":"send","id":"i","room":"r","msg_id":"m","text":"x","reply_to":"t"}`)
	was := string(frame)
	var c Command
	if err := c.Decode(frame); err != nil {
		t.Fatal(err)
	}
	for _, f := range [][]byte{c.ID, c.Room, c.MsgID, c.ReplyTo, c.Text} {
		_ = append(f, "zzzz"...)
	}
	if string(frame) != was {
		t.Errorf("the frame is now %s", frame)
	}
}

// TestUnusedFields: what a command does not use is neither looked at nor passed on.
func TestUnusedFields(t *testing.T) {
	var c Command
	if err := c.Decode([]byte(`{"type":"ping","room":"_control","after":{"seq":7,"id":"x"},"before":5,"limit":9,"seq":3}`)); err != nil {
		t.Fatal(err)
	}
	if c.Room != nil || c.After != 0 || c.AfterID != nil || c.HasAfter || c.Before != 0 || c.Limit != DefaultLimit || c.Seq != 0 {
		t.Errorf("%+v", c)
	}
	if err := c.Decode([]byte(`{"type":"leave","room":"_control"}`)); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("a reserved room: %v", err)
	}
}

// TestTypesInAList: a room of a list may say its type, or lists, once or twice: it makes no
// difference.
func TestTypesInAList(t *testing.T) {
	var c, one Command
	if err := c.Decode([]byte(`{"type":"join","rooms":[{"type":"x","type":"y","rooms":[],"rooms":1,"room":"a"},{"room":"b"}]}`)); err != nil {
		t.Fatal(err)
	}
	var got []string
	c.EachRoom(&one, func(err error) bool {
		if err != nil || one.Rooms != nil || one.Kind != Join {
			t.Errorf("%+v, %v", one, err)
		}
		got = append(got, string(one.Room))
		return true
	})
	if strings.Join(got, " ") != "a b" {
		t.Errorf("rooms %q", got)
	}
}

// TestJoinedSaysAll: there may be more, and a rewind, at the same time.
func TestJoinedSaysAll(t *testing.T) {
	e, err := DecodeEvent(AppendJoined(nil, "i", "r", 7, true, true))
	if err != nil || !e.More || !e.Rewind || e.Seq != 7 || e.ID != "i" || e.Room != "r" {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestNotOfTheLog: what answers or tells something is no entry of a log, whatever fields it has.
func TestNotOfTheLog(t *testing.T) {
	for _, kind := range []string{
		EventWelcome, EventJoined, EventAck, EventError, EventTyping, EventRead, EventPresence, EventWho, EventHistory, EventNotice, EventBye, EventInbox,
	} {
		if e := (Event{Event: chat.Event{Type: kind, Seq: 1, Room: "r", ID: "i"}}); e.Logged() {
			t.Errorf("%s is of the log", kind)
		}
	}
	for _, e := range []chat.Event{{Type: chat.TypeMsg, Room: "r", ID: "i"}, {Type: chat.TypeMsg, Seq: 1, ID: "i"}, {Type: chat.TypeMsg, Seq: 1, Room: "r"}} {
		if (&Event{Event: e}).Logged() {
			t.Errorf("%+v is of the log", e)
		}
	}
	if e := (Event{Event: chat.Event{Type: "later", Seq: 1, Room: "r", ID: "i"}}); !e.Logged() {
		t.Error("an entry of a later release is not of the log")
	}
}
