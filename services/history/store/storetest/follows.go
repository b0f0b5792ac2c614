package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

func testFollows(t *testing.T, s store.Store) {
	ctx := t.Context()
	thread, other := store.Name{Sender: "ann", ID: "m1"}, store.Name{Sender: "ann", ID: "m2"}
	add(t, s, message("r1", 10, "ann", "m1"), message("r1", 11, "ann", "m2"))
	add(t, s, answer("r1", 20, "bob", "a1", "m1"), answer("r1", 30, "eve", "a2", "m1"), answer("r1", 40, "bob", "a3", "m2"), answer("r2", 50, "bob", "a4", "m1"))
	f := func(user, room string, root store.Name, read uint64, touched int64) store.Follow {
		return store.Follow{User: user, Room: room, Author: root.Sender, ID: root.ID, Following: true, Read: read, Touched: touched}
	}
	state := func(user, room string, root store.Name, want store.Follow, there bool) {
		t.Helper()
		got, ok, err := s.FollowOf(ctx, user, room, root)
		if same(t, want, got, err); ok != there {
			t.Errorf("something is kept: %v", ok)
		}
	}
	none := store.Follow{User: "ann", Room: "r1", Author: "ann", ID: "m1"}
	state("ann", "r1", thread, none, false)
	must(t, s.BeginFollows(ctx, nil))
	must(t, s.BeginFollows(ctx, []store.Follow{f("ann", "r1", thread, 0, 5), f("bob", "r1", thread, 20, 5), f("ann", "r1", other, 0, 6), f("ann", "r2", thread, 0, 7), f("ann", "r1", store.Name{Sender: "ann", ID: "m9"}, 0, 8)}))
	must(t, s.BeginFollows(ctx, []store.Follow{f("ann", "r1", thread, 0, 4)})) // later, and older
	// Nothing that is read is taken back.
	must(t, s.BeginFollows(ctx, []store.Follow{f("bob", "r1", thread, 0, 4)}))
	state("ann", "r1", thread, f("ann", "r1", thread, 0, 5), true)
	state("bob", "r1", thread, f("bob", "r1", thread, 20, 5), true)
	state("ann", "r2", other, store.Follow{User: "ann", Room: "r2", Author: "ann", ID: "m2"}, false)
	state("zed", "r1", thread, store.Follow{User: "zed", Room: "r1", Author: "ann", ID: "m1"}, false)

	// Threads without answers are none; the limit leaves out those that are touched least.
	followed := func(user string, limit int) (all []string) {
		t.Helper()
		got, err := s.Followed(ctx, user, limit)
		must(t, err)
		slices.SortFunc(got, func(a, b store.Followed) int { return cmp.Compare(b.Touched, a.Touched) })
		for _, f := range got {
			if f.User != user || !f.Following || f.Replies.Room != f.Room || f.Replies.Root() != f.Root() {
				t.Errorf("%+v", f)
			}
			all = append(all, fmt.Sprint(f.Room, " ", f.ID, " ", f.Read, " ", f.Replies.Last, " ", f.Replies.Users))
		}
		return all
	}
	same(t, []string{"r2 m1 0 50 [bob]", "r1 m2 0 40 [bob]", "r1 m1 0 30 [eve bob]"}, followed("ann", 10), nil)
	same(t, []string{"r2 m1 0 50 [bob]", "r1 m2 0 40 [bob]"}, followed("ann", 3), nil)
	same(t, nil, followed("nobody", 3), nil)

	// What is unread are answers of others that are there.
	unread := func(user string, hidden []string, after uint64, count int, first uint64) {
		t.Helper()
		n, at, err := s.UnreadAnswers(ctx, user, hidden, "r1", thread, after)
		same(t, [2]uint64{uint64(count), first}, [2]uint64{uint64(n), at}, err)
	}
	unread("ann", nil, 0, 2, 20)
	unread("ann", nil, 20, 1, 30)
	unread("bob", nil, 0, 1, 30)
	unread("zed", nil, 0, 2, 20)
	unread("ann", []string{"eve", "none"}, 0, 1, 20)
	gone := about("r1", 60, "bob", "d1", "deleted", "a1")
	gone.Author = "bob"
	add(t, s, gone)
	unread("ann", nil, 0, 1, 30)
	n, at, err := s.UnreadAnswers(ctx, "ann", nil, "none", thread, 0)
	same(t, [2]uint64{}, [2]uint64{uint64(n), at}, err)

	// Reading goes on and never back.
	read := func(user string, root store.Name, seq uint64, want bool) {
		t.Helper()
		moved, err := s.ReadThread(ctx, user, "r1", root, seq, 9)
		same(t, want, moved, err)
	}
	read("ann", thread, 20, true)
	read("ann", thread, 20, false)
	read("ann", thread, 10, false)
	read("zed", thread, 20, false)
	state("ann", "r1", thread, f("ann", "r1", thread, 20, 9), true)
	must(t, s.BeginFollows(ctx, []store.Follow{f("ann", "r1", thread, 25, 9)}))
	state("ann", "r1", thread, f("ann", "r1", thread, 25, 9), true)

	// Who follows no more stays so, whatever comes.
	end := f("ann", "r1", thread, 0, 10)
	end.Following = false
	must(t, s.PutFollow(ctx, end))
	must(t, s.BeginFollows(ctx, []store.Follow{f("ann", "r1", thread, 30, 11)}))
	end.Read, end.Touched = 30, 11
	state("ann", "r1", thread, end, true)
	same(t, []string{"r2 m1 0 50 [bob]", "r1 m2 0 40 [bob]"}, followed("ann", 10), nil)
	read("ann", thread, 50, false)
	all, err := s.Follows(ctx, "ann", 10)
	same(t, []store.Follow{end, f("ann", "r1", store.Name{Sender: "ann", ID: "m9"}, 0, 8), f("ann", "r2", thread, 0, 7), f("ann", "r1", other, 0, 6)}, all, err)
	all, err = s.Follows(ctx, "nobody", 10)
	same(t, nil, all, err)
	must(t, s.PutFollow(ctx, f("ann", "r1", thread, 12, 12)))
	state("ann", "r1", thread, f("ann", "r1", thread, 30, 12), true)
	must(t, s.PutFollow(ctx, f("zed", "r1", thread, 12, 12)))
	state("zed", "r1", thread, f("zed", "r1", thread, 12, 12), true)

	must(t, s.ReadThreads(ctx, "ann"))
	must(t, s.ReadThreads(ctx, "nobody"))
	same(t, []string{"r1 m1 30 30 [eve]", "r2 m1 50 50 [bob]", "r1 m2 40 40 [bob]"}, followed("ann", 10), nil)
	state("zed", "r1", thread, f("zed", "r1", thread, 12, 12), true)
	must(t, s.RemoveFollows(ctx, "r1"))
	must(t, s.RemoveFollows(ctx, "none"))
	same(t, []string{"r2 m1 50 50 [bob]"}, followed("ann", 10), nil)

	// Of very many answers, and of very many of one's own, no more are looked at.
	var many []store.Entry
	for i := range uint64(chat.MaxUnread + 10) {
		many = append(many, answer("r3", 100+i, "bob", fmt.Sprint("b", i), "m1"))
	}
	add(t, s, many...)
	n, at, err = s.UnreadAnswers(ctx, "ann", nil, "r3", thread, 0)
	same(t, [2]uint64{chat.MaxUnread + 1, 100}, [2]uint64{uint64(n), at}, err)
	n, at, err = s.UnreadAnswers(ctx, "bob", nil, "r3", thread, 0)
	same(t, [2]uint64{}, [2]uint64{uint64(n), at}, err)
}

// testLostFollows: what is kept of users and threads goes with the user, and with the last answer
// and the root of the thread.
func testLostFollows(t *testing.T, s store.Store) {
	ctx := t.Context()
	follow := func(user, room, root string, touched int64) store.Follow {
		return store.Follow{User: user, Room: room, Author: "ann", ID: root, Following: true, Read: 3, Touched: touched}
	}
	all := map[string][]store.Follow{
		// An answer is left of the first, the root of the second; the third is of another room.
		"bob":  {follow("bob", "r1", "m1", 5), follow("bob", "r1", "m2", 5), follow("bob", "r2", "m1", 5), follow("bob", "r1", "m4", 5)},
		"bob1": {follow("bob1", "r1", "m3", 5), follow("bob1", "r1", "m4", 6), follow("bob1", "r2", "m3", 5)},
		"eve":  {follow("eve", "r1", "m3", 5)},
	}
	add(t, s, message("r1", 10, "ann", "m1"), answer("r1", 20, "bob", "a1", "m1"), message("r1", 30, "ann", "m3"), answer("r1", 40, "bob", "a3", "m3"))
	add(t, s, message("r1", 50, "ann", "m2"), message("r2", 10, "ann", "m1"), answer("r1", 60, "bob", "a2", "m1"))
	// An edit of that id is no root.
	edit := about("r1", 70, "ann", "m4", "edited", "m2")
	add(t, s, edit)
	for _, f := range all {
		must(t, s.BeginFollows(ctx, f))
	}
	followers := func(want ...string) {
		t.Helper()
		var got []string
		for after := ""; len(got) < 10; {
			user, err := s.NextFollower(ctx, after)
			if must(t, err); user == "" {
				break
			}
			got, after = append(got, user), user
		}
		slices.Sort(got)
		same(t, want, got, nil)
	}
	lost := func(user string, before int64, limit int, want ...string) (found []store.Follow) {
		t.Helper()
		found, err := s.LostFollows(ctx, user, before, limit)
		must(t, err)
		var got []string
		for _, f := range found {
			if !slices.Contains(all[user], f) {
				t.Errorf("%+v is lost", f)
			}
			got = append(got, f.Room+" "+f.ID)
		}
		slices.Sort(got)
		same(t, want, got, nil)
		return found
	}
	followers("bob", "bob1", "eve")
	lost("bob", 100, 10, "r1 m4")
	lost("bob1", 100, 10, "r1 m4", "r2 m3")
	lost("eve", 100, 10)
	lost("nobody", 100, 10)
	_, err := s.RemoveThrough(ctx, "r1", 45, 10)
	must(t, err)
	lost("bob", 100, 10, "r1 m4") // m1 has an answer
	lost("eve", 100, 10, "r1 m3")
	lost("eve", 5, 10) // touched later
	if some, err := s.LostFollows(ctx, "bob1", 100, 2); len(some) != 2 || err != nil {
		t.Errorf("two of the lost: %+v, %v", some, err)
	}
	gone := lost("bob1", 100, 10, "r1 m3", "r1 m4", "r2 m3")
	// Somebody answers just now.
	must(t, s.BeginFollows(ctx, []store.Follow{follow("bob1", "r2", "m3", 7)}))
	all["bob1"] = append(all["bob1"], follow("bob1", "r2", "m3", 7))
	must(t, s.DropFollows(ctx, gone))
	must(t, s.DropFollows(ctx, nil))
	must(t, s.DropFollows(ctx, []store.Follow{follow("none", "none", "none", 1)}))
	lost("bob1", 100, 10, "r2 m3")
	left, err := s.Follows(ctx, "bob1", 10)
	same(t, []store.Follow{follow("bob1", "r2", "m3", 7)}, left, err)
	_, err = s.RemoveThrough(ctx, "r1", 65, 10)
	must(t, err)
	lost("bob", 100, 10, "r1 m1", "r1 m2", "r1 m4")

	must(t, s.RemoveFollowsBy(ctx, "bob"))
	must(t, s.RemoveFollowsBy(ctx, "nobody"))
	followers("bob1", "eve")
	left, err = s.Follows(ctx, "bob", 10)
	same(t, nil, left, err)
}

// FillThreads puts threads into a store, which nobody follows.
func FillThreads(t *testing.T, s store.Store) {
	t.Helper()
	add(t, s, message("r1", 10, "ann", "m1"))
	add(t, s, answer("r1", 20, "bob", "a1", "m1"), answer("r1", 30, "eve", "a2", "m1"), answer("r1", 40, "bob", "a3", "not there"))
}

// VerifyFollowed holds that who is in the threads of FillThreads follows them, and has read them.
func VerifyFollowed(t *testing.T, s store.Store) {
	t.Helper()
	for user, want := range map[string][]string{"ann": {"m1 30"}, "bob": {"m1 30", "not there 40"}, "eve": {"m1 30"}, "zed": nil} {
		all, err := s.Follows(t.Context(), user, 10)
		must(t, err)
		var got []string
		for _, f := range all {
			if f.Following {
				got = append(got, fmt.Sprint(f.ID, " ", f.Read))
			}
		}
		slices.Sort(got)
		same(t, want, got, nil)
	}
}
