package history

import (
	"fmt"
	"strings"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

// TestReplacedText: from the answer to an edit or a deletion on, a catch-up has nothing of what was
// there before, whether the record has stored that, the change too, or nothing yet, and however
// little of the log one answer carries.
func TestReplacedText(t *testing.T) {
	eachStore(t, func(t *testing.T, s *gated) {
		w, _ := start(t, openBus(t), s)
		s.readers.Store(true)
		for i, storedThrough := range []string{"", "messages", "edits", "all"} {
			room := fmt.Sprint("r", i)
			s.down.Store(storedThrough == "")
			hold := func(at string, seq uint64) {
				if s.down.Load() {
					return
				}
				w.stored(room, seq)
				if storedThrough == at {
					s.down.Store(true)
				}
			}
			w.say(room, "ann", "m1", "secret 1")
			w.say(room, "ann", "m2", "secret 2")
			w.say(room, "bob", "m1", "mine")
			last := w.say(room, "ann", "m3", "kept")
			hold("messages", last)
			do := func(e chat.Event) {
				t.Helper()
				e.Room, e.User, e.Author, e.ID = room, "ann", "ann", chat.NewID()
				var code string
				if last, code = w.do(e); code != "" {
					t.Fatal(code)
				}
			}
			do(chat.Event{Type: chat.TypeEdited, Target: "m1", Text: "secret 3"})
			do(chat.Event{Type: chat.TypeEdited, Target: "m1", Text: "public"})
			do(chat.Event{Type: chat.TypeEdited, Target: "m2", Text: "secret 4"})
			hold("edits", last)
			do(chat.Event{Type: chat.TypeDeleted, Target: "m2"})
			hold("all", last)
			for _, limit := range []int{1, 2, 3, 100} {
				var all strings.Builder
				for after := uint64(0); ; {
					got := w.missed(historyapi.SinceRequest{Room: room, After: after, Limit: limit})
					for _, e := range got.Entries {
						event, err := chat.DecodeEntry(e.Data, e.Seq, e.Prev)
						if err != nil {
							t.Fatal(err)
						}
						fmt.Fprintf(&all, "%s %s %s=%s, ", event.Type, event.User, event.ID[:min(2, len(event.ID))], event.Text)
						if event.Type != chat.TypeMsg && event.ID == "" {
							t.Error("an entry has lost its id")
						}
					}
					if after = got.Through; !got.More {
						break
					}
				}
				if got := all.String(); strings.Contains(got, "secret") || !strings.Contains(got, "msg ann m1=public, ") || !strings.Contains(got, "msg ann m2=, msg bob m1=mine, msg ann m3=kept, ") || strings.Count(got, "public") != 2 {
					t.Errorf("stored through %q, limit %d: %s", storedThrough, limit, got)
				}
			}
			if got := w.shown(room); got != "ann: public, ann: deleted, bob: mine, ann: kept" {
				t.Errorf("stored through %q: the page has %s", storedThrough, got)
			}
			s.down.Store(false)
			w.stored(room, last)
			w.eventually("the store has forgotten what was deleted, and keeps what was edited as versions", func() bool {
				kept, err := s.Since(t.Context(), room, 0, 100)
				if err != nil {
					t.Fatal(err)
				}
				var all strings.Builder
				for _, e := range kept {
					all.Write(e.Data)
				}
				text := all.String()
				for _, gone := range []string{"secret 1", "secret 2", "secret 4"} {
					if strings.Contains(text, gone) {
						return false
					}
				}
				return strings.Contains(text, "secret 3") && strings.Contains(text, "public")
			})
		}
	})
}

// TestLongEdits: messages become longer than what one answer to a catch-up carries.
func TestLongEdits(t *testing.T) {
	w := open(t)
	const n, long = 150, 8 << 10
	for i := range n {
		w.say("r1", "ann", fmt.Sprint("m", i), "x")
	}
	var last uint64
	for i := range n {
		last = w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: fmt.Sprint("e", i), Target: fmt.Sprint("m", i), Author: "ann", Text: strings.Repeat("y", long)})
	}
	w.stored("r1", last)
	have, answers := 0, 0
	for after := uint64(0); ; answers++ {
		got := w.missed(historyapi.SinceRequest{Room: "r1", After: after, Limit: maxReplay})
		for _, e := range got.Entries {
			if event, err := chat.DecodeEntry(e.Data, e.Seq, e.Prev); err != nil || len(event.Text) != long || e.Prev != after {
				t.Fatalf("entry %d after %d, want after %d, has %d bytes, %v", e.Seq, e.Prev, after, len(event.Text), err)
			}
			after = e.Seq
			have++
		}
		if !got.More {
			break
		}
	}
	if have != 2*n || answers < 4 {
		t.Errorf("%d entries in %d answers", have, answers)
	}
}
