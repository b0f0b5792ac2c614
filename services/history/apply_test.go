package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

func TestApply(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "frist")
	w.say("r1", "eve", "m1", "the same id")
	message := func() chat.Message {
		t.Helper()
		p := w.page(historyapi.PageRequest{Room: "r1"})
		if len(p.Messages) != 2 || p.Messages[1].Text != "the same id" || p.Messages[1].EditedTS != 0 {
			t.Fatalf("page is %+v", p)
		}
		return p.Messages[0]
	}
	edit := chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e1", Target: "m1", Author: "ann", Text: "first"}
	first, code := w.do(edit)
	if code != "" {
		t.Fatal(code)
	}
	if again, code := w.do(edit); again != first || code != "" {
		t.Errorf("a repeat: %d %s, want %d", again, code, first)
	}
	if m := message(); m.Text != "first" || m.EditedTS == 0 {
		t.Errorf("edited to %+v", m)
	}
	moderator := func(r *historyapi.ApplyRequest) { r.Moderator, r.Pin = true, true }
	for i, tt := range []struct {
		name   string
		e      chat.Event
		change func(*historyapi.ApplyRequest)
		code   string
	}{
		{name: "another's edit", e: chat.Event{Type: chat.TypeEdited, User: "bob", Text: "x"}, code: "forbidden"},
		{name: "a moderator's edit", e: chat.Event{Type: chat.TypeEdited, User: "bob", Text: "x"}, change: moderator, code: "forbidden"},
		{name: "empty edit", e: chat.Event{Type: chat.TypeEdited, User: "ann"}, code: "bad_request"},
		{name: "another's delete", e: chat.Event{Type: chat.TypeDeleted, User: "bob"}, code: "forbidden"},
		{name: "pin", e: chat.Event{Type: chat.TypePinned, User: "ann", On: true}, code: "forbidden"},
		{name: "no emoji", e: chat.Event{Type: chat.TypeReacted, User: "bob", On: true}, code: "bad_request"},
		{name: "a novel for an emoji", e: chat.Event{Type: chat.TypeReacted, User: "bob", On: true, Emoji: strings.Repeat("x", 65)}, code: "bad_request"},
		{name: "no message", e: chat.Event{Type: chat.TypeDeleted, User: "ann", Target: "m9"}, code: "not_found"},
		{name: "bad id", e: chat.Event{Type: chat.TypeDeleted, User: "ann", Target: "m 9"}, code: "bad_request"},
		{name: "bad author", e: chat.Event{Type: chat.TypeDeleted, User: "ann", Author: "m 9"}, code: "bad_request"},
		{name: "another kind", e: chat.Event{Type: chat.TypeReset, User: "ann"}, code: "bad_request"},
	} {
		tt.e.Room, tt.e.ID = "r1", fmt.Sprint("bad", i)
		if tt.e.Target == "" {
			tt.e.Target = "m1"
		}
		tt.e.Author = cmp.Or(tt.e.Author, "ann")
		if tt.change == nil {
			tt.change = func(*historyapi.ApplyRequest) {}
		}
		if _, code := w.do(tt.e, tt.change); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}

	react := func(user, id string, on bool) {
		t.Helper()
		if _, code := w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: user, ID: id, Target: "m1", Author: "ann", Emoji: "👍", On: on}); code != "" {
			t.Fatal(code)
		}
	}
	react("bob", "x1", true)
	react("ann", "x2", true)
	react("bob", "x3", true)
	if got := message().Reactions["👍"]; !slices.Equal(got, []string{"ann", "bob"}) {
		t.Errorf("reactions are %v", got)
	}
	react("bob", "x4", false)
	react("ann", "x5", false)
	if got := message().Reactions; len(got) != 0 {
		t.Errorf("reactions are %v", got)
	}
	if _, code := w.do(chat.Event{Type: chat.TypePinned, Room: "r1", User: "bob", ID: "p1", Target: "m1", Author: "ann", On: true}, moderator); code != "" {
		t.Error(code)
	}
	if !message().Pinned {
		t.Error("not pinned")
	}

	// Deleted: the text is gone from pages at once, and soon from the store and from the log.
	last, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "bob", ID: "d1", Target: "m1", Author: "ann"}, moderator)
	if code != "" {
		t.Fatal(code)
	}
	if m := message(); !m.Deleted || m.Text != "" || m.Pinned {
		t.Errorf("deleted: %+v", m)
	}
	for i, e := range []chat.Event{
		{Type: chat.TypeEdited, Text: "back"}, {Type: chat.TypeReacted, Emoji: "👍", On: true}, {Type: chat.TypePinned, On: true}, {Type: chat.TypeDeleted},
	} {
		e.Room, e.User, e.ID, e.Target, e.Author = "r1", "ann", fmt.Sprint("late", i), "m1", "ann"
		if _, code := w.do(e, moderator); code != "not_found" {
			t.Errorf("%s of a deleted message: %q", e.Type, code)
		}
	}
	w.stored("r1", last)
	w.eventually("the text is erased everywhere", func() bool {
		entries, err := w.store.Since(t.Context(), "r1", 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		log, err := w.bus.Replay(t.Context(), "r1", bus.Position{}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, e := range entries {
			all.Write(e.Data)
		}
		for _, e := range log.Entries {
			all.Write(e.Data)
		}
		return !strings.Contains(all.String(), "first") && !strings.Contains(all.String(), "frist")
	})
	if m := message(); !m.Deleted {
		t.Errorf("after the erasure: %+v", m)
	}

	// An edit that raced the deletion, and lost, leaves no text either.
	late := w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e3", Target: "m1", Text: "late"})
	w.stored("r1", late)
	w.eventually("the late edit is erased", func() bool {
		entries, err := w.store.At(t.Context(), "r1", late)
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		log, err := w.bus.Replay(t.Context(), "r1", bus.Position{Seq: late - 1}, 10)
		return err == nil && len(log.Entries) == 0 && !strings.Contains(string(entries[0].Data), "late")
	})
}

// TestApplyIsNamedBySenderAndID: a command that has the msg_id of another's is another command.
func TestApplyIsNamedBySenderAndID(t *testing.T) {
	w := open(t)
	w.stored("r1", w.say("r1", "ann", "m1", "1"))
	w.store.readers.Store(true)
	w.store.down.Store(true) // ann's reaction is in the log alone
	react := chat.Event{Type: chat.TypeReacted, Room: "r1", User: "ann", ID: "x1", Target: "m1", Emoji: "👍", On: true}
	anns, code := w.do(react)
	if code != "" {
		t.Fatal(code)
	}
	for _, stored := range []bool{false, true} {
		if stored {
			w.store.down.Store(false)
			w.stored("r1", anns)
		}
		react.User = fmt.Sprint("bob", stored)
		bobs, code := w.do(react)
		if code != "" || bobs <= anns {
			t.Errorf("stored %v: another's reaction is at %d, %q; ann's is at %d", stored, bobs, code, anns)
		}
	}
	if got := w.page(historyapi.PageRequest{Room: "r1"}).Messages[0].Reactions["👍"]; !slices.Equal(got, []string{"ann", "bobfalse", "bobtrue"}) {
		t.Errorf("reactions are %v", got)
	}
}

// TestApplyAgain repeats commands when the bus has long forgotten them, and uses their msg_ids for
// others.
func TestApplyAgain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.say("r1", "ann", "m1", "1")
		w.say("r1", "ann", "m2", "2")
		moderator := func(r *historyapi.ApplyRequest) { r.Moderator, r.Pin = true, true }
		var all []chat.Event
		var seqs []uint64
		for i, e := range []chat.Event{
			{Type: chat.TypeEdited, Text: "3"}, {Type: chat.TypeReacted, Emoji: "👍", On: true}, {Type: chat.TypePinned, On: true}, {Type: chat.TypeDeleted},
		} {
			e.Room, e.User, e.ID, e.Target = "r1", "ann", fmt.Sprint("x", i), "m1"
			seq, code := w.do(e, moderator)
			if code != "" {
				t.Fatal(code)
			}
			all, seqs = append(all, e), append(seqs, seq)
		}
		w.stored("r1", seqs[3])
		// Another entry under the sender's next id says when the bus has forgotten the ones before.
		probe := w.say("r2", "ann", "x4", "probe")
		w.again("r2", "ann", "x4", "probe", probe)
		for i, e := range all {
			if seq, code := w.do(e, moderator); code != "" || seq != seqs[i] {
				t.Errorf("%s again: %d %q, want %d", e.Type, seq, code, seqs[i])
			}
			if seq, code := w.do(e); code != "" || seq != seqs[i] {
				t.Errorf("%s again, by somebody who may not now: %d %q, want %d", e.Type, seq, code, seqs[i])
			}
			for _, other := range []func(*chat.Event){
				func(e *chat.Event) { e.Target = "m2" },
				func(e *chat.Event) { e.Target = "m3" }, // which is not there
				func(e *chat.Event) { e.Type = all[(i+1)%len(all)].Type },
				func(e *chat.Event) { e.ID = "m2" }, // a message's
			} {
				e := e
				other(&e)
				if seq, code := w.do(e, moderator); code != chat.CodeConflict {
					t.Errorf("%s of %s with the msg_id %s: %d %q", e.Type, e.Target, e.ID, seq, code)
				}
			}
		}
		if log := w.entries("r1"); log[len(log)-1].Seq != seqs[3] {
			t.Errorf("the log has grown: %+v", log)
		}
	})
}

// TestApplyAtOnce: of commands with one msg_id that come at the same time, those for the same are
// acknowledged with one seq, and the others refused.
func TestApplyAtOnce(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "1")
	w.say("r1", "ann", "m2", "2")
	type answer struct {
		seq  uint64
		code string
	}
	const each = 8
	var wait sync.WaitGroup
	var answers [2][each]answer
	for i := range 2 * each {
		wait.Go(func() {
			a := &answers[i%2][i/2]
			a.seq, a.code = w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: "bob", ID: "x1", Target: fmt.Sprint("m", i%2+1), Emoji: "👍", On: true})
		})
	}
	wait.Wait()
	winner := slices.IndexFunc(answers[:], func(a [each]answer) bool { return a[0].code == "" })
	if winner < 0 {
		t.Fatalf("nobody won: %+v", answers)
	}
	for i := range each {
		if a := answers[winner][i]; a.code != "" || a.seq != answers[winner][0].seq {
			t.Errorf("the same command was answered %+v, and %+v", answers[winner][0], a)
		}
		if a := answers[1-winner][i]; a.code != chat.CodeConflict {
			t.Errorf("the other command was answered %+v", a)
		}
	}
}

// TestManyEdits edits a message as often as it can be, with what is stored and what is in the log
// alone together: anything else can still be done to it.
func TestManyEdits(t *testing.T) {
	w := open(t)
	w.changes.maxEdits = 10
	w.store.readers.Store(true)
	w.say("r1", "ann", "m1", "0")
	edit := func(i int) (uint64, string) {
		return w.do(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: fmt.Sprint("e", i), Target: "m1", Author: "ann", Text: fmt.Sprint(i)})
	}
	for i := range 10 {
		seq, code := edit(i)
		if code != "" {
			t.Fatal(i, code)
		}
		if i == 4 { // the rest stays in the log
			w.stored("r1", seq)
			w.store.down.Store(true)
		}
	}
	for range 2 {
		if _, code := edit(10); code != chat.CodeTooMany {
			t.Errorf("one more: %q", code)
		}
		if again, code := edit(9); code != "" || again == 0 {
			t.Errorf("the last again: %d %q", again, code)
		}
		if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "9" {
			t.Errorf("the page has %q", got)
		}
		w.store.down.Store(false)
		last, code := w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: "bob", ID: chat.NewID(), Target: "m1", Author: "ann", Emoji: "👍", On: true})
		if code != "" {
			t.Errorf("a reaction: %q", code)
		}
		w.stored("r1", last)
	}
	if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d", Target: "m1", Author: "ann"}); code != "" {
		t.Errorf("deleted: %q", code)
	}
}

// TestManyChanges changes a message until that is enough, which leaves nothing on it: others'
// reactions leave its author half of the changes, and when these are used up, too, it can still be
// deleted.
func TestManyChanges(t *testing.T) {
	w := open(t)
	w.changes.most = 100
	first := w.say("r1", "ann", "m1", "1")
	w.stored("r1", first)
	changed := func(from, to uint64) {
		t.Helper()
		var all []store.Entry
		for i := from; i < to; i++ {
			e := chat.Event{Type: chat.TypeReacted, Room: "r1", User: "eve", ID: fmt.Sprint("x", i), Target: "m1", Author: "ann", Emoji: fmt.Sprint("e", i/2), On: i%2 == 0}
			data, err := chat.AppendEntry(nil, e)
			if err != nil {
				t.Fatal(err)
			}
			entry, err := entryOf(bus.Entry{Room: "r1", Seq: first + 1 + i, Sender: "eve", ID: e.ID, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, entry)
		}
		if _, err := w.store.Append(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	edit := chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "x", Target: "m1", Author: "ann", Text: "2"}
	changed(0, 100)
	if _, code := w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: "bob", ID: "x", Target: "m1", Author: "ann", Emoji: "👍", On: true}); code != chat.CodeTooMany {
		t.Errorf("one more: %q", code)
	}
	if _, code := w.do(edit); code != "" {
		t.Errorf("others' reactions keep the author from an edit: %q", code)
	}
	if about, err := w.store.About(t.Context(), "r1", []store.Name{{Sender: "ann", ID: "m1"}}, 0, chat.TypeReacted); err != nil || len(about) != 0 {
		t.Errorf("a page reads %d entries, %v", len(about), err)
	}
	changed(100, 200)
	edit.ID = "y"
	if _, code := w.do(edit); code != chat.CodeTooMany {
		t.Errorf("another edit: %q", code)
	}
	if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d", Target: "m1", Author: "ann"}); code != "" {
		t.Errorf("deleted: %q", code)
	}
}
