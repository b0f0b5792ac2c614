package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

// TestActsOfPages pages through a room in which moderators have acted, from what is stored, from
// the log alone, and from both: pages that follow each other have each act once, where it belongs.
func TestActsOfPages(t *testing.T) {
	eachStore(t, func(t *testing.T, s *gated) {
		w, _ := start(t, openBus(t), s)
		s.readers.Store(true)
		for _, room := range []string{"stored", "log", "both"} {
			s.down.Store(room == "log")
			var seqs []uint64
			act := func(id string) {
				seqs = append(seqs, w.event(chat.Event{Type: chat.TypeModerated, Room: room, User: "mod", Name: "Mo", ID: id, Act: chat.ActMute, Member: "ann", Text: "why"}))
			}
			say := func(id string) { seqs = append(seqs, w.say(room, "ann", id, id)) }
			act("a0")
			say("m1")
			act("a2")
			act("a3")
			say("m4")
			if room != "log" {
				w.stored(room, seqs[4])
			}
			s.down.Store(room != "stored")
			say("m5")
			act("a6")
			say("m7")
			act("a8")
			if room == "stored" {
				w.stored(room, seqs[8])
			}
			shown := func(req historyapi.PageRequest) string {
				req.Room = room
				p := w.page(req)
				type entry struct {
					seq uint64
					id  string
				}
				var all []entry
				for _, m := range p.Messages {
					all = append(all, entry{m.Seq, m.ID})
				}
				for _, e := range p.Acts {
					if e.Type != chat.TypeModerated || e.User != "mod" || e.Act != chat.ActMute || e.Member != "ann" || e.Text != "why" || e.Room != room {
						t.Errorf("an act is %+v", e)
					}
					all = append(all, entry{e.Seq, e.ID})
				}
				slices.SortFunc(all, func(a, b entry) int { return int(a.seq) - int(b.seq) })
				var ids []string
				for _, e := range all {
					ids = append(ids, e.id)
				}
				return strings.Join(ids, " ")
			}
			for _, tt := range []struct {
				req  historyapi.PageRequest
				want string
			}{
				{historyapi.PageRequest{}, "a0 m1 a2 a3 m4 m5 a6 m7 a8"},
				{historyapi.PageRequest{Limit: 2}, "m5 a6 m7 a8"},
				{historyapi.PageRequest{Limit: 2, Before: seqs[5]}, "a0 m1 a2 a3 m4"},
				{historyapi.PageRequest{Limit: 1, Before: seqs[5]}, "m4"},
				{historyapi.PageRequest{Limit: 1, Before: seqs[4]}, "a0 m1 a2 a3"},
				{historyapi.PageRequest{Limit: 1, After: seqs[1]}, "a2 a3 m4"},
				{historyapi.PageRequest{Limit: 2, After: seqs[4]}, "m5 a6 m7 a8"},
				{historyapi.PageRequest{Limit: 2, Around: seqs[4]}, "m4 m5"},
				{historyapi.PageRequest{Limit: 4, Around: seqs[5]}, "m4 m5 a6 m7"},
			} {
				if got := shown(tt.req); got != tt.want {
					t.Errorf("%s: %+v: %s; want %s", room, tt.req, got, tt.want)
				}
			}
			s.down.Store(false)
		}
		only := w.event(chat.Event{Type: chat.TypeModerated, Room: "quiet", User: "mod", ID: "a", Act: chat.ActRules, Slow: 5})
		if p := w.page(historyapi.PageRequest{Room: "quiet"}); len(p.Messages) != 0 || len(p.Acts) != 1 || p.Acts[0].Seq != only || p.Acts[0].Slow != 5 {
			t.Errorf("a room without messages: %+v", p)
		}
	})
}

// TestManyActs: a page has the last acts, and no more than an answer carries.
func TestManyActs(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "1")
	for i := range maxActs + 20 {
		w.event(chat.Event{Type: chat.TypeModerated, Room: "r1", User: "mod", ID: fmt.Sprint("a", i), Act: chat.ActMute, Text: strings.Repeat("x", 900)})
	}
	p := w.page(historyapi.PageRequest{Room: "r1"})
	size := 0
	for _, e := range p.Acts {
		size += len(e.Text)
	}
	if n := len(p.Acts); n == 0 || n > maxActs || size > maxActsSize || p.Acts[n-1].ID != fmt.Sprint("a", maxActs+19) {
		t.Errorf("%d acts with %d bytes of text", n, size)
	}
}

// TestEventsOfPages: a page that is asked for with them has what happened in its part of the room,
// from the record and from the log, and any other has not.
func TestEventsOfPages(t *testing.T) {
	eachStore(t, func(t *testing.T, s *gated) {
		w, _ := start(t, openBus(t), s)
		s.readers.Store(true)
		event := func(kind, id string, also func(*chat.Event)) uint64 {
			e := chat.Event{Type: kind, Room: "r1", User: "bob", Name: "Bob", ID: id}
			also(&e)
			return w.event(e)
		}
		member := func(e *chat.Event) { e.Member, e.Role, e.From = "bob", "member", 1 }
		event(chat.TypeMember, "v1", member)
		first := w.say("r1", "ann", "m1", "one")
		event(chat.TypeTopic, "v2", func(e *chat.Event) { e.Text = "topic" })
		w.stored("r1", w.event(chat.Event{Type: chat.TypeModerated, Room: "r1", User: "mod", Name: "Mo", ID: "a1", Act: chat.ActArchive}))
		s.down.Store(true)
		event(chat.TypePinned, "v3", func(e *chat.Event) { e.Target, e.Author, e.On = "m1", "ann", true })
		last := w.say("r1", "ann", "m2", "two")
		event(chat.TypeMember, "v4", func(e *chat.Event) { e.Member = "bob" })
		ids := func(req historyapi.PageRequest) string {
			req.Room = "r1"
			p := w.page(req)
			if len(p.Acts) > 1 || len(p.Acts) == 1 && p.Acts[0].ID != "a1" {
				t.Errorf("acts are %+v", p.Acts)
			}
			var all []string
			for _, e := range p.Events {
				all = append(all, e.ID)
			}
			return strings.Join(all, " ")
		}
		for _, tt := range []struct {
			req  historyapi.PageRequest
			want string
		}{
			{historyapi.PageRequest{}, ""},
			{historyapi.PageRequest{Events: true}, "v1 v2 v3 v4"},
			{historyapi.PageRequest{Events: true, Limit: 1}, "v4"},
			{historyapi.PageRequest{Events: true, Before: last}, "v1 v2 v3"},
			{historyapi.PageRequest{Events: true, After: first}, "v2 v3 v4"},
			{historyapi.PageRequest{Events: true, Thread: chat.Thread{Author: "ann", ID: "m1"}}, ""},
		} {
			if got := ids(tt.req); got != tt.want {
				t.Errorf("%+v: the page has %q, want %q", tt.req, got, tt.want)
			}
		}
	})
}
