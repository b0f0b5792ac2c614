package storetest

import (
	"fmt"
	"testing"

	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

func testPublic(t *testing.T, s store.Store) {
	ctx := t.Context()
	room := func(id, name string, created, active int64) store.Room {
		return store.Room{ID: id, Name: name, Looks: names.LooksOf(name), Created: created, Activity: store.Activity{Active: active, Size: int(100 - active)}}
	}
	books, cats, dogs := room("r1", "Books", 1, 30), room("r2", "Cats", 2, 10), room("r3", "Dogs, cats", 3, 10)
	for _, r := range []store.Room{books, cats, dogs, {ID: "r4", Name: "Cats", Private: true, Looks: names.LooksOf("Cats")}, {ID: "d-X", Private: true, Direct: true}} {
		must(t, s.CreateRoom(ctx, r))
	}
	for _, tt := range []struct {
		q    store.PublicQuery
		want []store.Room
	}{
		{store.PublicQuery{Limit: 10}, []store.Room{books, dogs, cats}},
		{store.PublicQuery{Limit: 2}, []store.Room{books, dogs}},
		{store.PublicQuery{Limit: 2, Before: 10, BeforeID: "r3"}, []store.Room{cats}},
		{store.PublicQuery{Limit: 2, Before: 30, BeforeID: "r1"}, []store.Room{dogs, cats}},
		{store.PublicQuery{Limit: 10, Sort: store.SortNew}, []store.Room{dogs, cats, books}},
		{store.PublicQuery{Limit: 10, Sort: store.SortNew, Before: 2, BeforeID: "r2"}, []store.Room{books}},
		{store.PublicQuery{Limit: 10, Sort: store.SortSize}, []store.Room{dogs, cats, books}},
		{store.PublicQuery{Limit: 10, Sort: store.SortSize, Before: 90, BeforeID: "r3"}, []store.Room{cats, books}},
		{store.PublicQuery{Limit: 10, Look: names.LooksOf("CAT").Lower}, []store.Room{dogs, cats}},
		{store.PublicQuery{Limit: 10, Look: names.LooksOf("(cat").Lower}, nil},
		{store.PublicQuery{Limit: 10, Look: names.Bare(names.LooksOf("çât").Lower)}, []store.Room{dogs, cats}},
	} {
		got, err := s.FindPublic(ctx, tt.q)
		same(t, tt.want, got, err)
	}
	for i, name := range []string{"les-mêmes", "İstanbul", "memory"} {
		must(t, s.CreateUser(ctx, store.User{ID: fmt.Sprint("like", i), Name: name, NameKey: names.Key(name), Looks: names.LooksOf(name), Hash: "h"}))
	}
	for part, want := range map[string][]string{"mem": {"like0", "like2"}, "MÊM": {"like0", "like2"}, "istan": {"like1"}, "stanb": {"like1"}, "m.m": nil, "zzz": nil} {
		found, err := s.UsersLike(ctx, names.Bare(names.LooksOf(part).Lower), 10)
		must(t, err)
		var ids []string
		for _, u := range found {
			ids = append(ids, u.ID)
		}
		same(t, want, ids, nil)
	}
	got, err := s.PublicAfter(ctx, "r1", 10)
	same(t, []store.Room{cats, dogs}, got, err)
	got, err = s.PublicAfter(ctx, "", 1)
	same(t, []store.Room{books}, got, err)
	cats.Activity = store.Activity{Head: 7, Active: 40, Size: 3}
	must(t, s.SetActivity(ctx, "r2", cats.Activity))
	must(t, s.SetActivity(ctx, "none", cats.Activity))
	got, err = s.FindPublic(ctx, store.PublicQuery{Limit: 1})
	same(t, []store.Room{cats}, got, err)

	for _, id := range []string{"s2", "s1", "s3"} {
		must(t, s.CreateSession(ctx, store.Session{ID: id, User: "ua", Turn: store.Turn{Hash: []byte{1}, Address: "192.0.2.1"}}))
	}
	sessions, err := s.SessionsAfter(ctx, "s1", 1)
	must(t, err)
	if len(sessions) != 1 || sessions[0].ID != "s2" || sessions[0].Address != "192.0.2.1" {
		t.Errorf("after s1: %+v", sessions)
	}

	ban := store.NetworkBan{Network: "192.0.2.0/24", Reason: "spam", Actor: "ua", User: "ug", Created: 1, Until: 2}
	other := store.NetworkBan{Network: "2001:db8::/32", Created: 3}
	must(t, s.PutNetworkBan(ctx, other))
	must(t, s.PutNetworkBan(ctx, ban))
	ban.Until = 9
	must(t, s.PutNetworkBan(ctx, ban))
	bans, err := s.NetworkBans(ctx, 10)
	same(t, []store.NetworkBan{ban, other}, bans, err)
	bans, err = s.NetworkBans(ctx, 1)
	same(t, []store.NetworkBan{ban}, bans, err)
	must(t, s.DeleteNetworkBan(ctx, ban.Network))
	must(t, s.DeleteNetworkBan(ctx, ban.Network))
	bans, err = s.NetworkBans(ctx, 10)
	same(t, []store.NetworkBan{other}, bans, err)
}
