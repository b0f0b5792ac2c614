// Package storetest checks that a store.Store keeps its contract.
package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/failtest"
	"hubbub.internal/services/history/store"
)

// Options say what a server under the store does not do, so that its cases are left out.
type Options struct {
	// LosesUpdates: concurrent updates of one document are lost (FerretDB v1.24.0: 400 increments
	// ended at 61 to 76).
	LosesUpdates bool
}

// Run checks the store that open opens, which is empty at first. reopen closes it and opens what it
// has kept.
func Run(t *testing.T, o Options, open func(t *testing.T) store.Store, reopen func(t *testing.T, s store.Store) store.Store) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, store.Store)
	}{
		{"append and read", testAppend},
		{"repeats", testRepeats},
		{"handed over again", testHandedOverAgain},
		{"conflicts", testConflicts},
		{"many writers", testManyWriters},
		{"pages", testPages},
		{"acts of moderation", testActs},
		{"events of a room", testEvents},
		{"rooms are apart", testRoomsApart},
		{"messages and what is about them", testAbout},
		{"entries by their ids", testFind},
		{"what is past", testPast},
		{"changes", testChanges},
		{"what was done to a message", testDone},
		{"erase", testErase},
		{"versions", testVersions},
		{"versions that are held", testHeldVersions},
		{"reads", testReads},
		{"what is new", testInbox},
		{"how much is new", testInboxCounts},
		{"how much is new of what becomes less", testInboxShrinks},
		{"mentions", testMentions},
		{"threads", testThreads},
		{"lists of threads", testThreadLists},
		{"threads and what is new", testThreadInbox},
		{"followed threads", testFollows},
		{"followed threads that are gone", testLostFollows},
		{"pins", testPins},
		{"saved messages", testSaved},
		{"mentions to resolve", testUnresolved},
		{"jobs", testJobs},
		{"messages by their sender", testSenders},
		{"a room is removed", testRemoveRoom},
		{"the beginning of a room is removed", testRemoveThrough},
		{"the root of a thread is removed", testRemoveRoot},
		{"round of retention", testSweep},
		{"holds", testHolds},
		{"search", testSearch},
		{"search after changes", testSearchChanges},
		{"words that begin so", testCompletions},
		{"words that are gone", testWordsGo},
		{"how far the index is", testIndexing},
		{"terms of dates", testDateTerms},
		{"cancelled", testCancelled},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
	if !o.LosesUpdates {
		t.Run("reads at once", func(t *testing.T) { testReadsAtOnce(t, open(t)) })
		t.Run("holds lifted at once", func(t *testing.T) { testHoldsAtOnce(t, open(t)) })
	}
	t.Run("reopened", func(t *testing.T) {
		s := open(t)
		all := []store.Entry{message("r1", 5, "ann", "m1"), message("r1", 6, "somebody", "another-id"), message("r1", 7, "bob", "m3")}
		add(t, s, all...)
		s = reopen(t, s)
		got, err := s.Newest(t.Context(), "r1", 100, 10) // by senders whom it does not know yet
		same(t, all, got, err)
		got, err = s.Since(t.Context(), "r1", 0, 10)
		same(t, all, got, err)
	})
}

func message(room string, seq uint64, sender, id string) store.Entry {
	return store.Entry{Room: room, Seq: seq, Sender: sender, ID: id, Type: "msg", Data: fmt.Appendf(nil, "%s %d", id, seq)}
}

func about(room string, seq uint64, sender, id, kind, target string) store.Entry {
	e := message(room, seq, sender, id)
	e.Type, e.Target, e.Author = kind, target, "ann"
	e.Slot, e.Past = store.SlotOf(e)
	return e
}

func names(all ...string) (names []store.Name) {
	for i := 0; i < len(all); i += 2 {
		names = append(names, store.Name{Sender: all[i], ID: all[i+1]})
	}
	return names
}

func add(t *testing.T, s store.Store, entries ...store.Entry) store.Outcome {
	t.Helper()
	out, err := s.Append(t.Context(), entries)
	must(t, err)
	return out
}

func testAppend(t *testing.T, s store.Store) {
	ctx := t.Context()
	last, err := s.Last(ctx, "r1")
	same(t, bus.Position{}, last, err)
	highest, err := s.Highest(ctx)
	same(t, 0, highest, err)
	a, b := message("r1", 3, "ann", "m1"), message("r1", bus.MaxSeq-1, "bob", "m1")
	same(t, store.Outcome{}, add(t, s, b, a), nil)
	same(t, store.Outcome{}, add(t, s), nil)
	got, err := s.Since(ctx, "r1", 0, 10)
	same(t, []store.Entry{a, b}, got, err)
	got, err = s.Since(ctx, "r1", 3, 10)
	same(t, []store.Entry{b}, got, err)
	got, err = s.Since(ctx, "r1", 0, 1)
	same(t, []store.Entry{a}, got, err)
	last, err = s.Last(ctx, "r1")
	same(t, bus.Position{Seq: b.Seq, ID: "m1"}, last, err)
	highest, err = s.Highest(ctx)
	same(t, b.Seq, highest, err)
	got, err = s.At(ctx, "r1", 3)
	same(t, []store.Entry{a}, got, err)
	got, err = s.At(ctx, "r1", 4)
	same(t, nil, got, err)
}

func testRepeats(t *testing.T, s store.Store) {
	a, b := message("r1", 3, "ann", "m1"), message("r1", 4, "ann", "m2")
	add(t, s, a)
	same(t, store.Outcome{}, add(t, s, a, b, a), nil)
	// The bus forgot the first, and gave the sender's repeat another Seq.
	again := message("r1", 9, "ann", "m1")
	same(t, store.Outcome{Repeats: []store.Repeat{{Entry: again, First: 3}}}, add(t, s, again), nil)
	// Another sender, or another room, is another entry.
	c, d := message("r1", 5, "bob", "m1"), message("r2", 3, "ann", "m1")
	same(t, store.Outcome{}, add(t, s, c, d), nil)
	got, err := s.Since(t.Context(), "r1", 0, 10)
	same(t, []store.Entry{a, b, c}, got, err)
}

// testHandedOverAgain repeats a batch of which the beginning, or here and there some, are kept
// already.
func testHandedOverAgain(t *testing.T, s store.Store) {
	var all []store.Entry
	for i := range uint64(60) {
		all = append(all, message(fmt.Sprint("r", i%3), i+1, "ann", fmt.Sprint("m", i)))
	}
	add(t, s, all[:20]...)
	add(t, s, all[30], all[41])
	for range 2 {
		if out := add(t, s, all...); len(out.Conflicts)+len(out.Repeats) > 0 {
			t.Errorf("outcome is %+v", out)
		}
		for r := range 3 {
			var want []store.Entry
			for i := r; i < len(all); i += 3 {
				want = append(want, all[i])
			}
			got, err := s.Since(t.Context(), fmt.Sprint("r", r), 0, 100)
			same(t, want, got, err)
		}
	}
}

func testConflicts(t *testing.T, s store.Store) {
	ctx := t.Context()
	a, x, b := message("r1", 3, "ann", "m1"), message("r1", 3, "bob", "m2"), message("r1", 4, "ann", "m3")
	add(t, s, a, b)
	same(t, store.Outcome{Conflicts: []store.Entry{x}}, add(t, s, x), nil)
	same(t, store.Outcome{}, add(t, s, x, a), nil) // both are there
	got, err := s.At(ctx, "r1", 3)
	same(t, []store.Entry{a, x}, got, err)
	got, err = s.Since(ctx, "r1", 0, 10)
	same(t, []store.Entry{a, x, b}, got, err)
	got, err = s.Since(ctx, "r1", 3, 10)
	same(t, []store.Entry{b}, got, err)
	got, err = s.Newest(ctx, "r1", 4, 10)
	same(t, []store.Entry{a, x}, got, err)
	// The end of a room is the last of the twins there, of whatever kind each is.
	message, edit := message("r2", 5, "ann", "m1"), about("r2", 5, "ann", "m2", "edited", "m0")
	add(t, s, message)
	add(t, s, edit)
	at, err := s.At(ctx, "r2", 5)
	same(t, []store.Entry{message, edit}, at, err)
	last, err := s.Last(ctx, "r2")
	same(t, bus.Position{Seq: 5, ID: "m2"}, last, err)
}

func testManyWriters(t *testing.T, s store.Store) {
	const writers, each = 4, 20
	var all []store.Entry
	for i := range uint64(each) {
		all = append(all, message("r1", i+1, "ann", fmt.Sprint("m", i)))
	}
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			// The same entries from all, in overlapping batches, as redelivery may have it.
			for i := range all {
				if _, err := s.Append(t.Context(), all[i:min(i+1+w, each)]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	got, err := s.Since(t.Context(), "r1", 0, 1000)
	same(t, all, got, err)
}

func testPages(t *testing.T, s store.Store) {
	ctx := t.Context()
	var all, messages []store.Entry
	for i := uint64(1); i <= 9; i++ {
		e := message("r1", i*10, "ann", fmt.Sprint("m", i))
		if i%3 == 0 {
			e = about("r1", i*10, "ann", fmt.Sprint("m", i), "edited", "m1")
		} else {
			messages = append(messages, e)
		}
		all = append(all, e)
	}
	add(t, s, all...)
	got, err := s.Newest(ctx, "r1", bus.MaxSeq, 3)
	same(t, messages[3:], got, err)
	got, err = s.Newest(ctx, "r1", 70, 2)
	same(t, messages[2:4], got, err)
	got, err = s.Newest(ctx, "r1", 10, 2)
	same(t, nil, got, err)
	for limit := range 7 {
		last, got, err := s.Latest(ctx, "r1", limit+1)
		same(t, messages[max(0, len(messages)-limit-1):], got, err)
		same(t, bus.Position{Seq: 90, ID: "m9"}, last, err)
	}
	last, got, err := s.Latest(ctx, "r2", 3)
	same(t, nil, got, err)
	same(t, bus.Position{}, last, err)
	// Messages lie far behind what others did to them.
	for i := uint64(1); i <= 100; i++ {
		add(t, s, about("r1", 100+i, "bob", fmt.Sprint("r", i), "pinned", "m1"))
	}
	last, got, err = s.Latest(ctx, "r1", 3)
	same(t, messages[3:], got, err)
	same(t, bus.Position{Seq: 200, ID: "r100"}, last, err)
	got, err = s.Oldest(ctx, "r1", 0, 2)
	same(t, messages[:2], got, err)
	got, err = s.Oldest(ctx, "r1", 20, 100)
	same(t, messages[2:], got, err)
	got, err = s.Oldest(ctx, "r1", 80, 100)
	same(t, nil, got, err)
	end := message("r1", 300, "ann", "end")
	add(t, s, end)
	last, got, err = s.Latest(ctx, "r1", 1)
	same(t, []store.Entry{end}, got, err)
	same(t, bus.Position{Seq: 300, ID: "end"}, last, err)
}

// testRoomsApart has rooms whose names begin alike.
func testRoomsApart(t *testing.T, s store.Store) {
	ctx := t.Context()
	want := map[string]store.Entry{}
	for i, room := range []string{"a", "a-", "a-b", "a0", "aa", "a_", "A", "b"} {
		want[room] = message(room, uint64(i+1), "ann", "m")
		add(t, s, want[room])
	}
	for room, e := range want {
		got, err := s.Since(ctx, room, 0, 10)
		same(t, []store.Entry{e}, got, err)
		got, err = s.Newest(ctx, room, bus.MaxSeq, 10)
		same(t, []store.Entry{e}, got, err)
		last, err := s.Last(ctx, room)
		same(t, bus.Position{Seq: e.Seq, ID: "m"}, last, err)
	}
}

// testFind looks entries up by what names them: room, sender and ID together.
func testFind(t *testing.T, s store.Store) {
	ctx := t.Context()
	m, twin, elsewhere := message("r1", 1, "ann", "m1"), message("r1", 2, "bob", "m1"), message("r2", 3, "ann", "m1")
	edit := about("r1", 4, "ann", "e1", "edited", "m1")
	add(t, s, m, twin, elsewhere, edit, message("r1", 9, "ann", "m1")) // the last is a repeat
	for _, want := range []store.Entry{m, twin, elsewhere, edit} {
		got, ok, err := s.Find(ctx, want.Room, want.Sender, want.ID)
		if same(t, want, got, err); !ok {
			t.Errorf("%s of %s is not there", want.ID, want.Sender)
		}
	}
	for _, none := range [][3]string{{"r1", "eve", "m1"}, {"r3", "ann", "m1"}, {"r1", "ann", "m2"}, {"r1", "bob", "e1"}} {
		if got, ok, err := s.Find(ctx, none[0], none[1], none[2]); ok || err != nil {
			t.Errorf("%v is %+v, %v", none, got, err)
		}
	}
}

func testCancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failtest.All(ctx, t, s, func(error) bool { return true })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T any](t *testing.T, want, got T, err error) {
	t.Helper()
	must(t, err)
	// What was done to a message is compared where it is about that: see testDone. Stores need not
	// say in which thread it is.
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(store.Entry{}, "Done", "Thread", "Broadcast")); diff != "" {
		t.Error(diff)
	}
}
