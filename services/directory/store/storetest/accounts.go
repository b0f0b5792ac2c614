package storetest

import (
	"testing"

	"hubbub.internal/services/directory/store"
)

func testAccounts(t *testing.T, s store.Store) {
	ctx := t.Context()
	got, err := s.Account(ctx, "u1")
	same(t, store.Account{User: "u1"}, got, err)
	must(t, s.PatchAccount(ctx, "u1", store.AccountPatch{DeviceKey: []byte{1, 0, 2}}))
	must(t, s.PatchAccount(ctx, "u1", store.AccountPatch{SeenBy: new("nobody"), Unlisted: new(true), InvitedBy: new("rooms"), DirectBy: new("nobody")}))
	must(t, s.PatchAccount(ctx, "u1", store.AccountPatch{}))
	ann := store.Account{User: "u1", DeviceKey: []byte{1, 0, 2}, SeenBy: "nobody", Unlisted: true, InvitedBy: "rooms", DirectBy: "nobody"}
	got, err = s.Account(ctx, "u1")
	same(t, ann, got, err)
	must(t, s.PatchAccount(ctx, "u0", store.AccountPatch{}))
	for _, user := range []string{"u3", "u2"} {
		must(t, s.PatchAccount(ctx, user, store.AccountPatch{Mail: new("Both@x"), MailKey: new("both@x")}))
	}
	both := []store.Account{{User: "u2", Mail: "Both@x", MailKey: "both@x"}, {User: "u3", Mail: "Both@x", MailKey: "both@x"}}
	found, err := s.AccountsByMail(ctx, "both@x", 10)
	same(t, both, found, err)
	found, err = s.AccountsByMail(ctx, "both@x", 1)
	same(t, both[:1], found, err)
	must(t, s.PatchAccount(ctx, "u2", store.AccountPatch{Unlisted: new(true)}))
	must(t, s.PatchAccount(ctx, "u3", store.AccountPatch{Mail: new(""), MailKey: new("")}))
	both[0].Unlisted = true
	found, err = s.AccountsByMail(ctx, "both@x", 10)
	same(t, both[:1], found, err)
	found, err = s.AccountsByMail(ctx, "", 10) // the key of accounts without an address
	same(t, nil, found, err)
	all, err := s.AccountsOf(ctx, []string{"u9", "u1", "u0"})
	same(t, []store.Account{{User: "u0"}, ann}, all, err)
	all, err = s.AccountsOf(ctx, nil)
	same(t, nil, all, err)
	testDigests(t, s)
	must(t, s.DeleteAccount(ctx, "u1"))
	must(t, s.DeleteAccount(ctx, "u1"))
	got, err = s.Account(ctx, "u1")
	same(t, store.Account{User: "u1"}, got, err)
}

// testDigests checks that digests come in the order of their times, and that one replica gets each.
func testDigests(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	for user, due := range map[string]int64{"d1": 30, "d2": 20, "d3": 20, "d4": 0} {
		must(t, s.PatchAccount(ctx, user, store.AccountPatch{DigestDue: &due}))
	}
	must(t, s.MoveDigest(ctx, "d1", 30, 30, 5))
	d1, d2, d3 := store.Account{User: "d1", DigestDue: 30, DigestSent: 5}, store.Account{User: "d2", DigestDue: 20}, store.Account{User: "d3", DigestDue: 20}
	due, err := s.DigestsDue(ctx, 19, 10)
	same(t, 0, len(due), err)
	due, err = s.DigestsDue(ctx, 30, 10)
	same(t, []store.Account{d2, d3, d1}, due, err)
	due, err = s.DigestsDue(ctx, 30, 2)
	same(t, []store.Account{d2, d3}, due, err)
	must(t, s.MoveDigest(ctx, "d2", 20, 40, 0))
	want(t, store.ErrNotFound, s.MoveDigest(ctx, "d2", 20, 50, 0)) // another was first
	want(t, store.ErrNotFound, s.MoveDigest(ctx, "d9", 0, 50, 0))
	due, err = s.DigestsDue(ctx, 39, 10)
	same(t, []store.Account{d3, d1}, due, err)
	// Only accounts with an address and without a time get one.
	for _, user := range []string{"d4", "d3"} {
		must(t, s.PatchAccount(ctx, user, store.AccountPatch{Mail: new("d@x"), MailKey: new("d@x")}))
	}
	must(t, s.PatchAccount(ctx, "d5", store.AccountPatch{Unlisted: new(true)}))
	must(t, s.BeginDigests(ctx, 7))
	d3.Mail, d3.MailKey = "d@x", "d@x"
	due, err = s.DigestsDue(ctx, 39, 10)
	u2, _ := s.Account(ctx, "u2")
	same(t, []store.Account{{User: "d4", DigestDue: 7, Mail: "d@x", MailKey: "d@x"}, u2, d3, d1}, due, err)
	same(t, 7, u2.DigestDue, nil)
	for _, user := range []string{"d1", "d2", "d3", "d4", "d5"} {
		must(t, s.DeleteAccount(ctx, user))
	}
}

func testPasswords(t *testing.T, s store.Store) {
	ctx := t.Context()
	ann := store.User{ID: "u1", Name: "Ann", NameKey: "ann", Hash: "old", Created: 1}
	must(t, s.CreateUser(ctx, ann))
	must(t, s.SetPassword(ctx, "u1", "old", "new"))
	want(t, store.ErrNotFound, s.SetPassword(ctx, "u1", "old", "another")) // lost the race
	want(t, store.ErrNotFound, s.SetPassword(ctx, "u9", "", "another"))
	ann.Hash = "new"
	got, err := s.User(ctx, "u1")
	same(t, ann, got, err)
	gone := ann.AsDeleted("Nobody")
	if !gone.Deleted() || gone.Guest() || ann.Deleted() {
		t.Errorf("deleted is %+v", gone)
	}
	must(t, s.PutDeleted(ctx, gone))
	want(t, store.ErrNotFound, s.PutDeleted(ctx, store.User{ID: "u9"}))
	got, err = s.UserByName(ctx, "ann")
	same(t, gone, got, err)
	want(t, store.ErrConflict, s.CreateUser(ctx, store.User{ID: "u2", Name: "Ann", NameKey: "ann"}))
}

func testReplaced(t *testing.T, s store.Store) {
	ctx := t.Context()
	guest := store.User{ID: "u1", Name: "Ann (guest)", NameKey: ":ann", Created: 1}
	must(t, s.CreateUser(ctx, guest))
	must(t, s.CreateUser(ctx, store.User{ID: "u2", Name: "Bob", NameKey: "bob", Hash: "x", Created: 2}))
	for _, m := range []store.Member{{Room: "r1", User: "u1", Name: "Ann (guest)", Role: "owner", Since: 3}, {Room: "r1", User: "u2", Name: "Bob", Role: "member", Since: 4}} {
		must(t, s.PutMember(ctx, m))
	}
	ann := looking(store.User{ID: "u1", Name: "Ann", NameKey: "ann", Hash: "new", Created: 1})
	taken := ann
	taken.NameKey = "bob"
	want(t, store.ErrConflict, s.ReplaceUser(ctx, taken, ""))
	want(t, store.ErrNotFound, s.ReplaceUser(ctx, ann, "another"))
	want(t, store.ErrNotFound, s.ReplaceUser(ctx, store.User{ID: "u9", NameKey: "u9"}, ""))
	must(t, s.ReplaceUser(ctx, ann, ""))
	want(t, store.ErrNotFound, s.ReplaceUser(ctx, ann, "")) // no longer a guest
	got, err := s.UserByName(ctx, "ann")
	same(t, ann, got, err)
	found, err := s.UsersAlike(ctx, ann.Looks, 10)
	same(t, []store.User{ann}, found, err)
	two, err := s.UsersOf(ctx, []string{"u2", "u9", "u1"})
	same(t, []store.User{ann, {ID: "u2", Name: "Bob", NameKey: "bob", Hash: "x", Created: 2}}, two, err)
	two, err = s.UsersByNames(ctx, []string{"bob", "ann", "nobody"})
	same(t, []store.User{ann, {ID: "u2", Name: "Bob", NameKey: "bob", Hash: "x", Created: 2}}, two, err)
	none, err := s.UsersByNames(ctx, nil)
	same(t, nil, none, err)
	none, err = s.UsersOf(ctx, nil)
	same(t, nil, none, err)
	must(t, s.RenameMember(ctx, "u1", "Ann"))
	must(t, s.RenameMember(ctx, "nobody", "Ann"))
	all, err := s.MembersOf(ctx, []string{"r1"})
	same(t, []store.Member{{Room: "r1", User: "u1", Name: "Ann", Role: "owner", Since: 3}, {Room: "r1", User: "u2", Name: "Bob", Role: "member", Since: 4}}, all, err)
}

func testTickets(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Ticket{Hash: "aa", Kind: "reset", User: "u1", Created: 1, Expires: 10}
	b := store.Ticket{Hash: "bb", Kind: "mail", User: "u1", Created: 2, Expires: 20, Detail: "a@x"}
	c := store.Ticket{Hash: "cc", Kind: "reset", User: "u2", Created: 3, Expires: 30}
	for _, ticket := range []store.Ticket{a, b, c} {
		must(t, s.PutTicket(ctx, ticket))
	}
	want(t, store.ErrConflict, s.PutTicket(ctx, a))
	got, err := s.Ticket(ctx, "aa")
	same(t, a, got, err)
	must(t, s.SpendTicket(ctx, "aa"))
	want(t, store.ErrNotFound, s.SpendTicket(ctx, "aa"))
	_, err = s.Ticket(ctx, "aa")
	want(t, store.ErrNotFound, err)
	must(t, s.PutTicket(ctx, a))
	must(t, s.DeleteTicketsOf(ctx, "u1", "reset"))
	must(t, s.DeleteTicketsOf(ctx, "nobody", "reset"))
	_, err = s.Ticket(ctx, "aa")
	want(t, store.ErrNotFound, err)
	got, err = s.Ticket(ctx, "bb")
	same(t, b, got, err)
	must(t, s.DeleteTicketsBefore(ctx, 20))
	_, err = s.Ticket(ctx, "bb")
	want(t, store.ErrNotFound, err)
	got, err = s.Ticket(ctx, "cc")
	same(t, c, got, err)
}
