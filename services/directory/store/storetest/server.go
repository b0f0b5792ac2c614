package storetest

import (
	"testing"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

func testServer(t *testing.T, s store.Store) {
	ctx := t.Context()
	none, err := s.Server(ctx)
	same(t, store.Server{}, none, err)
	first := store.Server{
		Roles: map[string]api.Role{"u1": api.RoleOperator, "u2": api.RoleAuditor, "u0": api.RoleOperator},
		Setup: []store.SetupLink{{Hash: []byte{0, 1, 0xff}, Expires: 5}}, Registration: "closed", Guests: "rooms", GuestRooms: []string{"r1"},
	}
	must(t, s.PutServer(ctx, first))
	want(t, store.ErrConflict, s.PutServer(ctx, store.Server{SetUp: 1})) // there is one already
	got, err := s.Server(ctx)
	first.Version = 1
	same(t, first, got, err)
	same(t, []string{"u0", "u1"}, got.InRole(api.RoleOperator), nil)
	second := got.Clone()
	delete(second.Roles, "u1")
	second.Setup, second.SetUp = nil, 7
	must(t, s.PutServer(ctx, second))
	want(t, store.ErrConflict, s.PutServer(ctx, got)) // got is stale
	second.Version = 2
	got, err = s.Server(ctx)
	same(t, second, got, err)
	must(t, s.PutServer(ctx, got))

	must(t, s.CreateKey(ctx, store.Key{ID: "k1", Seed: []byte{1}, Created: 5}))
	must(t, s.SetKeySeed(ctx, "k1", []byte{2, 0}))
	want(t, store.ErrNotFound, s.SetKeySeed(ctx, "k2", []byte{2}))
	keys, err := s.Keys(ctx)
	same(t, []store.Key{{ID: "k1", Seed: []byte{2, 0}, Created: 5}}, keys, err)
}

func testInvitationLinks(t *testing.T, s store.Store) {
	ctx := t.Context()
	i := store.InvitationLink{ID: "i1", Hash: []byte{0, 0xff}, Actor: "u1", ActorName: "Ann", Note: "for Bob", Uses: 2, Created: 5, Expires: 100}
	j := store.InvitationLink{ID: "i2", Hash: []byte{1}, Uses: 1, Created: 6, Expires: 200}
	must(t, s.CreateInvitationLink(ctx, i))
	must(t, s.CreateInvitationLink(ctx, j))
	want(t, store.ErrConflict, s.CreateInvitationLink(ctx, j))
	all, err := s.InvitationLinks(ctx, "", 10)
	same(t, []store.InvitationLink{j, i}, all, err)
	all, err = s.InvitationLinks(ctx, "", 1)
	same(t, []store.InvitationLink{j}, all, err)
	all, err = s.InvitationLinks(ctx, "i2", 10)
	same(t, []store.InvitationLink{i}, all, err)
	_, err = s.InvitationLink(ctx, "none")
	want(t, store.ErrNotFound, err)

	want(t, store.ErrNotFound, s.UseInvitationLink(ctx, "none", 10))
	want(t, store.ErrNotFound, s.UseInvitationLink(ctx, "i1", 100)) // expired
	must(t, s.UseInvitationLink(ctx, "i1", 99))
	must(t, s.UseInvitationLink(ctx, "i1", 99))
	want(t, store.ErrNotFound, s.UseInvitationLink(ctx, "i1", 99)) // used up
	must(t, s.ReturnInvitationLink(ctx, "i1"))
	must(t, s.UseInvitationLink(ctx, "i1", 99))
	must(t, s.ReturnInvitationLink(ctx, "none"))
	must(t, s.ReturnInvitationLink(ctx, "i2")) // it has no uses
	must(t, s.RevokeInvitationLink(ctx, "i2"))
	want(t, store.ErrNotFound, s.UseInvitationLink(ctx, "i2", 99))
	want(t, store.ErrNotFound, s.RevokeInvitationLink(ctx, "none"))
	got, err := s.InvitationLink(ctx, "i1")
	i.Used = 2
	same(t, i, got, err)
	got, err = s.InvitationLink(ctx, "i2")
	j.Revoked = true
	same(t, j, got, err)

	must(t, s.DeleteInvitationLink(ctx, "none"))
	must(t, s.CreateInvitationLink(ctx, store.InvitationLink{ID: "i9", Hash: []byte("h9"), Expires: 300}))
	must(t, s.DeleteInvitationLink(ctx, "i9"))
	_, err = s.InvitationLink(ctx, "i9")
	want(t, store.ErrNotFound, err)
	must(t, s.DeleteInvitationLinksBefore(ctx, 200))
	all, err = s.InvitationLinks(ctx, "", 10)
	same(t, []store.InvitationLink{j}, all, err)

	must(t, s.CreateUser(ctx, store.User{ID: "u1", Name: "Ann", NameKey: "ann"}))
	must(t, s.SetDisabled(ctx, "u1", true))
	u, err := s.User(ctx, "u1")
	same(t, store.User{ID: "u1", Name: "Ann", NameKey: "ann", Disabled: true}, u, err)
	must(t, s.SetDisabled(ctx, "u1", false))
	u, err = s.User(ctx, "u1")
	same(t, store.User{ID: "u1", Name: "Ann", NameKey: "ann"}, u, err)
	want(t, store.ErrNotFound, s.SetDisabled(ctx, "none", true))
}
