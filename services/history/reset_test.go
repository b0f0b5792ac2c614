package history

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// resets empties a room, as the directory does.
func (w *world) resets(room string) uint64 {
	w.t.Helper()
	return w.event(chat.Event{Type: chat.TypeReset, Room: room, User: "mod", ID: chat.NewID()})
}

// TestReset empties a room while the reset is in the log alone, and again when it is stored:
// nothing from before is shown, counted or found, and all of it goes.
func TestReset(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}, names: []string{"bob"}})
		w.access.Store("bob r1", true)
		joined := w.joins("r1", "ann", "bob")
		root := w.say("r1", "ann", "m1", "secret @bob")
		w.answer("ann", "a1", chat.Thread{Author: "ann", ID: "m1"})
		for range 2 * sweepBatch {
			w.say("r1", "ann", chat.NewID(), "secret")
		}
		last := w.say("r1", "ann", "m2", "secret, the last")
		w.stored("r1", last)
		w.eventually("the mention counts", func() bool { return w.inboxNow("bob")["r1"].Mentions == 1 })
		w.store.down.Store(true)
		w.store.readers.Store(true)
		reset := w.resets("r1")
		after := w.say("r1", "ann", "m3", "anew")
		check := func(what string) {
			t.Helper()
			for _, req := range []historyapi.PageRequest{{}, {Before: after}, {After: joined}, {Around: root}, {At: 1}, {Around: 1, All: true}} {
				req.Room = "r1"
				if got := texts(w.page(req)); strings.Contains(got, "secret") {
					t.Errorf("%s: a page %+v has %.100q", what, req, got)
				}
			}
			got := w.missed(historyapi.SinceRequest{Room: "r1", After: root, ID: "m1", Limit: 10})
			if got.Rewound || len(got.Entries) != 2 || got.Entries[0].Seq != reset || got.Entries[0].Prev != root {
				t.Errorf("%s: since a message from before: %+v", what, got)
			}
		}
		check("in the log")
		w.store.down.Store(false)
		w.stored("r1", after)
		check("stored")
		if in := w.inboxNow("bob")["r1"]; in.Unread != 1 || in.FirstUnread != after || in.Mentions != 0 {
			t.Errorf("what is new: %+v", in)
		}
		w.eventually("all of it is removed", func() bool {
			left, err := w.store.Since(t.Context(), "r1", 0, 10)
			resets, err2 := w.store.Resets(t.Context(), 10)
			return err == nil && err2 == nil && len(left) == 2 && left[0].Seq == reset && len(resets) == 0
		})
		check("removed")
		if log := w.log("r1"); strings.Contains(log, "secret") {
			t.Errorf("the log has %.200s", log)
		}
		found, err := w.api.Search(t.Context(), historyapi.SearchRequest{User: "bob", Query: "secret"})
		if err != nil || len(found.Results) != 0 {
			t.Errorf("the search finds %+v, %v", found.Results, err)
		}
	})
}

// TestResetAgain: a reset that is in the log a second time removes nothing that was said since the
// first one, whether history takes the two in one after the other or together.
func TestResetAgain(t *testing.T) {
	for _, together := range []bool{false, true} {
		t.Run(fmt.Sprint("together=", together), func(t *testing.T) { bubble(t, func(t *testing.T, w *world) { testResetAgain(t, w, together) }) })
	}
}

func testResetAgain(t *testing.T, w *world, together bool) {
	reset := chat.Event{Type: chat.TypeReset, Room: "r1", User: "mod", ID: chat.NewID()}
	w.store.down.Store(together)
	w.say("r1", "ann", "m1", "before")
	first := w.event(reset)
	w.say("r1", "ann", "m2", "after")
	time.Sleep(2 * w.forgets)
	second := w.event(reset)
	if second == first {
		t.Fatal("the bus knows the id")
	}
	last := w.say("r1", "ann", "m3", "the last")
	w.store.down.Store(false)
	w.stored("r1", last)
	w.eventually("what was said before is removed", func() bool {
		left, err := w.store.Resets(t.Context(), 10)
		return err == nil && len(left) == 0
	})
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "after the last" {
		t.Errorf("the room has %q", got)
	}
}

// TestResetHidesAtOnce: what was said before is hidden before the reset is stored, since from then
// on the tail of the log does not have it.
func TestResetHidesAtOnce(t *testing.T) {
	w := open(t)
	w.stored("r1", w.say("r1", "ann", "m1", "secret"))
	w.end()
	reset := chat.Event{Type: chat.TypeReset, Room: "r1", Seq: 1 << 50, User: "mod", ID: chat.NewID()}
	data, err := chat.AppendEntry(nil, reset)
	if err != nil {
		t.Fatal(err)
	}
	var hidden uint64
	w.Service = over(w, w.bus, beforeAppend{w.store, func() { hidden = w.jobs.floor("r1") }})
	if err := w.ingest.consume(t.Context(), []bus.Entry{{Room: "r1", Seq: reset.Seq, Sender: "directory", ID: reset.ID, Data: data}}); err != nil {
		t.Fatal(err)
	}
	if hidden != reset.Seq {
		t.Errorf("when it is stored, what has less than %d is hidden, want %d", hidden, reset.Seq)
	}
}

// beforeAppend is a store that calls a function when it is given entries.
type beforeAppend struct {
	store.Store
	call func()
}

func (b beforeAppend) Append(ctx context.Context, entries []store.Entry) (store.Outcome, error) {
	b.call()
	return b.Store.Append(ctx, entries)
}
