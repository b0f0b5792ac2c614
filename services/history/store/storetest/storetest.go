// Package storetest checks that a store.Store keeps its contract.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
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
		{"rooms are apart", testRoomsApart},
		{"messages and what is about them", testAbout},
		{"entries by their ids", testFind},
		{"what is past", testPast},
		{"changes", testChanges},
		{"what was done to a message", testDone},
		{"erase", testErase},
		{"reads", testReads},
		{"what is new", testInbox},
		{"how much is new", testInboxCounts},
		{"mentions", testMentions},
		{"mentions to resolve", testUnresolved},
		{"jobs", testJobs},
		{"messages by their sender", testSenders},
		{"a room is removed", testRemoveRoom},
		{"search", testSearch},
		{"search after changes", testSearchChanges},
		{"words that begin so", testCompletions},
		{"how far the index is", testIndexing},
		{"terms of dates", testDateTerms},
		{"cancelled", testCancelled},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
	if !o.LosesUpdates {
		t.Run("reads at once", func(t *testing.T) { testReadsAtOnce(t, open(t)) })
	}
	t.Run("reopened", func(t *testing.T) {
		s := open(t)
		e := message("r1", 5, "ann", "m1")
		add(t, s, e)
		s = reopen(t, s)
		got, err := s.Since(t.Context(), "r1", 0, 10)
		same(t, []store.Entry{e}, got, err)
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

func testActs(t *testing.T, s store.Store) {
	ctx := t.Context()
	act := func(room string, seq uint64) store.Entry {
		e := message(room, seq, "mod", fmt.Sprint("a", seq))
		e.Type = chat.TypeModerated
		return e
	}
	all := []store.Entry{act("r1", 10), act("r1", 20), act("r1", 30), act("r1", 40)}
	add(t, s, all[0], message("r1", 15, "ann", "m1"), all[1], all[2], message("r1", 35, "ann", "m2"), all[3])
	add(t, s, act("r10", 25))
	for _, tt := range []struct {
		after, before uint64
		limit         int
		want          []store.Entry
	}{
		{0, 100, 10, all}, {10, 100, 10, all[1:]}, {10, 40, 10, all[1:3]}, {0, 100, 2, all[2:]}, {0, 40, 1, all[2:3]}, {40, 100, 10, nil}, {0, 10, 10, nil},
	} {
		got, err := s.Acts(ctx, "r1", tt.after, tt.before, tt.limit)
		same(t, tt.want, got, err)
	}
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

func testAbout(t *testing.T, s store.Store) {
	ctx := t.Context()
	m, twin := message("r1", 1, "ann", "m1"), message("r1", 5, "eve", "m1")
	evil := about("r1", 7, "eve", "e1", "edited", "m1")
	evil.Author = "eve"
	edit, reaction := about("r1", 3, "ann", "e1", "edited", "m1"), about("r1", 4, "bob", "e2", "reacted", "m1")
	other := about("r1", 6, "bob", "e3", "reacted", "m2")
	add(t, s, evil, twin, other, reaction, edit, m, about("r2", 1, "ann", "e1", "edited", "m1"))
	// e1 is no message
	all, err := s.Messages(ctx, "r1", names("ann", "m1", "eve", "m1", "ann", "e1", "ann", "m9", "bob", "m1"))
	same(t, []store.Entry{m, twin}, all, err)
	all, err = s.Messages(ctx, "r1", names("eve", "m1"))
	same(t, []store.Entry{twin}, all, err)
	all, err = s.Namesakes(ctx, "r1", "m1", 9)
	same(t, []store.Entry{m, twin}, all, err)
	all, err = s.Namesakes(ctx, "r1", "m1", 1)
	same(t, []store.Entry{m}, all, err)
	all, err = s.Namesakes(ctx, "r1", "e1", 9)
	same(t, nil, all, err)
	all, err = s.Messages(ctx, "r1", nil)
	same(t, nil, all, err)
	all, err = s.About(ctx, "r1", names("ann", "m1", "ann", "m2", "ann", "m3"), 0)
	same(t, []store.Entry{edit, reaction, other}, all, err)
	all, err = s.About(ctx, "r1", names("ann", "m1", "ann", "m2", "ann", "m3"), 2)
	same(t, 2, len(all), err)
	all, err = s.About(ctx, "r1", names("eve", "m1"), 0)
	same(t, []store.Entry{evil}, all, err)
	all, err = s.About(ctx, "r1", names("eve", "m1", "eve", "m1", "eve", "m2"), 0)
	same(t, []store.Entry{evil}, all, err)
	all, err = s.About(ctx, "r1", names("ann", "m1", "eve", "m1"), 0)
	same(t, []store.Entry{edit, reaction, evil}, all, err)
	// What does not say its author, as processes of the release before write it.
	unsaid := about("r1", 8, "bob", "e4", "pinned", "m1")
	unsaid.Author = ""
	add(t, s, unsaid)
	all, err = s.About(ctx, "r1", names("eve", "m1", "eve", "m2"), 0)
	same(t, []store.Entry{evil, unsaid}, all, err)
	all, err = s.About(ctx, "r1", names("ann", "m1", "eve", "m1"), 0)
	same(t, []store.Entry{edit, reaction, evil, unsaid}, all, err)
	all, err = s.About(ctx, "r1", nil, 0)
	same(t, nil, all, err)
}

// testPast changes a message again and again, in any order: what is about it is the last of each
// slot, unless that empties it.
func testPast(t *testing.T, s store.Store) {
	ctx := t.Context()
	react := func(seq uint64, sender, emoji string, on bool) store.Entry {
		e := about("r1", seq, sender, fmt.Sprint("x", seq), "reacted", "m1")
		e.Data = fmt.Appendf(nil, `_{"emoji":%q,"on":%v}`, emoji, on)
		e.Slot, e.Past = store.SlotOf(e)
		return e
	}
	edit := func(seq uint64) store.Entry { return about("r1", seq, "ann", fmt.Sprint("e", seq), "edited", "m1") }
	is := func(want ...store.Entry) {
		t.Helper()
		all, err := s.About(ctx, "r1", names("ann", "m1"), 0)
		same(t, want, all, err)
	}
	add(t, s, message("r1", 1, "ann", "m1"), edit(2), edit(4))
	is(edit(4))
	add(t, s, edit(3)) // late, as from the dead letters
	is(edit(4))
	up, other, twin := react(5, "bob", "+", true), react(6, "bob", "-", true), react(7, "cy", "+", true)
	add(t, s, up, other, twin)
	is(edit(4), up, other, twin)
	add(t, s, react(9, "bob", "+", false))
	add(t, s, react(8, "bob", "+", true)) // late
	is(edit(4), other, twin)
	add(t, s, react(10, "bob", "+", true), react(11, "bob", "+", false), react(12, "bob", "+", true))
	is(edit(4), other, twin, react(12, "bob", "+", true))
	add(t, s, edit(4), edit(2), edit(13), edit(13)) // again
	is(other, twin, react(12, "bob", "+", true), edit(13))
	all, err := s.About(ctx, "r1", names("ann", "m1"), 0, "edited", "deleted")
	same(t, []store.Entry{edit(13)}, all, err)
	all, err = s.About(ctx, "r1", names("ann", "m1"), 0, "deleted")
	same(t, nil, all, err)
	// All of them are kept.
	all, err = s.Since(ctx, "r1", 0, 100)
	if same(t, 13, len(all), err); !all[1].Past || all[12].Past {
		t.Errorf("marked are %+v", all)
	}
}

func testChanges(t *testing.T, s store.Store) {
	ctx := t.Context()
	var all []store.Entry
	for i := range uint64(6) {
		all = append(all, about("r1", i+1, "ann", fmt.Sprint("e", i), "edited", "m1"), about("r1", 100+i, "bob", fmt.Sprint("x", i), "reacted", "m1"))
	}
	twins := about("r1", 50, "eve", "e", "edited", "m1")
	twins.Author = "eve"
	add(t, s, append(all, twins)...)
	for _, tt := range []struct {
		sender            string
		limit, all, edits int
	}{{"ann", 100, 12, 6}, {"ann", 12, 12, 6}, {"eve", 100, 1, 1}, {"bob", 100, 0, 0}} {
		n, edits, err := s.Changes(ctx, "r1", store.Name{Sender: tt.sender, ID: "m1"}, tt.limit)
		same(t, [2]int{tt.all, tt.edits}, [2]int{n, edits}, err)
	}
	n, _, err := s.Changes(ctx, "r1", store.Name{Sender: "ann", ID: "m1"}, 5)
	same(t, 5, n, err)
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

func testErase(t *testing.T, s store.Store) {
	ctx := t.Context()
	m, edit, gone := message("r1", 1, "ann", "m1"), about("r1", 2, "ann", "e1", "edited", "m1"), about("r1", 3, "ann", "d1", "deleted", "m1")
	bystander := message("r1", 4, "ann", "m2")
	twin, twins := message("r1", 5, "eve", "m1"), about("r1", 6, "eve", "e1", "edited", "m1")
	twins.Author = "eve"
	add(t, s, m, edit, gone, bystander, twin, twins)
	scrub := func(e store.Entry) ([]byte, error) { return []byte("was " + e.ID), nil }
	for _, tt := range []struct {
		before uint64
		want   []uint64
	}{{1, nil}, {2, []uint64{1}}, {3, []uint64{1, 2}}} {
		seqs, err := s.Erase(ctx, "r1", store.Name{Sender: "ann", ID: "m1"}, tt.before, func(e store.Entry) ([]byte, error) { return e.Data, nil })
		same(t, tt.want, seqs, err)
	}
	for range 2 {
		seqs, err := s.Erase(ctx, "r1", store.Name{Sender: "ann", ID: "m1"}, bus.MaxSeq, scrub)
		same(t, []uint64{1, 2}, seqs, err)
	}
	m.Data, edit.Data = []byte("was m1"), []byte("was e1")
	all, err := s.Since(ctx, "r1", 0, 10)
	same(t, []store.Entry{m, edit, gone, bystander, twin, twins}, all, err)
	seqs, err := s.Erase(ctx, "r1", store.Name{Sender: "ann", ID: "none"}, bus.MaxSeq, scrub)
	same(t, nil, seqs, err)
	if _, err := s.Erase(ctx, "r1", store.Name{Sender: "ann", ID: "m2"}, bus.MaxSeq, func(store.Entry) ([]byte, error) { return nil, errors.New("no") }); err == nil {
		t.Error("a failed scrub is no error")
	}
}

func testReads(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, tt := range []struct{ seq, want uint64 }{{5, 5}, {3, 5}, {bus.MaxSeq, bus.MaxSeq}} {
		got, err := s.PutRead(ctx, "r1", "ann", tt.seq)
		same(t, tt.want, got, err)
	}
	_, err := s.PutRead(ctx, "r2", "ann", 1)
	must(t, err)
	_, err = s.PutRead(ctx, "r1", "bob", 2)
	must(t, err)
	all, err := s.Reads(ctx, "ann")
	same(t, map[string]uint64{"r1": bus.MaxSeq, "r2": 1}, all, err)
	all, err = s.Reads(ctx, "eve")
	same(t, map[string]uint64{}, all, err)
}

func testReadsAtOnce(t *testing.T, s store.Store) {
	const n = 50
	var wait sync.WaitGroup
	for i := range uint64(n) {
		wait.Go(func() {
			if _, err := s.PutRead(t.Context(), "r1", "ann", (i*7)%n+1); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	all, err := s.Reads(t.Context(), "ann")
	same(t, map[string]uint64{"r1": n}, all, err)
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
	// What was done to a message is compared where it is about that: see testDone.
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(store.Entry{}, "Done")); diff != "" {
		t.Error(diff)
	}
}
