package history

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// TestLogTakenBack: the log loses everything and gets it again, at other places, from those who
// appended it. Pages show all of it once, and the text of a message that was deleted is not in the
// log again, whether or not the deletion had been stored.
func TestLogTakenBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		remove := func(id string) uint64 {
			t.Helper()
			seq, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d-" + id, Target: id, Author: "ann"})
			if code != "" {
				t.Fatal(code)
			}
			return seq
		}
		for _, id := range []string{"m1", "m2", "m3"} {
			w.say("r1", "ann", id, "text of "+id)
		}
		w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e1", Target: "m2", Text: "text of m2, edited"})
		// by those who have appended them, with the texts that are then deleted
		kept := w.entries("r1")
		w.stored("r1", remove("m1"))
		w.store.down.Store(true)
		w.store.readers.Store(true)
		last := remove("m2")
		for _, e := range w.entries("r1") {
			if strings.HasPrefix(e.ID, "d-") {
				kept = append(kept, e)
			}
		}
		w.server.Rewind("r1", 0)
		for _, e := range kept {
			a, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: e.Room, Sender: e.Sender, ID: e.ID, Data: e.Data})
			if err != nil || a.Seq <= last {
				t.Fatalf("%s again: %+v, %v", e.ID, a, err)
			}
		}
		w.store.down.Store(false)
		w.eventually("history has gone through it", func() bool { return testutil.ToFloat64(w.metrics.repeats) >= 5 })
		w.eventually("the log has no text that was deleted", func() bool {
			var all strings.Builder
			for _, e := range w.entries("r1") {
				all.Write(e.Data)
			}
			return !strings.Contains(all.String(), "text of m1") && !strings.Contains(all.String(), "text of m2") && strings.Contains(all.String(), "text of m3")
		})
		page := w.page(historyapi.PageRequest{Room: "r1"}).Messages
		if len(page) != 3 || !page[0].Deleted || !page[1].Deleted || page[2].Text != "text of m3" || page[0].ID != "m1" || page[1].ID != "m2" {
			t.Errorf("the page is %+v", page)
		}

		// The deletion comes after the repeat.
		data := []byte(`_{"type":"msg","room":"r1","id":"m3","user":"ann","text":"text of m3"}`)
		a, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: "r1", Sender: "copy", ID: "m3", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.ingest.consume(t.Context(), []bus.Entry{{Room: "r1", Seq: a.Seq, Sender: "ann", ID: "m3", Data: data}}); err != nil {
			t.Fatal(err)
		}
		remove("m3")
		w.eventually("the repeat is erased with the message", func() bool {
			log, err := w.bus.Replay(t.Context(), "r1", bus.Position{Seq: a.Seq - 1}, 100)
			return err == nil && len(log.Entries) == 1 && log.Entries[0].ID == "d-m3"
		})
	})
}

// TestDeletedTextComesBack: the log loses a message with its deletion, which was stored, and gets
// the message alone again: whoever had appended the deletion is gone. The text does not stay in the
// log.
func TestDeletedTextComesBack(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.say("r1", "ann", "m1", "a secret")
		w.say("r1", "ann", "m2", "hello")
		kept := w.entries("r1")
		seq, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d1", Target: "m1", Author: "ann"})
		if code != "" {
			t.Fatal(code)
		}
		w.stored("r1", seq)
		w.server.Rewind("r1", 0)
		for _, e := range kept {
			if _, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: e.Room, Sender: e.Sender, ID: e.ID, Data: e.Data}); err != nil {
				t.Fatal(err)
			}
		}
		w.eventually("history has gone through it", func() bool { return testutil.ToFloat64(w.metrics.repeats) >= 2 })
		w.eventually("the log has the one that was not deleted alone", func() bool {
			log := w.entries("r1")
			return len(log) == 1 && log[0].ID == "m2"
		})
	})
}

// TestRepeatsAreNotedOnce: a batch comes again and again while the store does not answer: what is
// remembered of others stays, and a deletion erases each place once.
func TestRepeatsAreNotedOnce(t *testing.T) {
	var r repeats
	other := message{"r1", store.Name{Sender: "ann", ID: "m1"}}
	r.add(other, 7)
	for range maxRepeats {
		r.add(message{"r1", store.Name{Sender: "ann", ID: "m2"}}, 8)
	}
	r.add(message{"r1", store.Name{Sender: "ann", ID: "m2"}}, 9)
	if got := r.of(message{"r1", store.Name{Sender: "ann", ID: "m2"}}); !slices.Equal(got, []uint64{8, 9}) {
		t.Errorf("the places are %d", got[:min(len(got), 10)])
	}
	if got := r.of(other); !slices.Equal(got, []uint64{7}) {
		t.Errorf("those of another message are %d", got)
	}
}

// again appends a message once more, as a client does that does not mark it, when the bus has
// forgotten its id.
func (w *world) again(room, user, id, text string, first uint64) (seq uint64) {
	w.t.Helper()
	time.Sleep(w.forgets)
	w.eventually("the bus has forgotten the message", func() bool {
		seq = w.say(room, user, id, text)
		return seq != first
	})
	return seq
}

// entries returns what the log has of a room.
func (w *world) entries(room string) []bus.Entry {
	w.t.Helper()
	log, err := w.bus.Replay(w.t.Context(), room, bus.Position{}, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return log.Entries
}

// TestSentAgainUnmarked repeats messages after the bus has forgotten them: the record keeps the
// first, and takes the second off the log, so that nobody who comes later gets it.
func TestSentAgainUnmarked(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		first := w.say("r1", "ann", "m1", "hello")
		deleted := w.say("r1", "bob", "m1", "secret, with the same id")
		mine := w.say("r1", "ann", "m2", "another secret")
		if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d2", Target: "m2"}); code != "" {
			t.Fatal(code)
		}
		w.eventually("the message is deleted", func() bool { return len(w.entries("r1")) == 3 })

		second := w.again("r1", "ann", "m1", "hello", first)
		w.again("r1", "ann", "m2", "another secret", mine)
		last := w.again("r1", "bob", "m1", "secret, with the same id", deleted)
		w.eventually("the repeats are taken in", func() bool { return testutil.ToFloat64(w.metrics.repeats) >= 3 })
		w.eventually("the repeats are off the log", func() bool { return len(w.entries("r1")) == 3 })
		for i, want := range []bus.Position{{Seq: first, ID: "m1"}, {Seq: deleted, ID: "m1"}, {ID: "d2"}} {
			if e := w.entries("r1")[i]; e.ID != want.ID || want.Seq > 0 && e.Seq != want.Seq {
				t.Errorf("entry %d of the log is %s at %d, want %+v", i, e.ID, e.Seq, want)
			}
		}
		page := w.page(historyapi.PageRequest{Room: "r1"})
		if got := texts(page); got != "hello secret, with the same id " || len(page.Messages) != 3 {
			t.Errorf("the page is %q", got)
		}
		w.is("the first", "r1", "ann", "m1", first, 1)
		// Who had the second live goes on after it.
		for _, at := range []bus.Position{{Seq: second, ID: "m1"}, {Seq: last, ID: "m1"}} {
			if got, err := w.bus.Replay(t.Context(), "r1", at, 10); err != nil || got.Rewound || len(got.Entries) != 0 {
				t.Errorf("after %+v: %+v, %v", at, got, err)
			}
		}
	})
}

// TestSentAgainInABacklog repeats messages while the store is away: pages show each once, the first
// is the one that is known, and when the store is back the second goes from the log.
func TestSentAgainInABacklog(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		s := w.store
		stored := w.say("r1", "ann", "m1", "one")
		w.stored("r1", stored)
		s.readers.Store(true)
		s.down.Store(true)
		first := w.say("r1", "ann", "m2", "two")
		ts := w.clock.Load()
		w.again("r1", "ann", "m1", "one", stored)
		w.again("r1", "ann", "m2", "two", first)
		w.is("stored", "r1", "ann", "m1", stored, 1)
		w.is("in the log twice", "r1", "ann", "m2", first, ts)
		if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "one two" {
			t.Errorf("the page is %q", got)
		}
		s.down.Store(false)
		w.eventually("the repeats are off the log", func() bool { return len(w.entries("r1")) == 2 })
		if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "one two" {
			t.Errorf("the page is then %q", got)
		}
		w.is("stored", "r1", "ann", "m2", first, ts)
	})
}

// TestRepeatOfDeadLetter repeats a message that history could not take in: the repeat is stored,
// and may be deleted, and the dead letter brings nothing back when it is put back.
func TestRepeatOfDeadLetter(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		// What history reads of it, it cannot read; what clients read, they can. A release that can
		// stores it later.
		dead, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: "r1", Sender: "ann", ID: "m1", Data: []byte(`_{"type":"msg","text":"secret","ts":"?"}`)})
		if err != nil {
			t.Fatal(err)
		}
		w.eventually("it is parked", func() bool {
			parked, err := w.bus.DeadLetters(t.Context(), group, 10)
			return err == nil && len(parked) == 1
		})
		w.is("parked", "r1", "ann", "m1", 0, 0)
		seq := w.again("r1", "ann", "m1", "secret", dead.Seq)
		w.stored("r1", seq)
		w.is("repeated", "r1", "ann", "m1", seq, w.clock.Load())
		last, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d1", Target: "m1"})
		if code != "" {
			t.Fatal(code)
		}
		w.stored("r1", last)
		data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: "m1", Text: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.ingest.consume(t.Context(), []bus.Entry{{Room: "r1", Seq: dead.Seq, Sender: "ann", ID: "m1", Data: data, Redriven: true}}); err != nil {
			t.Fatal(err)
		}
		if log := w.entries("r1"); len(log) != 1 || log[0].ID != "d1" {
			t.Errorf("the log has %+v", log)
		}
		w.is("put back", "r1", "ann", "m1", seq, w.clock.Load()-1)
	})
}
