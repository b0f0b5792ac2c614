package storetest

import (
	"fmt"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// inboxOf returns what is new to a user in rooms, without the last messages.
func inboxOf(t *testing.T, s store.Store, user string, hidden []string, rooms ...string) []store.Inbox {
	t.Helper()
	all, err := s.Inbox(t.Context(), user, rooms, hidden)
	must(t, err)
	for i := range all {
		all[i].Last = nil
	}
	return all
}

func testInbox(t *testing.T, s store.Store) {
	ctx := t.Context()
	same(t, []store.Inbox{{Room: "r1"}, {Room: "r2"}}, inboxOf(t, s, "ann", nil, "r1", "r2"), nil)
	last := message("r1", 30, "bob", "m3")
	add(t, s, message("r1", 10, "bob", "m1"), message("r1", 20, "ann", "m2"), last, about("r1", 31, "eve", "p1", "pinned", "m2"), message("r2", 5, "eve", "x1"))
	// Without a position nothing is counted.
	same(t, []store.Inbox{{Room: "r1", Through: 31}}, inboxOf(t, s, "ann", nil, "r1"), nil)

	must(t, s.BeginRead(ctx, "r1", "ann", 3, 4))
	want := store.Inbox{Room: "r1", Known: true, Read: 4, Through: 31, Unread: 2, FirstUnread: 10}
	same(t, []store.Inbox{{Room: "none"}, want, {Room: "r2", Through: 5}}, inboxOf(t, s, "ann", nil, "none", "r1", "r2"), nil)
	all, err := s.Inbox(ctx, "ann", []string{"r1"}, nil)
	must(t, err)
	if all[0].Last == nil {
		t.Fatal("the last message is missing")
	}
	same(t, last, *all[0].Last, nil)
	// Own messages do not count, nor do those of who is hidden.
	must(t, s.BeginRead(ctx, "r1", "bob", 3, 4))
	same(t, []store.Inbox{{Room: "r1", Known: true, Read: 4, Through: 31, Unread: 1, FirstUnread: 20}}, inboxOf(t, s, "bob", nil, "r1"), nil)
	same(t, []store.Inbox{{Room: "r1", Known: true, Read: 4, Through: 31}}, inboxOf(t, s, "ann", []string{"bob", "nobody"}, "r1"), nil)
	// A deleted message does not count.
	gone := about("r1", 40, "bob", "d1", "deleted", "m1")
	gone.Author = "bob"
	add(t, s, gone)
	same(t, []store.Inbox{{Room: "r1", Known: true, Read: 4, Through: 40, Unread: 1, FirstUnread: 30}}, inboxOf(t, s, "ann", nil, "r1"), nil)

	// The same entry, or an earlier one, begins nothing again; a later one does, and never back.
	must(t, s.MoveReadBack(ctx, "r1", "ann", 2))
	must(t, s.BeginRead(ctx, "r1", "ann", 3, 20))
	must(t, s.BeginRead(ctx, "r1", "ann", 1, 20))
	same(t, 2, inboxOf(t, s, "ann", nil, "r1")[0].Read, nil)
	must(t, s.BeginRead(ctx, "r1", "ann", 25, 20))
	same(t, 20, inboxOf(t, s, "ann", nil, "r1")[0].Read, nil)
	must(t, s.BeginRead(ctx, "r1", "ann", 35, 1))
	same(t, 20, inboxOf(t, s, "ann", nil, "r1")[0].Read, nil)
	// A position that an earlier release has made is one, too.
	_, err = s.PutRead(ctx, "r2", "ann", 3)
	must(t, err)
	must(t, s.BeginRead(ctx, "r2", "ann", 1, 2))
	same(t, 3, inboxOf(t, s, "ann", nil, "r2")[0].Read, nil)
	// It goes back only when it is taken back, and only back.
	must(t, s.MoveReadBack(ctx, "r1", "ann", 25))
	same(t, 20, inboxOf(t, s, "ann", nil, "r1")[0].Read, nil)
	must(t, s.MoveReadBack(ctx, "new", "ann", 7))
	same(t, 7, inboxOf(t, s, "ann", nil, "new")[0].Read, nil)
	must(t, s.PutReads(ctx, "ann", map[string]uint64{"r1": 40, "r2": 1, "r3": 9}))
	same(t, []uint64{40, 3, 9}, readsOf(inboxOf(t, s, "ann", nil, "r1", "r2", "r3")), nil)
}

func readsOf(all []store.Inbox) (reads []uint64) {
	for _, in := range all {
		reads = append(reads, in.Read)
	}
	return reads
}

// testInboxCounts holds that counts are exact up to the limit, also behind many own messages.
func testInboxCounts(t *testing.T, s store.Store) {
	ctx := t.Context()
	var entries []store.Entry
	for i := range 250 {
		sender := "bob"
		if i < 150 {
			sender = "ann"
		}
		entries = append(entries, message("r1", uint64(i+1), sender, fmt.Sprint("m", i)))
	}
	add(t, s, entries...)
	for _, tt := range []struct {
		read uint64
		want store.Inbox
	}{
		{0, store.Inbox{Unread: 99, More: true, FirstUnread: 151}},
		{150, store.Inbox{Unread: 99, More: true, FirstUnread: 151}},
		{151, store.Inbox{Unread: 99, FirstUnread: 152}},
		{249, store.Inbox{Unread: 1, FirstUnread: 250}},
		{250, store.Inbox{}},
	} {
		must(t, s.MoveReadBack(ctx, "r1", "ann", 0))
		_, err := s.PutRead(ctx, "r1", "ann", tt.read)
		must(t, err)
		tt.want.Room, tt.want.Known, tt.want.Read, tt.want.Through = "r1", true, tt.read, 250
		same(t, []store.Inbox{tt.want}, inboxOf(t, s, "ann", nil, "r1"), nil)
	}
	entries = nil
	for i := range store.MaxOwn + 200 {
		entries = append(entries, message("own", uint64(i+1), "ann", fmt.Sprint("m", i)))
	}
	add(t, s, append(entries, message("own", 5000, "bob", "last"))...)
	must(t, s.BeginRead(ctx, "own", "ann", 1, 0))
	if got := inboxOf(t, s, "ann", nil, "own")[0]; got.Unread != 0 {
		t.Errorf("behind too many own messages: %+v", got)
	}
	_, err := s.PutRead(ctx, "own", "ann", 300)
	must(t, err)
	if got := inboxOf(t, s, "ann", nil, "own")[0]; got.Unread != 1 || got.FirstUnread != 5000 || got.More {
		t.Errorf("behind many own messages: %+v", got)
	}
}

// testInboxShrinks holds that counts are exact after messages were taken away, however many there
// were when somebody asked before.
func testInboxShrinks(t *testing.T, s store.Store) {
	ctx := t.Context()
	for room, take := range map[string]func(t *testing.T){
		"deleted": func(t *testing.T) {
			for i, id := range []string{"m7", "m8"} {
				gone := about("deleted", uint64(200+i), "bob", "d-"+id, "deleted", id)
				gone.Author = "bob"
				add(t, s, gone)
			}
		},
		"retention": func(t *testing.T) {
			_, err := s.RemoveThrough(ctx, "retention", 3, 100)
			must(t, err)
		},
		"removed": func(t *testing.T) {
			_, err := s.RemoveEntries(ctx, "removed", 3)
			must(t, err)
		},
	} {
		t.Run(room, func(t *testing.T) {
			var entries []store.Entry
			for i := range 102 {
				entries = append(entries, message(room, uint64(i+1), "bob", fmt.Sprint("m", i)))
			}
			add(t, s, entries...)
			for user, read := range map[string]uint64{"ann": 1, "eve": 2, "joe": 0} {
				must(t, s.BeginRead(ctx, room, user, 1, read))
			}
			crowd := func(want string) {
				t.Helper()
				got := ""
				for _, user := range []string{"joe", "ann", "eve", "ann", "joe"} {
					in := inboxOf(t, s, user, nil, room)[0]
					got += fmt.Sprint(in.Unread, in.More, " ")
				}
				same(t, want, got, nil)
			}
			crowd("99 true 99 true 99 true 99 true 99 true ")
			take(t)
			if room == "deleted" {
				crowd("99 true 99 false 98 false 99 false 99 true ")
				return
			}
			crowd("99 false 99 false 99 false 99 false 99 false ")
		})
	}
}

func testMentions(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i := range uint64(5) {
		add(t, s, message("r1", i+1, "bob", fmt.Sprint("m", i)))
	}
	for _, user := range []string{"ann", "eve", "bob"} {
		must(t, s.BeginRead(ctx, "r1", user, 1, 1))
	}
	a := store.Mentions{Room: "r1", Seq: 2, Sender: "bob", Visible: []string{"ann", "bob"}, Names: []string{"ANN", "bob"}, Users: []string{"ann"}}
	all := store.Mentions{Room: "r1", Seq: 4, Sender: "bob", Visible: []string{chat.MentionsRoom}, All: true}
	must(t, s.PutMentions(ctx, a, nil))
	must(t, s.PutMentions(ctx, all, nil))
	must(t, s.PutMentions(ctx, all, nil)) // again
	counts := func(user string, n int, first, last uint64) {
		t.Helper()
		got := inboxOf(t, s, user, nil, "r1")[0]
		if got.Mentions != n || got.FirstMention != first || got.LastMention != last {
			t.Errorf("%s: %d mentions, the first at %d, the last at %d; want %d at %d and %d", user, got.Mentions, got.FirstMention, got.LastMention, n, first, last)
		}
	}
	counts("ann", 2, 2, 4)
	counts("eve", 1, 4, 4)
	counts("bob", 0, 0, 0) // who said it
	if got := inboxOf(t, s, "ann", []string{"bob"}, "r1")[0]; got.Mentions != 0 {
		t.Errorf("hidden mentions count: %+v", got)
	}
	for _, tt := range []struct {
		user, room  string
		hidden      []string
		after, want uint64
	}{
		{"ann", "r1", nil, 0, 2}, {"ann", "r1", nil, 2, 4}, {"ann", "r1", nil, 4, 0}, {"eve", "r1", nil, 0, 4}, {"new", "r1", nil, 0, 4},
		{"bob", "r1", nil, 0, 0}, {"ann", "r1", []string{"bob"}, 0, 0}, {"ann", "r1", []string{"nobody"}, 0, 2}, {"ann", "none", nil, 0, 0},
	} {
		seq, err := s.NextMention(ctx, tt.user, tt.room, tt.hidden, tt.after)
		if seq != tt.want || err != nil {
			t.Errorf("%+v: the next mention is %d, %v", tt, seq, err)
		}
	}
	got, err := s.MentionsOf(ctx, "r1", 2, "bob")
	same(t, a, got, err)
	got, err = s.MentionsOf(ctx, "r1", 4, "bob")
	same(t, all, got, err)
	got, err = s.MentionsOf(ctx, "r1", 4, "eve")
	same(t, store.Mentions{Room: "r1", Seq: 4, Sender: "eve"}, got, err)
	shown := func(m store.Mentions) store.Mentions { m.Users, m.All = nil, false; return m }
	pages, err := s.ShownMentions(ctx, "r1", 1, 4)
	same(t, []store.Mentions{shown(a), shown(all)}, pages, err)
	pages, err = s.ShownMentions(ctx, "r1", 3, 3)
	same(t, nil, pages, err)

	a.Users, a.Visible = []string{"eve", "zed"}, []string{"eve", "zed"} // it was edited
	must(t, s.PutMentions(ctx, a, nil))
	counts("ann", 1, 4, 4)
	counts("eve", 2, 2, 4)
	_, err = s.PutRead(ctx, "r1", "eve", 2)
	must(t, err)
	counts("eve", 1, 4, 4)
	// it was deleted
	must(t, s.PutMentions(ctx, store.Mentions{Room: "r1", Seq: 4, Sender: "bob"}, nil))
	counts("eve", 0, 0, 0)
	pages, err = s.ShownMentions(ctx, "r1", 1, 9)
	same(t, []store.Mentions{shown(a)}, pages, err)
	must(t, s.RemoveMentions(ctx, "r1"))
	pages, err = s.ShownMentions(ctx, "r1", 1, 9)
	same(t, nil, pages, err)
	counts("ann", 0, 0, 0)
	must(t, s.RemoveMentions(ctx, "none"))
}

func testUnresolved(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Unresolved{Room: "r1", Sender: "ann", ID: "m1", Seq: 1}
	edit := store.Unresolved{Room: "r1", Sender: "ann", ID: "m1", Seq: 9}
	b := store.Unresolved{Room: "r2", Sender: "bob", ID: chat.NewID(), Seq: 2}
	must(t, s.PutUnresolved(ctx, nil))
	must(t, s.PutUnresolved(ctx, []store.Unresolved{a, b}))
	must(t, s.PutUnresolved(ctx, []store.Unresolved{a, edit}))
	all, err := s.Unresolved(ctx, 10)
	same(t, []store.Unresolved{a, edit, b}, all, err)
	all, err = s.Unresolved(ctx, 1)
	same(t, []store.Unresolved{a}, all, err)
	for rooms, want := range map[string]bool{"r1": true, "r3": false} {
		is, err := s.IsUnresolved(ctx, []string{rooms})
		same(t, want, is, err)
	}
	// What was noted meanwhile stays.
	must(t, s.PutMentions(ctx, store.Mentions{Room: "r1", Seq: 1, Sender: "ann"}, []store.Unresolved{a}))
	all, err = s.Unresolved(ctx, 10)
	same(t, []store.Unresolved{edit, b}, all, err)
	must(t, s.RemoveMentions(ctx, "r1"))
	all, err = s.Unresolved(ctx, 10)
	same(t, []store.Unresolved{b}, all, err)
	is, err := s.IsUnresolved(ctx, []string{"r1", "r2"})
	same(t, true, is, err)
	is, err = s.IsUnresolved(ctx, nil)
	same(t, false, is, err)
}
