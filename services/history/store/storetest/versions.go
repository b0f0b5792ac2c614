package storetest

import (
	"errors"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

func testVersions(t *testing.T, s store.Store) {
	ctx := t.Context()
	ann, eve := store.Name{Sender: "ann", ID: "m1"}, store.Name{Sender: "eve", ID: "m1"}
	m, twin, bystander := message("r1", 1, "ann", "m1"), message("r1", 2, "eve", "m1"), message("r1", 3, "ann", "m2")
	edits := []store.Entry{about("r1", 4, "ann", "e1", "edited", "m1"), about("r1", 6, "ann", "e2", "edited", "m1"), about("r1", 8, "ann", "e3", "edited", "m1")}
	twins := about("r1", 5, "eve", "e1", "edited", "m1")
	twins.Author = "eve"
	reaction, answered := about("r1", 7, "bob", "x1", "reacted", "m1"), answer("r1", 9, "ann", "a1", "m1")
	change := about("r1", 10, "ann", "e4", "edited", "a1")
	add(t, s, m, twin, bystander, edits[0], twins, edits[1], reaction, edits[2], answered, change)
	edits[0].Past, edits[1].Past = true, true
	scrub := func(e store.Entry) ([]byte, error) { return []byte("without " + e.ID), nil }
	for range 2 { // again, it keeps what it has
		must(t, s.KeepOriginal(ctx, "r1", ann, scrub))
		must(t, s.KeepOriginal(ctx, "r1", store.Name{Sender: "ann", ID: "a1"}, scrub))
	}
	must(t, s.KeepOriginal(ctx, "r1", store.Name{Sender: "ann", ID: "none"}, scrub))
	if err := s.KeepOriginal(ctx, "r1", eve, func(store.Entry) ([]byte, error) { return nil, errors.New("no") }); err == nil {
		t.Error("a failed scrub is no error")
	}

	// Readers of the room get what is left, and versions what was said.
	left := m
	left.Data = []byte("without m1")
	got, err := s.Oldest(ctx, "r1", 0, 1)
	same(t, []store.Entry{left}, got, err)
	got, err = s.Messages(ctx, "r1", []store.Name{ann})
	same(t, []store.Entry{left}, got, err)
	for _, tt := range []struct {
		before uint64
		limit  int
		want   []store.Entry
	}{
		{bus.MaxSeq, 10, []store.Entry{edits[2], edits[1], edits[0], m}},
		{bus.MaxSeq, 4, []store.Entry{edits[2], edits[1], edits[0], m}},
		{bus.MaxSeq, 3, []store.Entry{edits[2], edits[1], edits[0]}},
		{bus.MaxSeq, 1, []store.Entry{edits[2]}},
		{8, 2, []store.Entry{edits[1], edits[0]}},
		{6, 10, []store.Entry{edits[0], m}},
		{4, 10, []store.Entry{m}},
		{1, 10, nil},
	} {
		got, err := s.Versions(ctx, "r1", ann, tt.before, tt.limit)
		same(t, tt.want, got, err)
	}
	got, err = s.Versions(ctx, "r1", eve, bus.MaxSeq, 10)
	same(t, []store.Entry{twins, twin}, got, err)
	got, err = s.Versions(ctx, "r1", store.Name{Sender: "ann", ID: "a1"}, bus.MaxSeq, 10)
	same(t, []store.Entry{change, answered}, got, err)
	got, err = s.Versions(ctx, "r1", bystander.Name(), bus.MaxSeq, 10)
	same(t, []store.Entry{bystander}, got, err)
	for _, none := range []store.Name{{Sender: "ann", ID: "none"}, {Sender: "nobody", ID: "m1"}, {Sender: "ann", ID: "e1"}} {
		got, err = s.Versions(ctx, "r1", none, bus.MaxSeq, 10)
		same(t, nil, got, err)
	}

	// What is erased has no versions, and what goes with the room neither.
	seqs, err := s.Erase(ctx, "r1", ann, func(e store.Entry) ([]byte, error) { return []byte("erased"), nil })
	same(t, []uint64{1, 4, 6, 8}, seqs, err)
	got, err = s.Versions(ctx, "r1", ann, bus.MaxSeq, 10)
	must(t, err)
	for _, e := range got {
		if string(e.Data) != "erased" {
			t.Errorf("erased, and %s has %q", e.ID, e.Data)
		}
	}
	_, err = s.RemoveThrough(ctx, "r1", 2, 10)
	must(t, err)
	got, err = s.Versions(ctx, "r1", eve, bus.MaxSeq, 10)
	same(t, nil, got, err)
	_, err = s.RemoveEntries(ctx, "r1", 100)
	must(t, err)
	got, err = s.Versions(ctx, "r1", store.Name{Sender: "ann", ID: "a1"}, bus.MaxSeq, 10)
	same(t, nil, got, err)
}

// testHeldVersions: what is put aside of a message that was edited is what was said, whichever way
// it goes.
func testHeldVersions(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, s.PutHold(ctx, store.Hold{ID: "h1", User: "ann", Reason: "case 1", Created: 10}))
	scrub := func(store.Entry) ([]byte, error) { return []byte("without"), nil }
	for room, remove := range map[string]func() error{
		"erased":  func() error { _, err := s.Erase(ctx, "erased", store.Name{Sender: "ann", ID: "m1"}, scrub); return err },
		"through": func() error { _, err := s.RemoveThrough(ctx, "through", 10, 10); return err },
		"gone":    func() error { _, err := s.RemoveEntries(ctx, "gone", 10); return err },
	} {
		m, first, last := message(room, 1, "ann", "m1"), about(room, 2, "ann", "e1", "edited", "m1"), about(room, 3, "ann", "e2", "edited", "m1")
		add(t, s, m, first, last)
		must(t, s.KeepOriginal(ctx, room, m.Name(), scrub))
		must(t, remove())
		got, err := s.Held(ctx, store.Hold{Room: room}, room, 0, 10)
		first.Slot, last.Slot = "", ""
		same(t, []store.Entry{m, first, last}, got, err)
	}
}
