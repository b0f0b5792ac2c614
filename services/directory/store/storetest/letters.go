package storetest

import (
	"testing"

	"hubbub.internal/services/directory/store"
)

func testLetters(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Letter{
		ID: "l1", Kind: store.LetterForgot, Key: "ann@example.org", ByMail: true, Address: "192.0.2.1", Expires: 100, Holder: "p1", Until: 10,
	}
	b := store.Letter{ID: "l2", Kind: store.LetterNotice, User: "ub", To: "b@example.org", Subject: "Changed", Text: "it is", Expires: 200, Holder: "p2", Until: 20}
	c := store.Letter{ID: "l3", Kind: store.LetterConfirm, User: "uc", To: "c@example.org", Since: 7, Expires: 300, Holder: "p1", Until: 10}
	for _, l := range []store.Letter{c, a, b} {
		must(t, s.PutLetter(ctx, l))
	}
	all, err := s.FreeLetters(ctx, 10, 10)
	same(t, []store.Letter{a, c}, all, err)
	all, err = s.FreeLetters(ctx, 20, 2)
	same(t, []store.Letter{a, b}, all, err)
	want(t, store.ErrNotFound, s.HoldLetter(ctx, "l2", "p3", 19, 50))
	want(t, store.ErrNotFound, s.HoldLetter(ctx, "none", "p3", 19, 50))
	must(t, s.HoldLetter(ctx, "l1", "p3", 10, 50))
	want(t, store.ErrNotFound, s.HoldLetter(ctx, "l1", "p4", 10, 50)) // another was first
	must(t, s.KeepLetters(ctx, "p1", 60))
	all, err = s.FreeLetters(ctx, 50, 10)
	a.Holder, a.Until, c.Until = "p3", 50, 60
	same(t, []store.Letter{a, b}, all, err)
	must(t, s.DeleteLettersOf(ctx, "ub"))
	must(t, s.DeleteLettersBefore(ctx, 100))
	all, err = s.FreeLetters(ctx, 100, 10)
	same(t, []store.Letter{c}, all, err)
	want(t, store.ErrNotFound, s.RemoveHeldLetter(ctx, "l3", "p3"))
	want(t, store.ErrNotFound, s.RemoveHeldLetter(ctx, "l1", "p3")) // it is gone
	must(t, s.RemoveHeldLetter(ctx, "l3", "p1"))
	must(t, s.PutLetter(ctx, a))
	must(t, s.DeleteLetter(ctx, "none"))
	must(t, s.DeleteLetter(ctx, "l1"))
	all, err = s.FreeLetters(ctx, 100, 10)
	same(t, 0, len(all), err)
}
