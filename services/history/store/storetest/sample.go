package storetest

import (
	"fmt"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

// sampleRoom has one of everything that a release keeps.
const sampleRoom = "lobby"

// sample are entries in the order in which they are kept: texts, what is about them, two that have
// one seq after a rewind of the log, and a type that only a later release knows.
func sample() []store.Entry {
	entries := []store.Entry{
		message(sampleRoom, 1<<40, "ann", "m1"),
		message(sampleRoom, 1<<40+1, "bob", "m1"), // the same id, of another
		about(sampleRoom, 1<<40+2, "ann", "e1", "edited", "m1"),
		about(sampleRoom, 1<<40+3, "bob", "r1", "reacted", "m1"),
		about(sampleRoom, 1<<40+4, "eve", "p1", "pinned", "m1"),
		message(sampleRoom, 1<<40+5, "ann", "m2"),
		about(sampleRoom, 1<<40+6, "ann", "d1", "deleted", "m2"),
		{Room: sampleRoom, Seq: 1<<40 + 7, Sender: "eve", ID: "x1", Type: "of a later release", Data: []byte("x1 1099511627783")},
		message(sampleRoom, 1<<40+5, "bob", "m3"), // the log was rewound
		message("d-ABCDEFGHIJKLMNOPQRSTUVWXYZ", bus.MaxSeq, "ann", "m4"),
	}
	for i := range 30 {
		entries = append(entries, message("other", uint64(i+1), "ann", fmt.Sprint("o", i)))
	}
	return entries
}

// Fill puts the sample into an empty store. Files and dumps in testdata were made so, by the
// release that they are named after.
func Fill(t *testing.T, s store.Store) {
	t.Helper()
	out := add(t, s, sample()...)
	if len(out.Conflicts) != 1 || len(out.Repeats) != 0 {
		t.Fatalf("the sample is %+v", out)
	}
	_, err := s.Erase(t.Context(), sampleRoom, store.Name{Sender: "ann", ID: "m2"}, func(store.Entry) ([]byte, error) { return []byte("erased"), nil })
	must(t, err)
	_, err = s.PutRead(t.Context(), sampleRoom, "ann", 1<<40+3)
	must(t, err)
	_, err = s.PutRead(t.Context(), "other", "ann", 7)
	must(t, err)
	fillLater(t, s)
}

// Verify holds that a store has the sample, as Fill left it, and goes on from there. whole: it has
// all of the sample, which stores of version 0 have not.
func Verify(t *testing.T, s store.Store, whole bool) {
	t.Helper()
	ctx := t.Context()
	if whole {
		verifyLater(t, s)
	}
	var lobby, other []store.Entry
	for _, e := range sample() {
		switch {
		case e.Room == sampleRoom && e.ID == "m2":
			e.Data = []byte("erased")
			lobby = append(lobby, e)
		case e.Room == sampleRoom && e.ID != "m3":
			lobby = append(lobby, e)
		case e.Room == "other":
			other = append(other, e)
		}
	}
	twins, err := s.At(ctx, sampleRoom, 1<<40+5)
	must(t, err)
	if len(twins) != 2 || twins[0].ID != "m2" || twins[1].ID != "m3" {
		t.Errorf("at the seq that two have: %+v", twins)
	}
	got, err := s.Since(ctx, sampleRoom, 0, 100)
	must(t, err)
	var without []store.Entry
	for _, e := range got {
		if e.ID != "m3" {
			without = append(without, e)
		}
	}
	same(t, lobby, without, nil)
	got, err = s.Newest(ctx, "other", 100, 10)
	same(t, other[20:], got, err)
	got, err = s.Oldest(ctx, "other", 5, 3)
	same(t, other[5:8], got, err)
	got, err = s.Messages(ctx, sampleRoom, names("ann", "m1", "bob", "m1"))
	same(t, lobby[:2], got, err)
	got, err = s.About(ctx, sampleRoom, names("ann", "m1", "bob", "m1", "ann", "m2"), 0)
	same(t, []store.Entry{lobby[2], lobby[3], lobby[4], lobby[6]}, got, err)
	highest, err := s.Highest(ctx)
	same(t, bus.MaxSeq, highest, err)
	last, err := s.Last(ctx, sampleRoom)
	same(t, bus.Position{Seq: 1<<40 + 7, ID: "x1"}, last, err)
	reads, err := s.Reads(ctx, "ann")
	same(t, map[string]uint64{sampleRoom: 1<<40 + 3, "other": 7}, reads, err)

	// What was kept is known again, and new entries are kept behind it.
	if out := add(t, s, sample()...); len(out.Repeats) != 0 {
		t.Errorf("handed over again: %+v", out)
	}
	// What an earlier release has kept is the root of a thread as well as any other message.
	reply := answer(sampleRoom, 1<<40+9, "bob", "a1", "m1")
	add(t, s, reply)
	threads, err := s.Threads(ctx, sampleRoom, 1<<41, 10)
	must(t, err)
	if len(threads) != 1 || threads[0].At != 1<<40 || threads[0].Count != 1 {
		t.Errorf("threads are %+v", threads)
	}
	got, err = s.MessagesBy(ctx, "bob", sampleRoom, 1<<40+5, 10)
	same(t, []store.Entry{reply}, got, err)
	next := message(sampleRoom, 1<<40+8, "ann", "m5")
	add(t, s, next)
	got, err = s.Newest(ctx, sampleRoom, 1<<40+100, 1)
	same(t, []store.Entry{next}, got, err)
}
