package storetest

import (
	"errors"
	"fmt"
	"testing"

	"hubbub.internal/services/history/store"
)

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

func testErase(t *testing.T, s store.Store) {
	ctx := t.Context()
	m, edit, gone := message("r1", 1, "ann", "m1"), about("r1", 2, "ann", "e1", "edited", "m1"), about("r1", 3, "ann", "d1", "deleted", "m1")
	bystander := message("r1", 4, "ann", "m2")
	twin, twins := message("r1", 5, "eve", "m1"), about("r1", 6, "eve", "e1", "edited", "m1")
	twins.Author = "eve"
	add(t, s, m, edit, gone, bystander, twin, twins)
	scrub := func(e store.Entry) ([]byte, error) { return []byte("was " + e.ID), nil }
	for range 2 {
		seqs, err := s.Erase(ctx, "r1", store.Name{Sender: "ann", ID: "m1"}, scrub)
		same(t, []uint64{1, 2}, seqs, err)
	}
	m.Data, edit.Data = []byte("was m1"), []byte("was e1")
	all, err := s.Since(ctx, "r1", 0, 10)
	same(t, []store.Entry{m, edit, gone, bystander, twin, twins}, all, err)
	seqs, err := s.Erase(ctx, "r1", store.Name{Sender: "ann", ID: "none"}, scrub)
	same(t, nil, seqs, err)
	if _, err := s.Erase(ctx, "r1", store.Name{Sender: "ann", ID: "m2"}, func(store.Entry) ([]byte, error) { return nil, errors.New("no") }); err == nil {
		t.Error("a failed scrub is no error")
	}
}
