package history

import (
	"fmt"
	"sync"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// TestMarks: a message, a room and everything can be marked; the user's devices are told.
func TestMarks(t *testing.T) {
	w := open(t)
	w.people(&people{names: []string{"bob"}, rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1", "r2", "r3")}})
	var seqs []uint64
	for _, room := range []string{"r1", "r2"} {
		w.joins(room, "bob", "bob")
		for i := range 3 {
			seqs = append(seqs, w.say(room, "ann", fmt.Sprint("m", i), "@bob"))
		}
	}
	mark := func(r historyapi.MarkRequest) {
		t.Helper()
		r.User = "bob"
		if err := w.api.Mark(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	counts := func(want ...int) {
		t.Helper()
		got := w.inboxNow("bob")
		is(t, "unread", []int{got["r1"].Unread, got["r2"].Unread, got["r1"].Mentions, got["r2"].Mentions}, want)
	}
	counts(3, 3, 3, 3)
	mark(historyapi.MarkRequest{Room: "r1"})
	counts(0, 3, 0, 3)
	mark(historyapi.MarkRequest{Room: "r1", Seq: seqs[1], Unread: true})
	counts(2, 3, 2, 3)
	mark(historyapi.MarkRequest{Room: "r1", Seq: seqs[2], Unread: true}) // it is
	counts(2, 3, 2, 3)
	mark(historyapi.MarkRequest{Room: "r2", Seq: seqs[4]})
	counts(2, 1, 2, 1)
	mark(historyapi.MarkRequest{})
	counts(0, 0, 0, 0)
	if _, err := w.api.Read(t.Context(), historyapi.ReadRequest{Room: "r1", User: "bob", Seq: seqs[0]}); err != nil {
		t.Fatal(err)
	}
	counts(0, 0, 0, 0) // reading on never goes back
	told := 0
	r, err := w.bus.Replay(t.Context(), chat.UserRoom("bob"), bus.Position{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.Entries {
		if event, err := chat.DecodeEntry(e.Data, e.Seq, e.Prev); err == nil && event.Type == chat.TypeChanged && event.Target == chat.ListInbox {
			told++
		}
	}
	is(t, "told", told, 5)
	for _, bad := range []historyapi.MarkRequest{
		{User: "a b"}, {User: "bob", Room: "_control"}, {User: "bob", Seq: 7}, {User: "bob", Unread: true}, {User: "bob", Room: "r1", Unread: true}, {User: "bob", Room: "r1", Seq: bus.MaxSeq + 1},
	} {
		if err := w.api.Mark(t.Context(), bad); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestPositionsDoNotGoBack: an entry that is taken in again, and a new role, move nothing.
func TestPositionsDoNotGoBack(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
	w.say("r1", "ann", "m0", "before")
	at := w.joins("r1", "ann", "bob")
	w.say("r1", "ann", "m1", "hello")
	is(t, "added", w.inboxNow("bob")["r1"].Unread, 1)
	if err := w.api.Mark(t.Context(), historyapi.MarkRequest{User: "bob", Room: "r1", Unread: true, Seq: 1}); err != nil {
		t.Fatal(err)
	}
	is(t, "taken back", w.inboxNow("bob")["r1"].Unread, 2)
	r, err := w.bus.Replay(t.Context(), "r1", bus.Position{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Service.ingest.consume(t.Context(), r.Entries); err != nil {
		t.Fatal(err)
	}
	w.event(chat.Event{Type: chat.TypeMember, Room: "r1", User: "ann", ID: "role", Member: "bob", Role: "moderator"})
	is(t, "then", w.inboxNow("bob")["r1"].Unread, 2)
	if again := w.joins("r1", "bob", "bob"); again < at {
		t.Fatal(again)
	}
	is(t, "who comes back", w.inboxNow("bob")["r1"].Unread, 0)
}

// TestInboxWaitsForPosition: an inbox that is read after a membership was stored, and before its
// read position was, is read again.
func TestInboxWaitsForPosition(t *testing.T) {
	w := open(t)
	w.people(&people{rooms: map[string][]directoryapi.Membership{"bob": in(0, "r1")}})
	w.stored("r1", w.say("r1", "ann", "m0", "before"))
	release := make(chan struct{})
	begin := func() { <-release }
	look := sync.OnceFunc(func() { close(release) })
	w.store.beginning.Store(&begin)
	w.stored("r1", w.joins("r1", "bob", "bob"))
	w.store.looked.Store(&look)
	is(t, "who has just come", w.inboxNow("bob")["r1"].Unread, 0)
}
