package history

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// TestStoreDown: the store fails for a while: appends go on, requests say so, and all is stored
// in the end.
func TestStoreDown(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		first := w.say("r1", "ann", "m0", "0")
		w.stored("r1", first)
		w.store.down.Store(true)
		last := w.say("r1", "ann", "m1", "1")
		if _, err := w.api.Page(t.Context(), historyapi.PageRequest{Room: "r1"}); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("a page: %v", err)
		}
		if _, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d", Target: "m0"}); code != chat.CodeUnavailable {
			t.Errorf("a delete: %q", code)
		}
		if _, err := w.api.Read(t.Context(), historyapi.ReadRequest{Room: "r1", User: "ann", Seq: 1}); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("a read position: %v", err)
		}
		w.store.down.Store(false)
		w.stored("r1", last)
		if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "0 1" {
			t.Errorf("the page is %q", got)
		}
		if parked, err := w.bus.DeadLetters(t.Context(), group, 10); err != nil || len(parked) != 0 {
			t.Errorf("parked: %+v, %v", parked, err)
		}
	})
}

// TestPoison appends what is no event: it is parked, and the rest is stored.
func TestPoison(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		for id, data := range map[string]string{"bad": "\x01nonsense", "worse": `_{"type":"msg","text":7}`} {
			if _, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: "r1", Sender: "eve", ID: id, Data: []byte(data)}); err != nil {
				t.Fatal(err)
			}
		}
		last := w.say("r1", "ann", "m1", "good")
		w.stored("r1", last)
		w.eventually("it is parked", func() bool {
			parked, err := w.bus.DeadLetters(t.Context(), group, 10)
			return err == nil && len(parked) == 2 && parked[0].Entry.Sender == "eve" && parked[1].Entry.Sender == "eve"
		})
		if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "good" {
			t.Errorf("the page is %q", got)
		}
	})
}

// TestRedriven hands over messages that were parked and put back when later ones were stored
// already: each is at its place, and one that was deleted meanwhile has no text.
func TestRedriven(t *testing.T) {
	w := open(t)
	entry := func(seq uint64, e chat.Event) bus.Entry {
		e.Room, e.User = "r1", "ann"
		data, err := chat.AppendEntry(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		return bus.Entry{Room: "r1", Seq: seq, Sender: "ann", ID: e.ID, Data: data}
	}
	first := entry(1, chat.Event{Type: chat.TypeMsg, ID: "m1", Text: "1"})
	second := entry(2, chat.Event{Type: chat.TypeMsg, ID: "m2", Text: "secret"})
	if err := w.ingest.consume(t.Context(), []bus.Entry{
		entry(3, chat.Event{Type: chat.TypeMsg, ID: "m3", Text: "3"}), entry(4, chat.Event{Type: chat.TypeDeleted, ID: "d2", Target: "m2"}),
	}); err != nil {
		t.Fatal(err)
	}
	for _, e := range []bus.Entry{first, second, first} {
		e.Redriven = true
		if err := w.ingest.consume(t.Context(), []bus.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "1  3" {
		t.Errorf("the page is %q", got)
	}
	kept, err := w.store.Since(t.Context(), "r1", 0, 100)
	if err != nil || len(kept) != 4 {
		t.Fatalf("%+v, %v", kept, err)
	}
	for _, e := range kept {
		if strings.Contains(string(e.Data), "secret") {
			t.Errorf("the text of a deleted message is kept: %s", e.Data)
		}
	}
}

// TestConsumeAgain delivers again what was stored, and what conflicts with it.
func TestConsumeAgain(t *testing.T) {
	w := open(t)
	seq := w.say("r1", "ann", "m1", "1")
	w.stored("r1", seq)
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "bob", ID: "m2", Text: "2"})
	if err != nil {
		t.Fatal(err)
	}
	same := bus.Entry{Room: "r1", Seq: seq, Sender: "bob", ID: "m2", Data: data}
	for range 2 {
		if err := w.ingest.consume(t.Context(), []bus.Entry{same}); err != nil {
			t.Fatal(err)
		}
	}
	if got := testutil.ToFloat64(w.metrics.conflicts); got != 1 {
		t.Errorf("%v conflicts", got)
	}
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "1 2" {
		t.Errorf("the page is %q", got)
	}
	// Sent again after the bus had forgotten it: the log has it twice.
	w.store.down.Store(true)
	w.store.readers.Store(true)
	w.bus.Append(bus.NewEntry{Room: "r1", Sender: "bob", ID: "m2", Data: data}, func(bus.Appended, error) {})
	w.eventually("the log has it again", func() bool {
		r, err := w.records.of(t.Context(), "r1")
		return err == nil && len(r.tail) == 1
	})
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "1 2" {
		t.Errorf("with a repeat in the log, the page is %q", got)
	}
	w.store.down.Store(false)
	w.eventually("it is not stored again", func() bool { return testutil.ToFloat64(w.metrics.repeats) == 1 })
	later := same
	later.Seq += 5
	if err := w.ingest.consume(t.Context(), []bus.Entry{later}); err != nil {
		t.Fatal(err)
	}
	if got := testutil.ToFloat64(w.metrics.repeats); got != 2 {
		t.Errorf("%v repeats", got)
	}
}

// TestLostLog starts history on an empty bus: the log goes on above what the store has.
func TestLostLog(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "history.db"))
	w, stop := start(t, openBus(t), s)
	high := w.say("r1", "ann", "m1", "before")
	w.stored("r1", high)
	// As from a machine whose clock was ahead.
	ahead := store.Entry{Room: "r1", Seq: high + 1<<40, Sender: "ann", ID: "m2", Type: chat.TypeMsg, Data: []byte(`_{"type":"msg","room":"r1","id":"m2","text":"ahead"}`)}
	if _, err := s.Append(t.Context(), []store.Entry{ahead}); err != nil {
		t.Fatal(err)
	}
	stop()
	w, _ = start(t, openBus(t), s)
	if seq := w.say("r1", "ann", "m3", "after"); seq <= ahead.Seq {
		t.Errorf("the new log goes on at %d, which is not above %d", seq, ahead.Seq)
	}
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "before ahead after" {
		t.Errorf("the page is %q", got)
	}
}

// TestStartAgain stops history before it has read everything: what was acknowledged keeps its Seq.
func TestStartAgain(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "history.db"))
	b := openBus(t)
	w, stop := start(t, b, s)
	seqs := []uint64{w.say("r1", "ann", "m0", "0")}
	w.stored("r1", seqs[0])
	stop()
	for i := 1; i < 5; i++ {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint(i)))
	}
	w, _ = start(t, b, s)
	w.stored("r1", seqs[4])
	var got []uint64
	for _, m := range w.page(historyapi.PageRequest{Room: "r1"}).Messages {
		got = append(got, m.Seq)
	}
	if !slices.Equal(got, seqs) {
		t.Errorf("history has %v, want %v", got, seqs)
	}
}
