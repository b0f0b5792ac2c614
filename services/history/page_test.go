package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

func TestPages(t *testing.T) {
	w := open(t)
	var seqs []uint64
	for i := range 7 {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint(i)))
		// What has been acknowledged is there, stored or not.
		if got := texts(w.page(historyapi.PageRequest{Room: "r1", Limit: 1})); got != fmt.Sprint(i) {
			t.Fatalf("the newest message is %q, want %d", got, i)
		}
	}
	check := func() {
		t.Helper()
		for _, tt := range []struct {
			req  historyapi.PageRequest
			want string
			more bool
		}{
			{historyapi.PageRequest{}, "0 1 2 3 4 5 6", false},
			{historyapi.PageRequest{Limit: 7}, "0 1 2 3 4 5 6", false},
			{historyapi.PageRequest{Limit: 3}, "4 5 6", true},
			{historyapi.PageRequest{Before: seqs[4], Limit: 3}, "1 2 3", true},
			{historyapi.PageRequest{Before: seqs[3], Limit: 3}, "0 1 2", false},
			{historyapi.PageRequest{Before: seqs[0]}, "", false},
			{historyapi.PageRequest{After: seqs[2], Limit: 2}, "3 4", true},
			{historyapi.PageRequest{After: seqs[4], Limit: 2}, "5 6", false},
			{historyapi.PageRequest{After: seqs[6]}, "", false},
			{historyapi.PageRequest{Around: seqs[3], Limit: 4}, "2 3 4 5", true},
			{historyapi.PageRequest{Around: seqs[0], Limit: 4}, "0 1 2", true},
			{historyapi.PageRequest{Around: seqs[6], Limit: 200}, "0 1 2 3 4 5 6", false},
			{historyapi.PageRequest{Around: bus.MaxSeq, Limit: 2}, "6", true},
			{historyapi.PageRequest{Oldest: true, Limit: 2}, "0 1", true},
		} {
			tt.req.Room = "r1"
			if p := w.page(tt.req); texts(p) != tt.want || p.More != tt.more {
				t.Errorf("%+v: %q, more %v; want %q, %v", tt.req, texts(p), p.More, tt.want, tt.more)
			}
		}
	}
	check()
	w.stored("r1", seqs[6])
	check()
	for _, req := range []historyapi.PageRequest{
		{Room: "a b"}, {Room: chat.ControlRoom}, {Room: "r1", Limit: 201}, {Room: "r1", Limit: -1}, {Room: "r1", Before: 1, After: 1}, {Room: "r1", Around: 1 << 53},
		{Room: "r1", Oldest: true, Before: 1},
	} {
		if _, err := w.api.Page(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

// TestSince asks for what a client missed, while nothing, a part and everything of it is stored.
func TestSince(t *testing.T) {
	w := open(t)
	w.store.down.Store(true)
	w.store.readers.Store(true)
	var seqs []uint64
	for i := range 5 {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint(i)))
	}
	check := func() {
		t.Helper()
		for _, tt := range []struct {
			after   uint64
			id      string
			limit   int
			want    []uint64
			more    bool
			rewound bool
		}{
			{after: 0, limit: 100, want: seqs},
			{after: 0, limit: 2, want: seqs[:2], more: true},
			{after: seqs[1], id: "m1", limit: 3, want: seqs[2:]},
			{after: seqs[1], id: "m1", limit: 2, want: seqs[2:4], more: true},
			{after: seqs[4], id: "m4", limit: 2},
			{after: seqs[1], id: "other", limit: 2, rewound: true},
			{after: seqs[1] + 1, id: "m1", limit: 2, rewound: true},
			{after: seqs[4] + 9, id: "m9", limit: 2, rewound: true},
		} {
			got, err := w.api.Since(t.Context(), historyapi.SinceRequest{Room: "r1", After: tt.after, ID: tt.id, Limit: tt.limit})
			if err != nil {
				t.Fatal(err)
			}
			var found []uint64
			prev := tt.after
			for _, e := range got.Entries {
				if e.Prev != prev {
					t.Errorf("prev of %d is %d, want %d", e.Seq, e.Prev, prev)
				}
				found, prev = append(found, e.Seq), e.Seq
			}
			if tt.rewound && got.Through != seqs[4] {
				t.Errorf("since %d, rewound, is through %d, want the end at %d", tt.after, got.Through, seqs[4])
			}
			if !slices.Equal(found, tt.want) || got.More != tt.more || got.Rewound != tt.rewound {
				t.Errorf("since %d: %+v, want %v, more %v, rewound %v", tt.after, got, tt.want, tt.more, tt.rewound)
			}
			if !tt.rewound && (tt.more && got.Through != tt.want[len(tt.want)-1] || !tt.more && got.Through < seqs[4]) {
				t.Errorf("since %d is through %d", tt.after, got.Through)
			}
		}
	}
	check()
	w.store.down.Store(false)
	w.stored("r1", seqs[4])
	check()
	for _, req := range []historyapi.SinceRequest{{Room: "a b", Limit: 1}, {Room: "r1"}, {Room: "r1", Limit: 1001}, {Room: "r1", Limit: 1, After: 1 << 53}} {
		if _, err := w.api.Since(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

// TestConflictsAreNotParted pages through a room in which two messages have one Seq, in pages of
// each size: wherever one ends, none is missed.
func TestConflictsAreNotParted(t *testing.T) {
	w := open(t)
	var seqs []uint64
	for i := range 5 {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint(i)))
	}
	w.stored("r1", seqs[4])
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "bob", Name: "bob", ID: "twin", Text: "twin"})
	if err != nil {
		t.Fatal(err)
	}
	twin := store.Entry{Room: "r1", Seq: seqs[2], Sender: "bob", ID: "twin", Type: chat.TypeMsg, Data: data}
	if out, err := w.store.Append(t.Context(), []store.Entry{twin}); err != nil || len(out.Conflicts) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	const all = "0 1 2 twin 3 4"
	for limit := 2; limit <= 7; limit++ {
		var back, on, since []string
		for before, more := uint64(0), true; more; {
			p := w.page(historyapi.PageRequest{Room: "r1", Before: before, Limit: limit})
			back, before, more = append([]string{texts(p)}, back...), p.Messages[0].Seq, p.More
		}
		for after, more := uint64(1), true; more; {
			p := w.page(historyapi.PageRequest{Room: "r1", After: after, Limit: limit})
			on, after, more = append(on, texts(p)), p.Messages[len(p.Messages)-1].Seq, p.More
		}
		for after, more := uint64(0), true; more; {
			s, err := w.api.Since(t.Context(), historyapi.SinceRequest{Room: "r1", After: after, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range s.Entries {
				event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
				if err != nil {
					t.Fatal(err)
				}
				since = append(since, event.Text)
			}
			after, more = s.Through, s.More
		}
		for way, got := range map[string][]string{"back": back, "on": on, "since": since} {
			if strings.Join(got, " ") != all {
				t.Errorf("%s in pages of %d: %q", way, limit, got)
			}
		}
		// Half of a page is before, as long as both fit there.
		if got := texts(w.page(historyapi.PageRequest{Room: "r1", Around: seqs[2], Limit: limit})); limit > 3 && !strings.Contains(got, "2 twin") {
			t.Errorf("around the two, %d of them: %q", limit, got)
		}
	}
}

// TestLongTail asks for a page while very much is not stored yet: rather than hold all of it,
// history asks to come again.
func TestLongTail(t *testing.T) {
	w := open(t)
	w.stop() // so nothing is stored
	appended := func(room string, n, size int) {
		t.Helper()
		data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeTopic, Room: room, User: "ann", Text: strings.Repeat("x", size)})
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if _, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: room, Sender: "ann", ID: fmt.Sprint("m", i), Data: data}); err != nil {
				t.Fatal(err)
			}
		}
	}
	appended("large", maxReplay+1, maxTailBytes/maxReplay)
	appended("many", maxReplay+1, 1)
	appended("short", maxReplay, 1)
	for _, tt := range []struct {
		room string
		most int // entries
		code string
	}{{"large", 10 * maxReplay, chat.CodeUnavailable}, {"many", maxReplay, chat.CodeUnavailable}, {"many", maxReplay + 1, ""}, {"short", maxReplay, ""}} {
		w.records.maxTail = tt.most
		if _, err := w.pageNow(historyapi.PageRequest{Room: tt.room}); chat.CodeOf(err) != tt.code {
			t.Errorf("a page of %s, with at most %d entries: %v", tt.room, tt.most, err)
		}
	}
}

// TestLongMessages asks for more than one page has, and more than one answer on the bus can carry:
// it is cut, says so, and the rest can be had.
func TestLongMessages(t *testing.T) {
	w := open(t)
	const n, long = 24, 32 << 10
	var seqs []uint64
	for i := range n {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), strings.Repeat("x", long)))
	}
	check := func() {
		t.Helper()
		got, before := 0, uint64(0)
		for more := true; more; {
			p := w.page(historyapi.PageRequest{Room: "r1", Before: before, Limit: 200})
			if len(p.Messages) == 0 || p.Messages[len(p.Messages)-1].Seq != seqs[n-1-got] {
				t.Fatalf("before %d: %d messages, which do not go on", before, len(p.Messages))
			}
			got, before, more = got+len(p.Messages), p.Messages[0].Seq, p.More
		}
		if got != n {
			t.Errorf("%d messages backwards, want %d", got, n)
		}
		p := w.page(historyapi.PageRequest{Room: "r1", After: seqs[0], Limit: 200})
		if len(p.Messages) < 3 || p.Messages[0].Seq != seqs[1] || !p.More {
			t.Errorf("after the first: %d messages, more %v", len(p.Messages), p.More)
		}
		p = w.page(historyapi.PageRequest{Room: "r1", Around: seqs[n/2], Limit: 200})
		if !slices.ContainsFunc(p.Messages, func(m chat.Message) bool { return m.Seq == seqs[n/2] }) || len(p.Messages) < 3 || !p.More {
			t.Errorf("around the middle: %d messages, more %v", len(p.Messages), p.More)
		}
		var found []uint64
		for more, after := true, uint64(1); more; {
			p := w.page(historyapi.PageRequest{Room: "r1", After: after, Limit: 200})
			for _, m := range p.Messages {
				found = append(found, m.Seq)
			}
			after, more = found[len(found)-1], p.More
		}
		if !slices.Equal(found, seqs) {
			t.Errorf("%d messages forwards, want %d", len(found), n)
		}
		found = nil
		for more := true; more; {
			after := uint64(0)
			if len(found) > 0 {
				after = found[len(found)-1]
			}
			s, err := w.api.Since(t.Context(), historyapi.SinceRequest{Room: "r1", After: after, Limit: 1000})
			if err != nil || len(s.Entries) == 0 {
				t.Fatalf("since %d: %d entries, %v", after, len(s.Entries), err)
			}
			for _, e := range s.Entries {
				found = append(found, e.Seq)
			}
			if more = s.More; more && s.Through != found[len(found)-1] {
				t.Errorf("through %d, want %d", s.Through, found[len(found)-1])
			}
		}
		if !slices.Equal(found, seqs) {
			t.Errorf("%d entries, want %d", len(found), n)
		}
	}
	check()
	w.stored("r1", seqs[n-1])
	check()
}

// TestLongMessagesDeleted has long messages that are stored, and their deletions that are not: a
// page that is short then says that there is more.
func TestLongMessagesDeleted(t *testing.T) {
	w := open(t)
	const n = 24
	var seqs []uint64
	for i := range n {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), strings.Repeat("x", 16<<10)))
	}
	w.stored("r1", seqs[n-1])
	w.store.down.Store(true)
	w.store.readers.Store(true)
	for i := range n {
		w.event(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: fmt.Sprint("d", i), Target: fmt.Sprint("m", i), Author: "ann"})
	}
	got := 0
	for before, more := uint64(0), true; more; {
		p := w.page(historyapi.PageRequest{Room: "r1", Before: before, Limit: 200})
		for _, m := range p.Messages {
			if !m.Deleted || m.Text != "" {
				t.Errorf("message %d has a text of %d bytes", m.Seq, len(m.Text))
			}
			before = min(cmp.Or(before, m.Seq), m.Seq)
		}
		got, more = got+len(p.Messages), p.More
	}
	if got != n {
		t.Errorf("%d messages, want %d", got, n)
	}
}

// TestFitKeepsOne: a message that is too long for an answer with others is an answer alone.
func TestFitKeepsOne(t *testing.T) {
	long := func(seq uint64) shown { return shown{seq: seq, json: make([]byte, store.PageBytes)} }
	for anchor := range 3 {
		if from, to := fit([]shown{long(1), long(2), long(3)}, anchor); from != anchor || to != anchor+1 {
			t.Errorf("around %d: from %d to %d", anchor, from, to)
		}
	}
	if from, to := fit([]shown{long(1)}, 0); from != 0 || to != 1 {
		t.Errorf("alone: from %d to %d", from, to)
	}
}

// TestMoreThanIsReadAtOnce has more reactions on a page's messages than are read at once.
func TestMoreThanIsReadAtOnce(t *testing.T) {
	w := open(t)
	const each = maxAbout/3 + 1
	var all []store.Entry
	add := func(e chat.Event) {
		e.Room = "r1"
		data, err := chat.AppendEntry(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := entryOf(bus.Entry{Room: "r1", Seq: uint64(len(all) + 1), Sender: e.User, ID: e.ID, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, kept)
	}
	for i := range 3 {
		id := fmt.Sprint("m", i)
		add(chat.Event{Type: chat.TypeMsg, User: "ann", ID: id, Text: "hello"})
		for n := range each {
			add(chat.Event{Type: chat.TypeReacted, User: fmt.Sprint("u", n), ID: "x" + id, Target: id, Author: "ann", Emoji: "👍", On: true})
		}
	}
	if _, err := w.store.Append(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	p := w.page(historyapi.PageRequest{Room: "r1"})
	if len(p.Messages) != 3 {
		t.Fatalf("%d messages", len(p.Messages))
	}
	for i, m := range p.Messages {
		if n := len(m.Reactions["👍"]); n != each {
			t.Errorf("message %d has %d reactions, want %d", i, n, each)
		}
	}
}
