package storetest

import (
	"testing"

	"hubbub.internal/services/directory/store"
)

func testBans(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Ban{Room: "r1", User: "ua", Name: "Ann", Actor: "uz", Reason: "spam", Created: 5}
	b := store.Ban{Room: "r1", User: "ub", Name: "Bob", Actor: "uz", Created: 6}
	everywhere := store.Ban{User: "ua", Name: "Ann", Actor: "uy", Reason: "more spam", Created: 7}
	for _, ban := range []store.Ban{b, everywhere, a} {
		must(t, s.PutBan(ctx, ban))
	}
	again := a
	again.Reason, again.Actor, again.Created = "much spam", "ux", 9
	must(t, s.PutBan(ctx, again))
	a.Reason = "much spam"
	a.Until, again.Until = 20, 20
	must(t, s.PutBan(ctx, again))
	got, err := s.Ban(ctx, "r1", "ua")
	same(t, a, got, err)
	got, err = s.Ban(ctx, "", "ua")
	same(t, everywhere, got, err)
	_, err = s.Ban(ctx, "", "ub")
	want(t, store.ErrNotFound, err)
	all, err := s.Bans(ctx, "r1", "", 10)
	same(t, []store.Ban{a, b}, all, err)
	all, err = s.Bans(ctx, "r1", "", 1)
	same(t, []store.Ban{a}, all, err)
	all, err = s.Bans(ctx, "r1", "ua", 10)
	same(t, []store.Ban{b}, all, err)
	all, err = s.Bans(ctx, "", "", 10)
	same(t, []store.Ban{everywhere}, all, err)
	all, err = s.BansOf(ctx, "ua")
	same(t, []store.Ban{everywhere, a}, all, err)
	ended, err := s.EndedBans(ctx, 19, 10)
	same(t, nil, ended, err)
	must(t, s.EndBan(ctx, "r1", "ua", 19)) // it is not over
	ended, err = s.EndedBans(ctx, 20, 10)
	same(t, []store.Ban{a}, ended, err)
	must(t, s.EndBan(ctx, "r1", "ub", 20)) // it never ends
	must(t, s.EndBan(ctx, "r1", "ua", 20))
	must(t, s.EndBan(ctx, "r1", "ua", 20))
	all, err = s.Bans(ctx, "r1", "", 10)
	same(t, []store.Ban{b}, all, err)
	must(t, s.PutBan(ctx, a))
	must(t, s.DeleteBan(ctx, "r1", "ua"))
	must(t, s.DeleteBan(ctx, "r1", "ua"))
	all, err = s.BansOf(ctx, "ua")
	same(t, []store.Ban{everywhere}, all, err)
}

func testBlocks(t *testing.T, s store.Store) {
	ctx := t.Context()
	eve := store.Block{User: "ua", Other: "ue", Name: "Eve", Created: 1}
	gus := store.Block{User: "ua", Other: "ug", Name: "Gus", Ignore: true, Created: 2}
	back := store.Block{User: "ug", Other: "ua", Name: "Ann", Created: 3}
	for _, b := range []store.Block{gus, eve, back} {
		must(t, s.PutBlock(ctx, b))
	}
	again := eve
	again.Ignore, again.Name, again.Created = true, "Eva", 9
	must(t, s.PutBlock(ctx, again))
	eve.Ignore = true
	got, err := s.Block(ctx, "ua", "ue")
	same(t, eve, got, err)
	_, err = s.Block(ctx, "ue", "ua")
	want(t, store.ErrNotFound, err)
	all, err := s.Blocks(ctx, "ua", "", 10)
	same(t, []store.Block{eve, gus}, all, err)
	all, err = s.Blocks(ctx, "ua", "", 1)
	same(t, []store.Block{eve}, all, err)
	all, err = s.Blocks(ctx, "ua", "ue", 10)
	same(t, []store.Block{gus}, all, err)
	must(t, s.DeleteBlock(ctx, "ua", "ue"))
	must(t, s.DeleteBlock(ctx, "ua", "ue"))
	all, err = s.Blocks(ctx, "ua", "", 10)
	same(t, []store.Block{gus}, all, err)
	must(t, s.PutBlock(ctx, eve))
	must(t, s.DeleteBlocksOf(ctx, "ug"))
	all, err = s.Blocks(ctx, "ua", "", 10)
	same(t, []store.Block{eve}, all, err)
	all, err = s.Blocks(ctx, "ug", "", 10)
	same(t, nil, all, err)
}
