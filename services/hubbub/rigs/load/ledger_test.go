package load

import (
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
)

// TestVerdict plants one fault at a time into history or into what a socket saw.
func TestVerdict(t *testing.T) {
	due := time.Now()
	message := func(seq uint64, id string, sender, number int) chat.Message {
		return chat.Message{Event: chat.Event{Type: chat.TypeMsg, Seq: seq, ID: id, Text: textOf(sender, number, due, 0)}}
	}
	record := func() []chat.Message {
		return []chat.Message{message(10, "a", 0, 0), message(11, "b", 1, 0), message(15, "c", 0, 1), message(20, "d", 1, 1)}
	}
	acks := func() map[string]uint64 { return map[string]uint64{"a": 10, "b": 11, "c": 15, "d": 20} }
	all := []uint64{10, 11, 15, 20}

	for _, tt := range []struct {
		name   string
		record func() []chat.Message
		acks   func() map[string]uint64
		seen   []uint64
		joined uint64
		want   Verdict
		says   string
	}{
		{name: "everything once", want: Verdict{Delivered: 4}},
		{name: "joined in the middle", joined: 12, seen: []uint64{15, 20}, want: Verdict{Delivered: 2}},
		{name: "a send without an answer was stored", acks: func() map[string]uint64 { return map[string]uint64{"a": 10, "b": 11, "c": 15} }, want: Verdict{Delivered: 4}},
		{name: "acknowledged and not in history", acks: func() map[string]uint64 { m := acks(); m["e"] = 21; return m }, want: Verdict{Delivered: 4, Lost: 1}, says: "message e"},
		{name: "acknowledged with another seq", acks: func() map[string]uint64 { m := acks(); m["b"] = 12; return m }, want: Verdict{Delivered: 4, Misordered: 1}, says: "acknowledged with seq 12"},
		{name: "twice in history", record: func() []chat.Message { return append(record(), message(21, "b", 1, 2)) }, seen: append(all[:4:4], 21), want: Verdict{Delivered: 5, Doubled: 1}, says: "has message b twice"},
		{name: "a sender out of order", record: func() []chat.Message {
			return []chat.Message{message(10, "a", 0, 1), message(11, "b", 1, 0), message(15, "c", 0, 0), message(20, "d", 1, 1)}
		}, want: Verdict{Delivered: 4, Misordered: 1}, says: "message 0 of sender 0"},
		{name: "not seen", seen: []uint64{10, 11, 20}, want: Verdict{Delivered: 3, Lost: 1}, says: "never saw message c"},
		{name: "seen twice", seen: []uint64{10, 11, 11, 15, 20}, want: Verdict{Delivered: 5, Doubled: 1}, says: "saw seq 11 twice"},
		{name: "seen in another order", seen: []uint64{10, 15, 11, 20}, want: Verdict{Delivered: 4, Misordered: 1}, says: "saw seq 11 after 15"},
		{name: "seen and not in history", seen: []uint64{10, 11, 13, 15, 20}, want: Verdict{Delivered: 5, Lost: 1}, says: "saw seq 13"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRoom("r")
			if tt.acks == nil {
				tt.acks = acks
			}
			if tt.record == nil {
				tt.record = record
			}
			if tt.seen == nil {
				tt.seen = all
			}
			tt.want.Acknowledged = len(tt.acks())
			for id, seq := range tt.acks() {
				r.acks[id] = seq
			}
			var got Verdict
			r.judgeRecord(tt.record(), &got)
			got.compare("r", "socket 0", append([]uint64(nil), tt.seen...), tt.joined, marksOf(tt.record()))
			first := strings.Join(got.First.All(), "\n")
			if got.String() != tt.want.String() {
				t.Errorf("the verdict is %s, want %s", got, tt.want)
			}
			if !strings.Contains(first, tt.says) {
				t.Errorf("it says %q, want %q", first, tt.says)
			}
			if got.Good() != (tt.says == "") {
				t.Errorf("Good is %t", got.Good())
			}
		})
	}
}

// TestVerdictsAdd: a sum of verdicts describes the first ten findings of each kind, however many
// there are of another.
func TestVerdictsAdd(t *testing.T) {
	var all Verdict
	for range 3 {
		var v Verdict
		for range 30 {
			v.lost("lost")
		}
		v.doubled("doubled")
		all.Add(v)
	}
	all.Add(Verdict{Misordered: 1, First: Findings{Misordered: []string{"misordered"}}})
	if all.Lost != 90 || len(all.First.Lost) != 10 || all.Doubled != 3 || len(all.First.Doubled) != 3 || len(all.First.All()) != 14 || all.Good() {
		t.Errorf("%s: %+v", all, all.First)
	}
}

// TestVerdictsFollowOn: a verdict does not judge a message again, and recognizes the ids of earlier
// verdicts.
func TestVerdictsFollowOn(t *testing.T) {
	r := newRoom("r")
	due := time.Now()
	m := func(seq uint64, id string, number int) chat.Message {
		return chat.Message{Event: chat.Event{Type: chat.TypeMsg, Seq: seq, ID: id, Text: textOf(0, number, due, 50)}}
	}
	step := func(record []chat.Message, seen ...uint64) (v Verdict) {
		r.judgeRecord(record, &v)
		v.compare("r", "socket 0", seen, r.checked, marksOf(record))
		r.checked = record[len(record)-1].Seq
		return v
	}
	if v := step([]chat.Message{m(1, "a", 0), m(2, "b", 1)}, 1, 2); !v.Good() {
		t.Errorf("the first is %s", v)
	}
	if v := step([]chat.Message{m(3, "c", 2)}, 3); !v.Good() || v.Delivered != 1 {
		t.Errorf("the second is %s", v)
	}
	if v := step([]chat.Message{m(4, "a", 1)}, 4); v.Doubled != 1 || v.Misordered != 1 {
		t.Errorf("with a message that came before, the verdict is %s", v)
	}
}

// TestText: the fields of a text can be read back, whatever its length, and other texts are not
// taken for ours.
func TestText(t *testing.T) {
	due := time.UnixMicro(1_700_000_000_123_456)
	for _, bytes := range []int{0, 30, 1000} {
		text := textOf(7, 42, due, bytes)
		if sender, number, ok := originOf(text); sender != 7 || number != 42 || !ok || len(text) < bytes {
			t.Errorf("%q is message %d of %d, %t", text, number, sender, ok)
		}
		if at, ok := dueOf(text); !ok || !at.Equal(due) {
			t.Errorf("%q was due at %s, %t", text, at, ok)
		}
	}
	for _, text := range []string{"", "1", "1 2", "hello to you", "1 x 3", "a b c"} {
		_, _, hasOrigin := originOf(text)
		_, hasDue := dueOf(text)
		if hasOrigin && hasDue {
			t.Errorf("%q is taken for one of ours", text)
		}
	}
	text := textOf(7, 42, due, 200)
	p := &part{}
	p.meter.sent()
	if n := testing.AllocsPerRun(100, func() { watcher{p}.Delivered(text) }); n > 0 {
		t.Errorf("a delivery allocates %f times", n)
	}
}
