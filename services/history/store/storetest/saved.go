package storetest

import (
	"testing"

	"hubbub.internal/services/history/store"
)

func testSaved(t *testing.T, s store.Store) {
	ctx := t.Context()
	saved := func(user, room, id string, ts int64) store.Saved {
		m := store.Saved{User: user, Room: room, Author: "bob", ID: id, TS: ts}
		must(t, s.PutSaved(ctx, m))
		return m
	}
	a, b, c := saved("ann", "r1", "m1", 10), saved("ann", "r2", "m1", 20), saved("ann", "r1", "m2", 30)
	other := saved("eve", "r1", "m1", 15)
	saved("ann", "r1", "m1", 40) // again
	for _, tt := range []struct {
		user   string
		before int64
		limit  int
		want   []store.Saved
	}{
		{"ann", 100, 10, []store.Saved{c, b, a}}, {"ann", 100, 2, []store.Saved{c, b}}, {"ann", 20, 10, []store.Saved{a}}, {"ann", 10, 10, nil}, {"eve", 100, 10, []store.Saved{other}}, {"none", 100, 10, nil},
	} {
		got, err := s.Saved(ctx, tt.user, tt.before, tt.limit)
		same(t, tt.want, got, err)
	}
	must(t, s.DropSaved(ctx, "ann", "r1", store.Name{Sender: "bob", ID: "m2"}))
	must(t, s.DropSaved(ctx, "ann", "r1", store.Name{Sender: "eve", ID: "m1"})) // another's
	got, err := s.Saved(ctx, "ann", 100, 10)
	same(t, []store.Saved{b, a}, got, err)
	must(t, s.RemoveSavedIn(ctx, "r1"))
	got, err = s.Saved(ctx, "ann", 100, 10)
	same(t, []store.Saved{b}, got, err)
	got, err = s.Saved(ctx, "eve", 100, 10)
	same(t, nil, got, err)
	must(t, s.RemoveSavedBy(ctx, "ann"))
	got, err = s.Saved(ctx, "ann", 100, 10)
	same(t, nil, got, err)
}
