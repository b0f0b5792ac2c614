package storetest

import (
	"fmt"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// pin is an entry that pins a message of ann's, or with on false unpins it.
func pin(room string, seq uint64, sender, target string, on bool) store.Entry {
	e := message(room, seq, sender, fmt.Sprint("p", seq))
	e.Type, e.Target, e.Author = chat.TypePinned, target, "ann"
	e.Data, _ = chat.AppendEntry(nil, chat.Event{Type: e.Type, Room: room, ID: e.ID, User: sender, TS: int64(seq) + 1000, Target: target, Author: "ann", On: on})
	e.Slot, e.Past = store.SlotOf(e)
	return e
}

func testPins(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i := range uint64(4) {
		add(t, s, message("r1", 10+i, "ann", fmt.Sprint("m", i)))
	}
	all := []store.Entry{pin("r1", 20, "bob", "m0", true), pin("r1", 21, "eve", "m1", true), pin("r1", 22, "bob", "m2", true)}
	add(t, s, all...)
	add(t, s, pin("r10", 25, "bob", "m0", true), about("r1", 26, "bob", "e1", "reacted", "m0"))
	for _, tt := range []struct {
		before uint64
		limit  int
		want   []store.Entry
	}{
		{bus.MaxSeq, 10, []store.Entry{all[2], all[1], all[0]}}, {bus.MaxSeq, 2, []store.Entry{all[2], all[1]}}, {22, 10, []store.Entry{all[1], all[0]}}, {20, 10, nil},
	} {
		got, err := s.Pins(ctx, "r1", tt.before, tt.limit)
		same(t, tt.want, got, err)
	}
	// Who pins again is who pinned, and what is unpinned is not there.
	again := pin("r1", 30, "eve", "m2", true)
	add(t, s, again, pin("r1", 31, "eve", "m1", false))
	got, err := s.Pins(ctx, "r1", bus.MaxSeq, 10)
	same(t, []store.Entry{again, all[0]}, got, err)
	must(t, s.Unpin(ctx, "r1", store.Name{Sender: "ann", ID: "m2"}))
	must(t, s.Unpin(ctx, "r1", store.Name{Sender: "bob", ID: "m0"})) // another's
	must(t, s.Unpin(ctx, "none", store.Name{Sender: "ann", ID: "m0"}))
	got, err = s.Pins(ctx, "r1", bus.MaxSeq, 10)
	same(t, all[:1], got, err)
	// Late, and superseded already.
	add(t, s, pin("r1", 29, "bob", "m1", true))
	got, err = s.Pins(ctx, "r1", bus.MaxSeq, 10)
	same(t, all[:1], got, err)
}
