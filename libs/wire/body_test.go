package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/chat"
)

// TestDecodeBody: what a request says outside of its body counts, and the body says the rest, under
// the rules of the command.
func TestDecodeBody(t *testing.T) {
	send := Outside{Kind: Send, Room: []byte("r"), MsgID: []byte("made")}
	edit := Outside{Kind: Edit, Room: []byte("r"), Target: []byte("t"), Author: []byte("a"), MsgID: []byte("made")}
	react := Outside{Kind: React, Room: []byte("r"), Target: []byte("t"), Author: []byte("a"), Emoji: []byte("👍"), On: true, MsgID: []byte("made")}
	with := func(o Outside, change func(*Outside)) Outside { change(&o); return o }
	type fields = map[string]any
	for _, tt := range []struct {
		name, body string
		out        Outside
		want       fields // of an error its code
	}{
		{"a text", `{"text":"h\u0069"}`, send, fields{"type": "send", "room": "r", "msg_id": "made", "text": "hi", "text_len": 2.0}},
		{"an id", `{"text":"hi","msg_id":"m"}`, send, fields{"type": "send", "room": "r", "msg_id": "m", "text": "hi", "text_len": 2.0, "retry": true}},
		{"a first attempt", `{"text":"hi","msg_id":"m","retry":false}`, send, fields{"type": "send", "room": "r", "msg_id": "m", "text": "hi", "text_len": 2.0}},
		{"an id of null", `{"text":"hi","msg_id":null}`, send, fields{"type": "send", "room": "r", "msg_id": "made", "text": "hi", "text_len": 2.0}},
		{"what is said outside", `{"text":"hi","room":7,"room":"x","type":"ping","type":[],"id":"a b","rooms":[{"room":"x"}],"target":"y"}`, send,
			fields{"type": "send", "room": "r", "msg_id": "made", "text": "hi", "text_len": 2.0}},
		{"an answer", `{"text":"hi","reply_to":"q","reply_author":"u"}`, send,
			fields{"type": "send", "room": "r", "msg_id": "made", "text": "hi", "text_len": 2.0, "reply_to": "q", "reply_author": "u"}},
		{"an edit", `{"text":"hi","author":"other","target":"other"}`, edit,
			fields{"type": "edit", "room": "r", "msg_id": "made", "text": "hi", "text_len": 2.0, "target": "t", "author": "a"}},
		{"a reaction without a body", "", react, fields{"type": "react", "room": "r", "msg_id": "made", "target": "t", "author": "a", "emoji": "👍", "on": true}},
		{"a deletion", "", with(edit, func(o *Outside) { o.Kind = Delete }), fields{"type": "delete", "room": "r", "msg_id": "made", "target": "t", "author": "a"}},
		{"a pin", `{"on":true}`, with(edit, func(o *Outside) { o.Kind = Pin }), fields{"type": "pin", "room": "r", "msg_id": "made", "target": "t", "author": "a"}},

		{"no text", `{}`, send, fields{"code": chat.CodeBadRequest}},
		{"no body", ``, send, fields{"code": chat.CodeBadRequest}},
		{"two texts", `{"text":"hi","text":"ho"}`, send, fields{"code": chat.CodeBadRequest}},
		{"a bad id", `{"text":"hi","msg_id":7}`, send, fields{"code": chat.CodeBadRequest}},
		{"no object", `"hi"`, send, fields{"code": chat.CodeBadJSON}},
		{"more behind it", `{"text":"hi"}{}`, send, fields{"code": chat.CodeBadJSON}},
		{"too deep", `{"x":` + strings.Repeat("[", 40), send, fields{"code": chat.CodeBadJSON}},
		{"a bad room", `{"text":"hi"}`, with(send, func(o *Outside) { o.Room = []byte("a b") }), fields{"code": chat.CodeBadRequest}},
		{"a reserved room", `{"text":"hi"}`, with(send, func(o *Outside) { o.Room = []byte("_c") }), fields{"code": chat.CodeForbidden}},
		{"a bad author", `{"text":"hi"}`, with(edit, func(o *Outside) { o.Author = []byte("") }), fields{"code": chat.CodeBadRequest}},
		{"no emoji", "", with(react, func(o *Outside) { o.Emoji = []byte("text") }), fields{"code": chat.CodeBadRequest}},
		{"a long emoji", "", with(react, func(o *Outside) { o.Emoji = []byte(strings.Repeat("👍", 20)) }), fields{"code": chat.CodeBadRequest}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Command
			got := fields{}
			if err := c.DecodeBody([]byte(tt.body), tt.out); err != nil {
				got["code"] = chat.CodeOf(err)
				if strings.Contains(err.Error(), "frame") {
					t.Errorf("the error is %v", err)
				}
			} else {
				got = fieldsOf(&c)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("want - got +\n%s", d)
			}
		})
	}
}
