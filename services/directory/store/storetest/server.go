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
	want(t, store.ErrConflict, s.PutServer(ctx, got)) // which it was when it was read
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

func testRegistrations(t *testing.T, s store.Store) {
	ctx := t.Context()
	i := store.Invitation{ID: "i1", Hash: []byte{0, 0xff}, Actor: "u1", ActorName: "Ann", Note: "for Bob", Uses: 2, Created: 5, Expires: 100}
	j := store.Invitation{ID: "i2", Hash: []byte{1}, Uses: 1, Created: 6, Expires: 200}
	must(t, s.CreateInvitation(ctx, i))
	must(t, s.CreateInvitation(ctx, j))
	want(t, store.ErrConflict, s.CreateInvitation(ctx, j))
	all, err := s.Invitations(ctx, "", 10)
	same(t, []store.Invitation{j, i}, all, err)
	all, err = s.Invitations(ctx, "", 1)
	same(t, []store.Invitation{j}, all, err)
	all, err = s.Invitations(ctx, "i2", 10)
	same(t, []store.Invitation{i}, all, err)
	_, err = s.Invitation(ctx, "none")
	want(t, store.ErrNotFound, err)

	want(t, store.ErrNotFound, s.UseInvitation(ctx, "none", 10))
	want(t, store.ErrNotFound, s.UseInvitation(ctx, "i1", 100)) // late
	must(t, s.UseInvitation(ctx, "i1", 99))
	must(t, s.UseInvitation(ctx, "i1", 99))
	want(t, store.ErrNotFound, s.UseInvitation(ctx, "i1", 99)) // used up
	must(t, s.ReturnInvitation(ctx, "i1"))
	must(t, s.UseInvitation(ctx, "i1", 99))
	must(t, s.ReturnInvitation(ctx, "none"))
	must(t, s.ReturnInvitation(ctx, "i2")) // of which nothing is used
	must(t, s.RevokeInvitation(ctx, "i2"))
	want(t, store.ErrNotFound, s.UseInvitation(ctx, "i2", 99))
	want(t, store.ErrNotFound, s.RevokeInvitation(ctx, "none"))
	got, err := s.Invitation(ctx, "i1")
	i.Used = 2
	same(t, i, got, err)
	got, err = s.Invitation(ctx, "i2")
	j.Revoked = true
	same(t, j, got, err)

	must(t, s.DeleteInvitation(ctx, "none"))
	must(t, s.CreateInvitation(ctx, store.Invitation{ID: "i9", Hash: []byte("h9"), Expires: 300}))
	must(t, s.DeleteInvitation(ctx, "i9"))
	_, err = s.Invitation(ctx, "i9")
	want(t, store.ErrNotFound, err)
	must(t, s.DeleteInvitationsBefore(ctx, 200))
	all, err = s.Invitations(ctx, "", 10)
	same(t, []store.Invitation{j}, all, err)

	must(t, s.CreateUser(ctx, store.User{ID: "u1", Name: "Ann", NameKey: "ann"}))
	must(t, s.SetDisabled(ctx, "u1", true))
	u, err := s.User(ctx, "u1")
	same(t, store.User{ID: "u1", Name: "Ann", NameKey: "ann", Disabled: true}, u, err)
	must(t, s.SetDisabled(ctx, "u1", false))
	u, err = s.User(ctx, "u1")
	same(t, store.User{ID: "u1", Name: "Ann", NameKey: "ann"}, u, err)
	want(t, store.ErrNotFound, s.SetDisabled(ctx, "none", true))
}
