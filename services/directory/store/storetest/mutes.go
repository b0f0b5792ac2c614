package storetest

import (
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

var sampleMutes = []store.Mute{
	{Room: "", User: "u-eve", Name: "Eve", Actor: "u-ann", Reason: "noise", Until: chat.Forever, Created: 1_700_000_000_020},
	{Room: "r1", User: "u-gus", Name: "Gus (guest)", Actor: "u-ivan", Until: 1_700_003_600_021, Created: 1_700_000_000_021},
}

func testMutes(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Mute{Room: "r1", User: "ua", Name: "Ann", Actor: "uz", Reason: "spam", Until: 100, Created: 5}
	b := store.Mute{Room: "r1", User: "ub", Name: "Bob", Actor: "uz", Until: chat.Forever, Created: 6}
	everywhere := store.Mute{User: "ua", Name: "Ann", Actor: "uy", Reason: "more spam", Until: 300, Created: 7}
	elsewhere := store.Mute{Room: "r2", User: "ua", Name: "Ann", Actor: "uy", Until: 200, Created: 8}
	for _, m := range []store.Mute{b, everywhere, elsewhere, a} {
		must(t, s.PutMute(ctx, m))
	}
	a.Reason, a.Actor, a.Until, a.Created = "much spam", "ux", 150, 9
	must(t, s.PutMute(ctx, a))
	got, err := s.Mute(ctx, "r1", "ua")
	same(t, a, got, err)
	got, err = s.Mute(ctx, "", "ua")
	same(t, everywhere, got, err)
	_, err = s.Mute(ctx, "", "ub")
	want(t, store.ErrNotFound, err)
	all, err := s.Mutes(ctx, "r1", "", 10)
	same(t, []store.Mute{a, b}, all, err)
	all, err = s.Mutes(ctx, "r1", "", 1)
	same(t, []store.Mute{a}, all, err)
	all, err = s.Mutes(ctx, "r1", "ua", 10)
	same(t, []store.Mute{b}, all, err)
	all, err = s.MutesOf(ctx, "ua")
	same(t, []store.Mute{everywhere, a, elsewhere}, all, err)
	all, err = s.MutesOf(ctx, "ua", "", "r2", "r3")
	same(t, []store.Mute{everywhere, elsewhere}, all, err)
	must(t, s.DeleteMutesBefore(ctx, 200))
	all, err = s.MutesOf(ctx, "ua")
	same(t, []store.Mute{everywhere}, all, err)
	must(t, s.DeleteMute(ctx, "", "ua"))
	must(t, s.DeleteMute(ctx, "", "ua"))
	all, err = s.MutesOf(ctx, "ua")
	same(t, []store.Mute(nil), all, err)
	got, err = s.Mute(ctx, "r1", "ub")
	same(t, b, got, err)
}

func testRules(t *testing.T, s store.Store) {
	ctx := t.Context()
	r := store.Room{ID: "r1", Name: "Open", Created: 2, Slow: 30, Announce: store.AnnounceReact, Archived: 7}
	closed := store.Room{ID: "r2", Name: "Registered", Private: true, Created: 3, NoGuests: true, VersionsSince: 1<<53 - 1}
	must(t, s.CreateRoom(ctx, closed))
	made, err := s.Room(ctx, "r2")
	same(t, closed, made, err)
	must(t, s.PatchRoom(ctx, "r2", store.RoomPatch{NoGuests: new(false), Keep: new("30 days"), VersionsSince: new(int64(7))}))
	closed.NoGuests, closed.Keep, closed.VersionsSince = false, "30 days", 7
	made, err = s.Room(ctx, "r2")
	same(t, closed, made, err)
	must(t, s.CreateRoom(ctx, r))
	got, err := s.Room(ctx, "r1")
	same(t, r, got, err)
	public, err := s.FindPublic(ctx, store.PublicQuery{Limit: 10})
	same(t, 0, len(public), err)
	public, err = s.FindPublic(ctx, store.PublicQuery{Archived: true, Limit: 10})
	same(t, []store.Room{r}, public, err)
	must(t, s.PatchRoom(ctx, "r1", store.RoomPatch{Slow: new(0), Archived: new(int64(0))}))
	r.Slow, r.Archived = 0, 0
	got, err = s.Room(ctx, "r1")
	same(t, r, got, err)
	public, err = s.FindPublic(ctx, store.PublicQuery{Archived: true, Limit: 10})
	same(t, 0, len(public), err)
	public, err = s.FindPublic(ctx, store.PublicQuery{Limit: 10})
	same(t, []store.Room{r}, public, err)
	must(t, s.PatchRoom(ctx, "r1", store.RoomPatch{NoGuests: new(true)}))
	r.NoGuests = true
	got, err = s.Room(ctx, "r1")
	same(t, r, got, err)
	must(t, s.PatchRoom(ctx, "r1", store.RoomPatch{Announce: new(store.AnnounceSilent)}))
	r.Announce = store.AnnounceSilent
	got, err = s.Room(ctx, "r1")
	same(t, r, got, err)
}
