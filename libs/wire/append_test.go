package wire

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"hubbub.internal/libs/chat"
)

var welcome = Welcome{
	User: "u1", Name: "Ada \"\\\n\x01é\u2028", Session: "s1", Limits: Limits{1, 2, 3, 4, 7, 8, 9, 10}, PingMS: 5, TS: 6,
}

var (
	failure = chat.Error{Code: "unavailable", Message: "a \"b\"", RetryAfter: 1500 * time.Millisecond}
	retry   = chat.Error{Code: "x", Message: "y", RetryAfter: time.Microsecond}
)

// encoders has a call of every encoder, and the JSON that it must be equal to.
var encoders = []struct {
	name   string
	encode func(dst []byte) ([]byte, error)
	want   string
}{
	{"welcome", plain(func(d []byte) []byte { return AppendWelcome(d, []byte("i"), &welcome) }),
		`{"type":"welcome","id":"i","version":1,"user":"u1","name":"Ada \"\\\n\u0001é\u2028","session":"s1","limits":{"frame":1,"text":2,"rooms":3,"rate":4,"burst":7,"pending":8,"event":9,"joins":10},"ping_ms":5,"ts":6}`},
	{"joined", plain(func(d []byte) []byte { return AppendJoined(d, []byte("i"), "r", maxSeq, false, false) }),
		`{"type":"joined","id":"i","room":"r","seq":9007199254740991}`},
	{"joined, more", plain(func(d []byte) []byte { return AppendJoined(d, "", []byte("r"), 1, true, false) }),
		`{"type":"joined","room":"r","seq":1,"more":true}`},
	{"joined, rewind", plain(func(d []byte) []byte { return AppendJoined(d, []byte(nil), "r", 0, false, true) }),
		`{"type":"joined","room":"r","seq":0,"rewind":true}`},
	{"ack", plain(func(d []byte) []byte { return AppendAck(d, "i") }), `{"type":"ack","id":"i"}`},
	{"ack without an id", plain(func(d []byte) []byte { return AppendAck(d, "") }), `{"type":"ack"}`},
	{"ack of an edit", plain(func(d []byte) []byte { return AppendSeqAck(d, "i", 7) }), `{"type":"ack","id":"i","seq":7}`},
	{"ack of a send", plain(func(d []byte) []byte { return AppendSendAck(d, []byte("i"), []byte("m"), "r", 7, 8) }),
		`{"type":"ack","id":"i","msg_id":"m","room":"r","seq":7,"ts":8}`},
	{"ack of a text that is a command", plain(func(d []byte) []byte { return AppendSendAck(d, "i", "m", "r", 0, 8) }),
		`{"type":"ack","id":"i","msg_id":"m","room":"r","ts":8}`},
	{"error", plain(func(d []byte) []byte {
		return AppendError(d, []byte("i"), &failure, []byte("m"), []byte("r"))
	}), `{"type":"error","id":"i","code":"unavailable","message":"a \"b\"","retry_after_ms":1500,"msg_id":"m","room":"r"}`},
	{"error without an id", plain(func(d []byte) []byte { return AppendError(d, "", errNotJSON, "", "") }),
		`{"type":"error","code":"bad_json","message":"the frame is not one JSON object"}`},
	{"error to be retried at once", plain(func(d []byte) []byte {
		return AppendError(d, "", &retry, "", "")
	}), `{"type":"error","code":"x","message":"y","retry_after_ms":1}`},
	{"typing", plain(func(d []byte) []byte { return AppendTyping(d, "r", "u", []byte(`"Ada"`)) }),
		`{"type":"typing","room":"r","user":"u","name":"Ada"}`},
	{"read", plain(func(d []byte) []byte { return AppendRead(d, "r", "u", 7) }), `{"type":"read","room":"r","user":"u","seq":7}`},
	{"presence", func(d []byte) ([]byte, error) {
		return AppendPresence(d, "r", []byte(`{"users":[{"user":"u","name":"Ada","status":"idle"}],"count":1}`))
	}, `{"type":"presence","room":"r","users":[{"user":"u","name":"Ada","status":"idle"}],"count":1}`},
	{"inbox", func(d []byte) ([]byte, error) { return AppendInbox(d, "i", []byte(`{"rooms":[],"next":"r"}`)) },
		`{"type":"inbox","id":"i","rooms":[],"next":"r"}`},
	{"who", func(d []byte) ([]byte, error) { return AppendWho(d, "i", "r", []byte(" { \"count\":0 }\n")) },
		`{"type":"who","id":"i","room":"r","count":0}`},
	{"history", func(d []byte) ([]byte, error) {
		return AppendHistory(d, []byte("i"), "r", []byte(`{"messages":[],"more":false}`))
	}, `{"type":"history","id":"i","room":"r","messages":[],"more":false}`},
	{"an empty object", func(d []byte) ([]byte, error) { return AppendHistory(d, "i", "r", []byte(`{ }`)) },
		`{"type":"history","id":"i","room":"r"}`},
	{"an empty object without a space", func(d []byte) ([]byte, error) { return AppendHistory(d, "i", "r", []byte(`{}`)) },
		`{"type":"history","id":"i","room":"r"}`},
	{"notice", plain(func(d []byte) []byte {
		return AppendNotice(d, "i", "r", "users", "1: \"Ada\"", 1, []byte(`[{"user":"u","name":"Ada","status":"dnd"}]`))
	}),
		`{"type":"notice","id":"i","room":"r","code":"users","text":"1: \"Ada\"","count":1,"users":[{"user":"u","name":"Ada","status":"dnd"}]}`},
	{"notice without users", plain(func(d []byte) []byte { return AppendNotice(d, "", "r", "c", "t", 0, nil) }),
		`{"type":"notice","room":"r","code":"c","text":"t"}`},
	{"bye", plain(func(d []byte) []byte { return AppendBye(d, CloseDrain, "going", 1500) }),
		`{"type":"bye","close_code":4000,"code":4000,"message":"going","retry_after_ms":1500}`},
	{"bye for good", plain(func(d []byte) []byte { return AppendBye(d, CloseRevoked, "gone", 0) }),
		`{"type":"bye","close_code":4503,"code":4503,"message":"gone"}`},
}

func plain(f func([]byte) []byte) func([]byte) ([]byte, error) {
	return func(d []byte) ([]byte, error) { return f(d), nil }
}

func TestAppend(t *testing.T) {
	for _, tt := range encoders {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.encode([]byte("before"))
			if err != nil {
				t.Fatal(err)
			}
			if string(got[:6]) != "before" {
				t.Fatalf("what stood in dst is now %q", got[:6])
			}
			if d := cmp.Diff(object(t, []byte(tt.want)), object(t, got[6:])); d != "" {
				t.Errorf("want - got +\n%s", d)
			}
			e, err := DecodeEvent(got[6:])
			if err != nil {
				t.Fatal(err)
			}
			covers(t, tt.want, e)
		})
	}
}

func TestAppendAllocates(t *testing.T) {
	dst := make([]byte, 0, 1024)
	for _, tt := range encoders {
		if n := testing.AllocsPerRun(20, func() { _, _ = tt.encode(dst) }); n > 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
	name := []byte(`"Ada"`)
	room, user, msgID := "lobby", "u1", []byte("m1")
	c := Command{Text: []byte(`"hello"`), ThreadAuthor: []byte("u2"), ThreadID: []byte("m0"), Broadcast: true}
	if n := testing.AllocsPerRun(20, func() { AppendMsgEntry(dst, room, msgID, user, name, 1, &c) }); n > 0 {
		t.Errorf("entry: %v allocations", n)
	}
}

func TestSpliceRefusesOtherThanObjects(t *testing.T) {
	for _, s := range []string{"", "{", "}", "[]", "null", `{"a":1]`, `"{}"`} {
		dst, err := AppendHistory([]byte("before"), "i", "r", []byte(s))
		if !errors.Is(err, ErrNotObject) || string(dst) != "before" {
			t.Errorf("%q: %v, %q", s, err, dst)
		}
	}
}

// TestAppendMsgEntry shows that the edge's way to make an entry and chat's are the same in meaning,
// for any text that a client may send and any name.
func TestAppendMsgEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`)
		want := chat.Event{
			Type: chat.TypeMsg, Room: "r" + id.Draw(t, "room")[1:], ID: id.Draw(t, "id"), User: id.Draw(t, "user"),
			Name: rapid.StringN(1, -1, -1).Draw(t, "name"), TS: rapid.Int64().Draw(t, "ts"), Text: rapid.StringN(1, -1, -1).Draw(t, "text"),
		}
		if rapid.Bool().Draw(t, "reply") {
			want.ReplyTo = id.Draw(t, "reply_to")
			if rapid.Bool().Draw(t, "named") {
				want.ReplyAuthor = id.Draw(t, "reply_author")
			}
		}
		if rapid.Bool().Draw(t, "in a thread") {
			want.Thread = chat.Thread{Author: id.Draw(t, "thread author"), ID: id.Draw(t, "thread id")}
			want.Broadcast = rapid.Bool().Draw(t, "broadcast")
		}
		frame, err := json.Marshal(Request{
			Type: "send", Room: want.Room, MsgID: want.ID, Text: want.Text, ReplyTo: want.ReplyTo, ReplyAuthor: want.ReplyAuthor, Thread: want.Thread, Broadcast: want.Broadcast,
		})
		if err != nil {
			t.Fatal(err)
		}
		var c Command
		if err := c.Decode(frame); err != nil {
			for _, r := range want.Text {
				if r == 0 {
					return // no text
				}
			}
			t.Fatalf("%s: %v", frame, err)
		}
		entry := AppendMsgEntry([]byte("before"), c.Room, c.MsgID, want.User, AppendQuoted(nil, want.Name), want.TS, &c)
		got, err := chat.DecodeEntry(entry[6:], 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("want - got +\n%s", d)
		}
		std, err := chat.AppendEntry(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(jsonOf(std[1:]), jsonOf(entry[7:])); std[0] != entry[6] || d != "" {
			t.Fatalf("chat.AppendEntry - AppendMsgEntry +\n%s", d)
		}
	})
}

func jsonOf(b []byte) (v any) {
	if err := json.Unmarshal(b, &v); err != nil {
		return err.Error()
	}
	return v
}

// TestEntryVectors shows what clients see of an entry.
func TestEntryVectors(t *testing.T) {
	var all []struct {
		Name, Entry, Frame string
		Seq, Prev          uint64
	}
	readJSON(t, "testdata/entries.json", &all)
	if len(all) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range all {
		got, err := chat.AppendFrame(nil, append([]byte{chat.EntryVersion}, v.Entry...), v.Seq, v.Prev)
		if err != nil || string(got) != v.Frame {
			t.Errorf("%s: %s, %v", v.Name, got, err)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]Code{`"forbidden"`: "forbidden", `4000`: "4000", `""`: ""} {
		var c Code
		if err := json.Unmarshal([]byte(in), &c); err != nil || c != want {
			t.Errorf("%s is %q, %v", in, c, err)
		}
	}
	for _, in := range []string{`-1`, `70000`, `1.5`, `{}`, `true`} {
		var c Code
		if err := json.Unmarshal([]byte(in), &c); err == nil {
			t.Errorf("%s is %q", in, c)
		}
	}
	for code, want := range map[Code]CloseCode{"4003": CloseTokenExpired, "99999": 0, "drain": 0, "": 0, "-1": 0} {
		if c := code.Close(); c != want {
			t.Errorf("%q is close code %v, want %v", code, c, want)
		}
	}
}

// TestClosing shows that a bye is understood in the form of this release, and in that of earlier
// ones.
func TestClosing(t *testing.T) {
	for frame, want := range map[string]CloseCode{
		`{"type":"bye","close_code":4000,"code":4000,"message":"m"}`: CloseDrain,
		// as a later release may say it
		`{"type":"bye","close_code":4503,"code":"revoked"}`: CloseRevoked,
		// as earlier ones did
		`{"type":"bye","code":4503}`:     CloseRevoked,
		`{"type":"bye"}`:                 0,
		`{"type":"error","code":"4000"}`: 0,
	} {
		e, err := DecodeEvent([]byte(frame))
		if err != nil || e.Closing() != want {
			t.Errorf("%s announces %v, %v", frame, e.Closing(), err)
		}
	}
}

func BenchmarkAppendMsgEntry(b *testing.B) {
	dst := make([]byte, 0, 1024)
	name, text := []byte(`"Ada"`), []byte(`"The quick brown fox jumps over the lazy dog"`)
	room, user, msgID := "lobby", chat.NewID(), []byte(chat.NewID())
	c := Command{Text: text}
	b.ReportAllocs()
	for b.Loop() {
		AppendMsgEntry(dst, room, msgID, user, name, 1732382700123, &c)
	}
}

// TestLogged shows which events have a place in a room's log: those that have all that a position
// needs, whatever their type.
func TestLogged(t *testing.T) {
	for frame, want := range map[string]bool{
		`{"type":"sparkle","seq":1,"prev":0,"room":"r","id":"i"}`: true,
		`{"type":"sparkle","prev":0,"room":"r","id":"i"}`:         false,
		`{"type":"sparkle","seq":1,"prev":0,"id":"i"}`:            false,
		`{"type":"sparkle","seq":1,"prev":0,"room":"r"}`:          false,
		`{"type":"joined","seq":1,"room":"r","id":"i"}`:           false,
	} {
		e, err := DecodeEvent([]byte(frame))
		if err != nil || e.Logged() != want {
			t.Errorf("%s is logged: %v, %v", frame, e.Logged(), err)
		}
	}
}

// TestDecodeEventAllocates shows that the events of which a busy room is made are read without
// reflection: each string costs an allocation, and nothing else does.
func TestDecodeEventAllocates(t *testing.T) {
	for frame, most := range map[string]float64{
		`{"seq":2,"prev":1,"type":"msg","room":"r","id":"i","user":"u","name":"n","ts":3,"text":"t","reply_to":"o"}`:   6,
		`{"seq":2,"prev":1,"type":"reacted","room":"r","id":"i","user":"u","name":"n","ts":3,"emoji":"e","on":true}`:   5,
		`{"type":"ack","id":"i","msg_id":"m","room":"r","seq":7,"ts":8}`:                                               3,
		`{"type":"error","id":"i","code":"c","message":"m","retry_after_ms":5}`:                                        3,
		`{"type":"joined","room":"r","seq":1,"more":true,"rewind":false}`:                                              1,
		` { "type" : "member" , "member" : "m" , "role" : "r" , "target" : "t" , "seq" : 1 , "prev" : 0 , "on":false}`: 3,
	} {
		b := []byte(frame)
		if n := testing.AllocsPerRun(100, func() { _, _ = DecodeEvent(b) }); n > most {
			t.Errorf("%s: %v allocations, want at most %v", frame, n, most)
		}
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	frame := []byte(examples(b, "event")[0])
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEvent(frame); err != nil {
			b.Fatal(err)
		}
	}
}
