package storetest

import (
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

func testRemoveThrough(t *testing.T, s store.Store) {
	ctx := t.Context()
	said := func(room string, seq uint64, sender, id, word string) store.Entry {
		e := message(room, seq, sender, id)
		e.Terms = []string{word}
		return e
	}
	m1, m2, m3 := said("r1", 10, "ann", "m1", "owl"), said("r1", 20, "bob", "m1", "fox"), said("r1", 70, "ann", "m3", "cat")
	topic := message("r1", 30, "ann", "t1")
	topic.Type = "topic"
	late := about("r1", 80, "ann", "e1", "edited", "m1") // of a message that goes
	a1, a2 := answer("r1", 40, "bob", "a1", "m1"), answer("r1", 90, "eve", "a2", "m1")
	add(t, s, m1, m2, topic, a1, about("r1", 50, "eve", "x1", "reacted", "m1"), about("r1", 60, "eve", "x2", "reacted", "m3"), m3, late, a2)
	add(t, s, said("r2", 10, "ann", "m1", "owl"))
	for _, m := range []store.Entry{m1, m3} {
		must(t, s.PutMentions(ctx, store.Mentions{Room: "r1", Seq: m.Seq, Sender: "ann", Visible: []string{"bob"}, Users: []string{"bob"}}, nil))
	}
	must(t, s.PutUnresolved(ctx, []store.Unresolved{{Room: "r1", Sender: "ann", ID: "m1", Seq: 80}}))
	_, err := s.PutRead(ctx, "r1", "bob", 5)
	must(t, err)
	nth, err := s.NthNewest(ctx, "r1", 2)
	same(t, 20, nth, err)
	nth, err = s.NthNewest(ctx, "r1", 4)
	same(t, 0, nth, err)

	removed, err := s.Removed(ctx, "r1")
	same(t, store.Removed{}, removed, err)
	for i, want := range []int{2, 2, 1, 0, 0} {
		n, err := s.RemoveThrough(ctx, "r1", 50, 2)
		if must(t, err); n != want && i < 2 || i > 2 && n != 0 {
			t.Errorf("the %dth time %d entries are found", i+1, n)
		}
	}
	left, err := s.Since(ctx, "r1", 0, 10)
	must(t, err)
	if len(left) != 3 || left[0].ID != "x2" || left[1].ID != "m3" || left[2].ID != "a2" {
		t.Errorf("left is %+v", left)
	}
	removed, err = s.Removed(ctx, "r1")
	same(t, store.Removed{Through: 50, Messages: 3}, removed, err)
	untold := func(want ...string) {
		t.Helper()
		rooms, err := s.Untold(ctx, "", 10)
		same(t, want, rooms, err)
	}
	untold("r1")
	rooms, err := s.Untold(ctx, "r1", 10)
	same(t, 0, len(rooms), err)
	must(t, s.PutTold(ctx, "r1", 3))
	untold()
	removed, err = s.Removed(ctx, "r1")
	same(t, store.Removed{Through: 50, Messages: 3, Told: 3}, removed, err)
	for word, want := range map[string]int{"owl": 1, "fox": 0, "cat": 1} {
		found, err := s.Search(ctx, store.Search{Rooms: []string{"r1", "r2"}, All: [][]string{{word}}, Limit: 10})
		if must(t, err); len(found.Entries) != want {
			t.Errorf("%q finds %+v", word, found.Entries)
		}
	}
	mentions, err := s.ShownMentions(ctx, "r1", 0, 100)
	same(t, []store.Mentions{{Room: "r1", Seq: 70, Sender: "ann", Visible: []string{"bob"}}}, mentions, err)
	unresolved, err := s.Unresolved(ctx, 10)
	same(t, 0, len(unresolved), err)
	inbox, err := s.Inbox(ctx, "bob", []string{"r1"}, nil)
	must(t, err)
	if in := inbox[0]; in.Unread != 1 || in.FirstUnread != 70 || in.Mentions != 1 || in.FirstMention != 70 || in.Through != 90 {
		t.Errorf("what is new is %+v", in)
	}
	// The thread lost its root and an answer.
	threads, err := s.Threads(ctx, "r1", 100, 10)
	must(t, err)
	if len(threads) != 1 || threads[0].At != 0 || threads[0].Count != 1 || threads[0].Last != 90 {
		t.Errorf("threads are %+v", threads)
	}

	// All of a room goes, and its seqs stay used.
	n, err := s.RemoveThrough(ctx, "r1", 90, 100)
	same(t, 3, n, err)
	last, err := s.Last(ctx, "r1")
	same(t, bus.Position{Seq: 90}, last, err)
	last, all, err := s.Latest(ctx, "r1", 10)
	same(t, bus.Position{Seq: 90}, last, err)
	same(t, 0, len(all), nil)
	highest, err := s.Highest(ctx)
	same(t, 90, highest, err)
	if inbox, err = s.Inbox(ctx, "bob", []string{"r1"}, nil); err != nil || inbox[0].Through != 90 || inbox[0].Unread != 0 || inbox[0].Last != nil {
		t.Errorf("what is new in the empty room: %+v, %v", inbox, err)
	}
	threads, err = s.Threads(ctx, "r1", 100, 10)
	same(t, 0, len(threads), err)
	_, err = s.RemoveThrough(ctx, "r1", 10, 100) // by somebody who was slower
	must(t, err)
	last, err = s.Last(ctx, "r1")
	same(t, bus.Position{Seq: 90}, last, err)
	if left, err = s.Since(ctx, "r2", 0, 10); err != nil || len(left) != 1 {
		t.Errorf("of another room is left %+v, %v", left, err)
	}
	// A reset is noted until it is carried out, and the last one counts.
	must(t, s.PutReset(ctx, "r2", 15))
	must(t, s.PutReset(ctx, "r2", 20))
	must(t, s.PutReset(ctx, "r2", 15))
	must(t, s.EndReset(ctx, "r2", 15))
	resets, err := s.Resets(ctx, 10)
	same(t, map[string]uint64{"r2": 20}, resets, err)
	n, err = s.RemoveThrough(ctx, "r2", 19, 10)
	same(t, 1, n, err)
	untold("r1") // what a reset removes is told with it
	must(t, s.EndReset(ctx, "r2", 20))
	resets, err = s.Resets(ctx, 10)
	same(t, 0, len(resets), err)
	removed, err = s.Removed(ctx, "r2")
	same(t, store.Removed{Through: 19, Messages: 1, Told: 1}, removed, err)
	n, err = s.RemoveThrough(ctx, "none", 90, 100)
	same(t, 0, n, err)
}

// testRemoveRoot removes the root of a thread alone: its answers stay, and count.
func testRemoveRoot(t *testing.T, s store.Store) {
	ctx := t.Context()
	add(t, s, message("r1", 10, "ann", "m1"), message("r1", 20, "ann", "m2"), answer("r1", 30, "bob", "a1", "m1"), answer("r1", 40, "bob", "a2", "m2"))
	n, err := s.RemoveThrough(ctx, "r1", 10, 10)
	same(t, 1, n, err)
	want := []store.Replies{
		{Room: "r1", Author: "ann", ID: "m2", At: 20, Count: 1, Users: []string{"bob"}, Last: 40, TS: 1040, Through: 40},
		{Room: "r1", Author: "ann", ID: "m1", Count: 1, Users: []string{"bob"}, Last: 30, TS: 1030, Through: 30},
	}
	threads, err := s.Threads(ctx, "r1", 100, 10)
	same(t, want, threads, err)
	threads, err = s.RepliesBetween(ctx, "r1", 1, 100)
	same(t, want[:1], threads, err)
}

func testSweep(t *testing.T, s store.Store) {
	ctx := t.Context()
	round, mine, err := s.ClaimSweep(ctx, 100, 200)
	same(t, store.Sweep{}, round, err)
	_, again, err := s.ClaimSweep(ctx, 150, 250)
	must(t, err)
	if !mine || again {
		t.Errorf("the first has it: %v, and the second: %v", mine, again)
	}
	round.Room = "r1"
	must(t, s.SaveSweep(ctx, round))
	got, mine, err := s.ClaimSweep(ctx, 150, 250)
	same(t, round, got, err)
	round.Room, round.Due = "", 500
	must(t, s.SaveSweep(ctx, round))
	_, early, err := s.ClaimSweep(ctx, 499, 600)
	if must(t, err); !mine || early {
		t.Errorf("it is given back: %v, and claimed before it is due: %v", mine, early)
	}
	got, _, err = s.ClaimSweep(ctx, 500, 600)
	same(t, round, got, err)
	must(t, s.HurrySweep(ctx)) // while it is claimed: it begins anew
	round.Room, round.Due = "r9", 900
	must(t, s.SaveSweep(ctx, round))
	got, mine, err = s.ClaimSweep(ctx, 501, 600)
	same(t, store.Sweep{Round: round.Round + 1}, got, err)
	if !mine {
		t.Error("a round that was hurried is not due")
	}
}
