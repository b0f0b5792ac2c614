package storetest

import (
	"fmt"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// answer is a message in the thread of a root that ann sent.
func answer(room string, seq uint64, sender, id, root string) store.Entry {
	e := message(room, seq, sender, id)
	e.Thread = store.Name{Sender: "ann", ID: root}
	e.Data, _ = chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: room, ID: id, User: sender, TS: int64(seq) + 1000, Text: id})
	return e
}

func broadcast(e store.Entry) store.Entry {
	e.Broadcast = true
	return e
}

func testThreads(t *testing.T, s store.Store) {
	ctx := t.Context()
	root, other := message("r1", 10, "ann", "m1"), message("r1", 20, "bob", "m2")
	a1, a2, a3 := answer("r1", 30, "bob", "a1", "m1"), broadcast(answer("r1", 40, "eve", "a2", "m1")), answer("r1", 60, "bob", "a3", "m1")
	last := message("r1", 50, "bob", "m3")
	add(t, s, root, other, a1, a2, last)
	add(t, s, a3)
	thread := store.Name{Sender: "ann", ID: "m1"}

	// Pages of the room have what is broadcast alone.
	got, err := s.Newest(ctx, "r1", 100, 10)
	same(t, []store.Entry{root, other, a2, last}, got, err)
	got, err = s.Oldest(ctx, "r1", 20, 10)
	same(t, []store.Entry{a2, last}, got, err)
	end, got, err := s.Latest(ctx, "r1", 2)
	same(t, []store.Entry{a2, last}, got, err)
	same(t, [2]any{uint64(60), "a3"}, [2]any{end.Seq, end.ID}, nil)
	// The log has all, and so has whoever asks by name.
	got, err = s.Since(ctx, "r1", 20, 10)
	same(t, []store.Entry{a1, a2, last, a3}, got, err)
	at, err := s.At(ctx, "r1", 30)
	same(t, []store.Entry{a1}, at, err)
	highest, err := s.Highest(ctx)
	same(t, 60, highest, err)
	position, err := s.Last(ctx, "r1")
	same(t, 60, position.Seq, err)
	found, ok, err := s.Find(ctx, "r1", "bob", "a1")
	if same(t, a1, found, err); !ok {
		t.Error("an answer is not found")
	}
	got, err = s.Messages(ctx, "r1", names("bob", "a1", "ann", "m1"))
	same(t, []store.Entry{root, a1}, got, err)
	got, err = s.Namesakes(ctx, "r1", "a3", 2)
	same(t, []store.Entry{a3}, got, err)
	got, err = s.MessagesBy(ctx, "bob", "", 0, 10)
	same(t, []store.Entry{other, a1, last, a3}, got, err)
	got, err = s.MessagesBy(ctx, "bob", "r1", 20, 2)
	same(t, []store.Entry{a1, last}, got, err)
	mine, err := s.MessagesOf(ctx, "r1", "bob", "", 10)
	must(t, err)
	if len(mine) != 4 {
		t.Errorf("bob sent %d messages", len(mine))
	}

	// The thread has its answers, in both directions.
	got, err = s.NewestAnswers(ctx, "r1", thread, 60, 10)
	same(t, []store.Entry{a1, a2}, got, err)
	got, err = s.NewestAnswers(ctx, "r1", thread, 100, 2)
	same(t, []store.Entry{a2, a3}, got, err)
	got, err = s.OldestAnswers(ctx, "r1", thread, 30, 10)
	same(t, []store.Entry{a2, a3}, got, err)
	got, err = s.OldestAnswers(ctx, "r1", thread, 0, 1)
	same(t, []store.Entry{a1}, got, err)
	for _, none := range []store.Name{{Sender: "bob", ID: "m1"}, {Sender: "nobody", ID: "m1"}, {Sender: "ann", ID: "m2"}} {
		got, err = s.OldestAnswers(ctx, "r1", none, 0, 10)
		same(t, nil, got, err)
	}
	roots, err := s.RootsOf(ctx, "r1", names("bob", "a1", "eve", "a2", "ann", "m1", "nobody", "a1"))
	same(t, map[store.Name]store.Name{{Sender: "bob", ID: "a1"}: thread, {Sender: "eve", ID: "a2"}: thread}, roots, err)

	want := store.Replies{Room: "r1", Author: "ann", ID: "m1", At: 10, Count: 3, Users: []string{"bob", "eve"}, Last: 60, TS: 1060, Through: 60}
	replies := func(want ...store.Replies) {
		t.Helper()
		got, err := s.RepliesBetween(ctx, "r1", 10, 20)
		same(t, want, got, err)
	}
	replies(want)
	add(t, s, a1, a3) // handed over again
	replies(want)

	// Deletions lower the count; what was deleted stays in pages.
	gone := func(seq uint64, id, sender, target string) store.Entry {
		e := about("r1", seq, "mod", id, "deleted", target)
		e.Author = sender
		return e
	}
	add(t, s, gone(70, "d1", "bob", "a3"), gone(71, "d2", "bob", "m2"))
	want.Count, want.Users, want.Last, want.TS, want.Through = 2, []string{"eve", "bob"}, 40, 1040, 70
	replies(want)
	add(t, s, gone(72, "d3", "ann", "m1")) // the root: its answers stay
	replies(want)
	got, err = s.NewestAnswers(ctx, "r1", thread, 100, 10)
	must(t, err)
	if len(got) != 3 {
		t.Errorf("%d answers are left", len(got))
	}
	// An answer that comes after its deletion does not count.
	add(t, s, gone(80, "d4", "bob", "a4"))
	add(t, s, answer("r1", 75, "bob", "a4", "m1"))
	want.Through = 75
	replies(want)
	// The last deletion leaves no thread.
	add(t, s, gone(90, "d5", "bob", "a1"), gone(91, "d6", "eve", "a2"))
	replies()
}

func testThreadLists(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i := range uint64(3) {
		add(t, s, message("r1", 10+i, "ann", fmt.Sprint("m", i)))
	}
	add(t, s, answer("r1", 20, "bob", "a0", "m1"), answer("r1", 21, "bob", "a1", "m0"), answer("r1", 22, "bob", "a2", "m2"), answer("r1", 23, "eve", "a3", "m1"))
	add(t, s, answer("r1", 24, "bob", "a4", "not there"), answer("r2", 25, "bob", "a5", "m0"))
	ids := func(before uint64, limit int) (ids []string) {
		t.Helper()
		all, err := s.Threads(ctx, "r1", before, limit)
		must(t, err)
		for _, r := range all {
			ids = append(ids, r.ID)
		}
		return ids
	}
	same(t, []string{"not there", "m1", "m2", "m0"}, ids(100, 10), nil)
	same(t, []string{"m1", "m2"}, ids(24, 2), nil)
	same(t, []string{"m0"}, ids(22, 2), nil)
	between, err := s.RepliesBetween(ctx, "r1", 11, 12)
	must(t, err)
	if len(between) != 2 || between[0].ID != "m1" || between[0].Count != 2 || between[1].ID != "m2" {
		t.Errorf("between two seqs: %+v", between)
	}
	// Counts end somewhere, and users too.
	var many []store.Entry
	for i := range uint64(chat.MaxReplies + 1) {
		many = append(many, answer("r3", 100+i, fmt.Sprint("u", i%7), fmt.Sprint("b", i), "m9"))
	}
	add(t, s, many[:chat.MaxReplies]...)
	all, err := s.Threads(ctx, "r3", 1<<40, 1)
	must(t, err)
	if all[0].Count != chat.MaxReplies || all[0].More || len(all[0].Users) != store.MaxUsers || all[0].Users[0] != "u4" {
		t.Errorf("%d answers are %+v", chat.MaxReplies, all[0])
	}
	add(t, s, many[chat.MaxReplies:]...)
	all, err = s.Threads(ctx, "r3", 1<<40, 1)
	must(t, err)
	if all[0].Count != chat.MaxReplies || !all[0].More || all[0].Last != many[chat.MaxReplies].Seq {
		t.Errorf("%d answers are %+v", chat.MaxReplies+1, all[0])
	}
	must(t, s.RemoveThreads(ctx, "r1"))
	same(t, nil, ids(100, 10), nil)
	all, err = s.Threads(ctx, "r2", 100, 10)
	must(t, err)
	if len(all) != 1 {
		t.Errorf("another room has %d threads", len(all))
	}
}

// testThreadInbox holds that answers do not count as unread in their room unless they mention the
// user or are broadcast.
func testThreadInbox(t *testing.T, s store.Store) {
	ctx := t.Context()
	root := message("r1", 10, "ann", "m1")
	add(t, s, root, answer("r1", 20, "bob", "a1", "m1"), answer("r1", 30, "bob", "a2", "m1"))
	must(t, s.BeginRead(ctx, "r1", "ann", 3, 10))
	same(t, []store.Inbox{{Room: "r1", Known: true, Read: 10, Through: 30}}, inboxOf(t, s, "ann", nil, "r1"), nil)
	all, err := s.Inbox(ctx, "ann", []string{"r1"}, nil)
	must(t, err)
	same(t, root, *all[0].Last, nil)
	must(t, s.PutMentions(ctx, store.Mentions{Room: "r1", Seq: 30, Sender: "bob", Users: []string{"ann"}, OnlyInThread: true}, nil))
	same(t, []store.Inbox{{Room: "r1", Known: true, Read: 10, Through: 30, Unread: 1, FirstUnread: 30, Mentions: 1, FirstMention: 30, LastMention: 30}}, inboxOf(t, s, "ann", nil, "r1"), nil)
	add(t, s, broadcast(answer("r1", 40, "bob", "a3", "m1")))
	must(t, s.PutMentions(ctx, store.Mentions{Room: "r1", Seq: 40, Sender: "bob", All: true}, nil))
	same(t, []store.Inbox{{Room: "r1", Known: true, Read: 10, Through: 40, Unread: 2, FirstUnread: 30, Mentions: 2, FirstMention: 30, LastMention: 40}}, inboxOf(t, s, "ann", nil, "r1"), nil)
	same(t, []store.Inbox{{Room: "r1", Known: true, Read: 10, Through: 40}}, inboxOf(t, s, "ann", []string{"bob"}, "r1"), nil)
	_, err = s.PutRead(ctx, "r1", "ann", 30)
	must(t, err)
	same(t, []store.Inbox{{Room: "r1", Known: true, Read: 30, Through: 40, Unread: 1, FirstUnread: 40, Mentions: 1, FirstMention: 40, LastMention: 40}}, inboxOf(t, s, "ann", nil, "r1"), nil)
}
