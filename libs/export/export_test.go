package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"hubbub.internal/libs/chat"
)

// copied returns the lines of a copy of a room.
func copied(t *testing.T) (lines []string, last Hash) {
	t.Helper()
	var s State
	add := func(line json.RawMessage, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
		// who copies in several requests carries the state along
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		s = State{}
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
	}
	add(s.Add(KindHead, Head{Version: Version, At: 1_700_000_000_000, By: "Ann", Room: &Room{ID: "r1", Name: "R & <D>", Topic: "what's on", Private: true}}))
	add(s.Add(KindMember, Member{User: "u1", Name: "Ann", Role: "owner"}))
	add(s.Add(KindMember, Member{User: "u2", Name: "Bob", Role: "member"}))
	message := func(seq uint64, user, text string, change func(*chat.Message)) {
		m := chat.Message{Event: chat.Event{
			Type: chat.TypeMsg, Room: "r1", Seq: seq, User: user, Name: map[string]string{"u1": "Ann", "u2": "Bob"}[user], ID: fmt.Sprint("m", seq), TS: 1_700_000_000_000 + int64(seq)*40_000_000, Text: text,
		}}
		if change != nil {
			change(&m)
		}
		add(s.Add(KindMessage, m))
	}
	message(1, "u1", "first\n<script>alert(1)</script> \u2028 \u202e", nil)
	message(2, "u2", "", func(m *chat.Message) { m.Deleted = true })
	message(3, "u2", "an answer", func(m *chat.Message) {
		m.ReplyTo, m.ReplyAuthor, m.EditedTS, m.Pinned = "m1", "u1", 1_700_200_000_000, true
		m.Reactions = map[string][]string{"👍": {"u1", "u2"}, "🎉": {"u9"}}
	})
	add(s.Add(KindAct, chat.Event{Type: chat.TypeModerated, Room: "r1", Seq: 4, TS: 1_700_300_000_000, User: "u1", Name: "Ann", Act: chat.ActBan, Member: "u2", MemberName: "Bob", Text: "spam"}))
	add(s.Add("of a later release", map[string]int{"x": 1}))
	end, err := s.End()
	if err != nil {
		t.Fatal(err)
	}
	return append(lines, string(end)), s.Hash
}

func file(lines []string) string { return strings.Join(lines, "\n") + "\n" }

func TestVerify(t *testing.T) {
	lines, last := copied(t)
	var kinds []string
	sum, err := Verify(strings.NewReader(file(lines)), func(l Line) error {
		kinds = append(kinds, l.Kind)
		return nil
	})
	if err != nil || sum.Hash != last || sum.Head.Room == nil || sum.Head.Room.Name != "R & <D>" || sum.Lines[KindMessage] != 3 || sum.Lines[KindEnd] != 0 {
		t.Errorf("%+v, %v; want hash %s", sum, err, last)
	}
	if got := strings.Join(kinds, " "); got != "export member member message message message act of a later release" {
		t.Errorf("told of %s", got)
	}
	// without the end of the last line, and with those of another system
	for _, text := range []string{strings.Join(lines, "\n"), strings.Join(lines, "\r\n")} {
		if _, err := Verify(strings.NewReader(text), nil); err != nil {
			t.Error(err)
		}
	}
	stop := errors.New("enough")
	if _, err := Verify(strings.NewReader(file(lines)), func(Line) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// TestVerifyOutside checks a copy with nothing but what the comment of the package says.
func TestVerifyOutside(t *testing.T) {
	lines, _ := copied(t)
	var h Hash
	for i, line := range lines {
		body := "{" + line[len(`{"hash":"`)+64+2:]
		if h = h.next([]byte(body)); line != `{"hash":"`+h.String()+`",`+body[1:] || !json.Valid([]byte(line)) {
			t.Errorf("line %d: %s", i+1, line)
		}
	}
}

// TestAltered: whatever is done to a copy is found, and the error says where.
func TestAltered(t *testing.T) {
	whole, _ := copied(t)
	again := func(change func(lines []string) []string) string {
		return file(change(append([]string(nil), whole...)))
	}
	// forged makes the hashes fit again from a line on, as somebody would who knows the form.
	forged := func(lines []string) []string {
		var h Hash
		for i, line := range lines {
			body := []byte("{" + line[len(`{"hash":"`)+64+2:])
			h = h.next(body)
			lines[i] = fmt.Sprintf(`{"hash":"%s",%s`, h, body[1:])
		}
		return lines
	}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "has 0 lines"},
		{"a text", "hello\n", "line 1: it does not begin with a hash"},
		{"a changed text", again(func(l []string) []string { l[5] = strings.Replace(l[5], "answer", "ANSWER", 1); return l }), "line 6: its hash does not fit"},
		{"a changed hash", again(func(l []string) []string { l[3] = `{"hash":"00` + l[3][11:]; return l }), "line 4: its hash does not fit"},
		{"a line less", again(func(l []string) []string { return append(l[:4], l[5:]...) }), "line 5: its hash does not fit"},
		{"a line twice", again(func(l []string) []string { return append(l[:4], append([]string{l[3]}, l[4:]...)...) }), "line 5: its hash does not fit"},
		{"lines in another order", again(func(l []string) []string { l[3], l[4] = l[4], l[3]; return l }), "line 4: its hash does not fit"},
		{"no beginning", again(func(l []string) []string { return l[1:] }), "line 1: its hash does not fit"},
		{"no end", again(func(l []string) []string { return l[:len(l)-1] }), "the end was cut off"},
		{"half a line", again(func(l []string) []string { l[8] = l[8][:len(l[8])-5]; return l }), "line 9"},
		{"something more", again(func(l []string) []string { return append(l, l[3]) }), "line 10: it follows the last line"},
		{"an empty line", again(func(l []string) []string { return append(l[:2], append([]string{""}, l[2:]...)...) }), "line 3: it does not begin"},
		{"no head, forged", again(func(l []string) []string { return forged(l[1:]) }), "line 1: an export has a head"},
		{"two heads, forged", again(func(l []string) []string { return forged(append(l[:2], append([]string{l[0]}, l[2:]...)...)) }), "line 3: an export has a head"},
		{"a line less, forged", again(func(l []string) []string { return forged(append(l[:4], l[5:]...)) }), "it says that the lines before it are"},
		{"another version, forged", again(func(l []string) []string {
			l[0] = strings.Replace(l[0], `"version":1`, `"version":0`, 1)
			return forged(l)
		}), "line 1: its head"},
		{"two members, forged", again(func(l []string) []string { l[3] = l[3][:len(l[3])-1] + `,"more":1}`; return forged(l) }), "line 4: it is not an object with"},
		{"a long line", strings.Repeat("x", MaxLine+1), "line 1: it has more than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Verify(strings.NewReader(tt.text), nil); !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v; want %q", err, tt.want)
			}
		})
	}
}

func TestPage(t *testing.T) {
	lines, last := copied(t)
	var out bytes.Buffer
	p := NewPage(&out)
	if _, err := Verify(strings.NewReader(file(lines)), p.Line); err != nil {
		t.Fatal(err)
	}
	if err := p.End(last); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{
		"<!doctype html>", "<title>R &amp; &lt;D&gt;</title>", "what&#39;s on", ", private", "Copied by Ann at 2023-11-14 22:13:20 UTC",
		"<bdi>Bob</bdi>, member", "<h2>Wednesday, 15 November 2023</h2>", `id="m-u1-m1"`, "&lt;script&gt;alert(1)&lt;/script&gt;",
		"This message was deleted.", `In reply to <a href="#m-u1-m1">Ann</a>`, "edited 2023-11-17", ", pinned", `<span title="Ann, Bob">👍 2</span>`, `<span title="u9">🎉 1</span>`,
		"ban <bdi>Bob</bdi>: spam", "<code>" + last.String() + "</code>", "</html>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(got, "<script") || strings.Count(got, "<h2>") != 2 {
		t.Errorf("%s", got)
	}
	// of a person, and of a direct room without messages
	for want, head := range map[string]Head{
		"All messages of user u1.":   {Version: 1, By: "x", Person: &Person{ID: "u1", Name: "Ann"}},
		"<title>Direct room</title>": {Version: 1, By: "x", Room: &Room{ID: "d", Direct: true}},
	} {
		out.Reset()
		p := NewPage(&out)
		text, err := json.Marshal(head)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(p.Line(Line{KindHead, text}), p.End(last)); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%v: %s", err, out.String())
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(`{"hash":"` + strings.Repeat("0", 64) + `","export":{"version":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := Verify(strings.NewReader(text), NewPage(&bytes.Buffer{}).Line); err == nil {
			t.Errorf("%q was taken for an export", text)
		}
	})
}
