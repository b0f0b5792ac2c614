// Package storetest checks that a store.Store keeps its contract.
package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/failtest"
	"hubbub.internal/services/directory/store"
)

// Run checks the store that open opens, which is empty at first. reopen closes the store and opens
// it again.
func Run(t *testing.T, open func(t *testing.T) store.Store, reopen func(t *testing.T, s store.Store) store.Store) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, store.Store)
	}{
		{"users", testUsers},
		{"names are taken once", testNamesAtOnce},
		{"looks", testLooks},
		{"guests", testGuests},
		{"sessions", testSessions},
		{"turns of a session", testTurns},
		{"accounts", testAccounts},
		{"preferences", testPreferences},
		{"subscriptions", testSubscriptions},
		{"passwords", testPasswords},
		{"guests who register", testReplaced},
		{"tickets", testTickets},
		{"keys", testKeys},
		{"rooms", testRooms},
		{"members", testMembers},
		{"a membership put at once", testMemberAtOnce},
		{"bans", testBans},
		{"blocks", testBlocks},
		{"mutes", testMutes},
		{"readers", testReaders},
		{"reports", testReports},
		{"letters", testLetters},
		{"rules of rooms", testRules},
		{"public rooms and networks", testPublic},
		{"requests", testRequests},
		{"invitations", testInvitations},
		{"direct rooms", testDirects},
		{"last seen", testSeen},
		{"intents", testIntents},
		{"acts", testActs},
		{"server", testServer},
		{"invitation links", testInvitationLinks},
		{"emoji", testEmoji},
		{"cancelled", testCancelled},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
	t.Run("reopened", func(t *testing.T) {
		s := open(t)
		u := store.User{ID: "u1", Name: "Ann", NameKey: "ann", Hash: "h", Created: 1}
		must(t, s.CreateUser(t.Context(), u))
		s = reopen(t, s)
		got, err := s.User(t.Context(), "u1")
		same(t, u, got, err)
	})
}

func testRooms(t *testing.T, s store.Store) {
	ctx := t.Context()
	open := store.Room{ID: "r1", Name: "Open", Topic: "all", Created: 2}
	older := store.Room{ID: "r2", Name: "Older", Created: 1}
	secret := store.Room{ID: "r3", Name: "Secret", Private: true, Created: 3}
	direct := store.Room{ID: "r4", Name: "direct", Private: true, Direct: true, Created: 4}
	for _, r := range []store.Room{open, older, secret, direct} {
		must(t, s.CreateRoom(ctx, r))
	}
	want(t, store.ErrConflict, s.CreateRoom(ctx, store.Room{ID: "r1"}))
	must(t, s.PatchRoom(ctx, "r1", store.RoomPatch{Name: new("Wide open")}))
	must(t, s.PatchRoom(ctx, "r1", store.RoomPatch{Topic: new("")}))
	must(t, s.PatchRoom(ctx, "r1", store.RoomPatch{}))
	open.Name, open.Topic = "Wide open", ""
	got, err := s.Room(ctx, "r1")
	same(t, open, got, err)
	got, err = s.Room(ctx, "r4")
	same(t, direct, got, err)
	_, err = s.Room(ctx, "r9")
	want(t, store.ErrNotFound, err)
	want(t, store.ErrNotFound, s.PatchRoom(ctx, "r9", store.RoomPatch{Name: new("x")}))
	some, err := s.Rooms(ctx, []string{"r3", "r9", "r1"})
	same(t, []store.Room{open, secret}, some, err)
	some, err = s.Rooms(ctx, nil)
	same(t, nil, some, err)
	public, err := s.FindPublic(ctx, store.PublicQuery{Sort: store.SortNew, Limit: 10})
	same(t, []store.Room{open, older}, public, err)
	public, err = s.FindPublic(ctx, store.PublicQuery{Sort: store.SortNew, Limit: 1})
	same(t, []store.Room{open}, public, err)
	must(t, s.PatchRoom(ctx, "r2", store.RoomPatch{Private: new(true)}))
	must(t, s.PatchRoom(ctx, "r3", store.RoomPatch{Private: new(false)}))
	must(t, s.DeleteRoom(ctx, "r1"))
	must(t, s.DeleteRoom(ctx, "r1"))
	secret.Private = false
	public, err = s.FindPublic(ctx, store.PublicQuery{Limit: 10})
	same(t, []store.Room{secret}, public, err)
}

func testMembers(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Member{Room: "r1", User: "ua", Name: "Ann", Role: api.RoleOwner, Since: 1}
	b := store.Member{Room: "r1", User: "ub", Name: "Bob", Role: api.RoleMember, Since: 2}
	c := store.Member{Room: "r2", User: "ua", Name: "Ann", Role: api.RoleMember, Since: 3}
	for _, m := range []store.Member{c, b, a} {
		must(t, s.PutMember(ctx, m))
	}
	// The second call changes the role and nothing else.
	again := b
	again.Role, again.Name, again.Since = api.RoleModerator, "Robert", 9
	must(t, s.PutMember(ctx, again))
	b.Role = api.RoleModerator
	got, err := s.Member(ctx, "r1", "ub")
	same(t, b, got, err)
	_, err = s.Member(ctx, "r2", "ub")
	want(t, store.ErrNotFound, err)
	all, err := s.Members(ctx, "r1", "", 10)
	same(t, []store.Member{a, b}, all, err)
	all, err = s.Members(ctx, "r1", "ua", 10)
	same(t, []store.Member{b}, all, err)
	all, err = s.Members(ctx, "r1", "", 1)
	same(t, []store.Member{a}, all, err)
	all, err = s.MembershipsOf(ctx, "ua", 10)
	same(t, []store.Member{a, c}, all, err)
	all, err = s.MembersOf(ctx, []string{"r2", "r1", "r9"})
	same(t, []store.Member{a, b, c}, all, err)
	all, err = s.MembersOf(ctx, nil)
	same(t, nil, all, err)
	must(t, s.SetRole(ctx, "r1", "ub", api.RoleOwner))
	// SetRole does not add a user who has left
	want(t, store.ErrNotFound, s.SetRole(ctx, "r2", "ub", api.RoleOwner))
	b.Role = api.RoleOwner
	all, err = s.MembersInRole(ctx, "r1", api.RoleOwner, 10)
	same(t, []store.Member{a, b}, all, err)
	all, err = s.MembersInRole(ctx, "r1", api.RoleOwner, 1)
	same(t, []store.Member{a}, all, err)
	all, err = s.MembersInRole(ctx, "r1", api.RoleModerator, 10)
	same(t, nil, all, err)
	older := store.Member{Room: "r1", User: "uz", Name: "Zed", Role: api.RoleOwner}
	must(t, s.PutMember(ctx, older))
	all, err = s.MembersInRole(ctx, "r1", api.RoleOwner, 2)
	same(t, []store.Member{older, a}, all, err)
	must(t, s.DeleteMember(ctx, "r1", "ua"))
	must(t, s.DeleteMember(ctx, "r1", "ua"))
	all, err = s.MembershipsOf(ctx, "ua", 10)
	same(t, []store.Member{c}, all, err)
}

// testMemberAtOnce adds one member several times at the same moment, with the same role, so that it
// needs only unique keys of a server.
func testMemberAtOnce(t *testing.T, s store.Store) {
	m := store.Member{Room: "r1", User: "ua", Name: "Ann", Role: api.RoleMember, Since: 1}
	errs := make([]error, 8)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { errs[i] = s.PutMember(t.Context(), m) })
	}
	wait.Wait()
	for _, err := range errs {
		must(t, err)
	}
	all, err := s.Members(t.Context(), "r1", "", 10)
	same(t, []store.Member{m}, all, err)
}

func testSeen(t *testing.T, s store.Store) {
	ctx := t.Context()
	ann := store.User{ID: "ua", Name: "Ann", NameKey: "ann", Hash: "hash", Created: 1}
	must(t, s.CreateUser(ctx, ann))
	must(t, s.CreateUser(ctx, store.User{ID: "ub", NameKey: "bob"}))
	must(t, s.PutSeen(ctx, nil))
	must(t, s.PutSeen(ctx, []store.Seen{{User: "ua", At: 5}, {User: "ub", At: 6}, {User: "ua", At: 4}, {User: "nobody", At: 5}}))
	must(t, s.PutSeen(ctx, []store.Seen{{User: "ua", At: 3}, {User: "ub", At: 7}}))
	for user, want := range map[string]int64{"ua": 5, "ub": 7, "nobody": 0} {
		at, err := s.Seen(ctx, user)
		same(t, want, at, err)
	}
	got, err := s.User(ctx, "ua")
	same(t, ann, got, err)
	must(t, s.DeleteUser(ctx, "ua"))
	must(t, s.PutSeen(ctx, []store.Seen{{User: "ua", At: 9}}))
	must(t, s.CreateUser(ctx, ann))
	at, err := s.Seen(ctx, "ua")
	same(t, 0, at, err)
}

func testIntents(t *testing.T, s store.Store) {
	ctx := t.Context()
	i := store.Intent{ID: "i1", Kind: "access", Room: "r1", User: "u1", Name: "Ann", Role: "member", Actor: "u2", Session: "s", From: 1 << 50, Created: 5}
	j := store.Intent{ID: "i2", Kind: "room", Room: "r1", Actor: "u2", Created: 3}
	before := i
	before.Name, before.Created = "Anna", 1
	must(t, s.PutIntent(ctx, before))
	must(t, s.PutIntent(ctx, i)) // in the place of the one before
	must(t, s.PutIntent(ctx, j))
	all, err := s.IntentsBefore(ctx, 6, 10)
	same(t, []store.Intent{j, i}, all, err)
	all, err = s.IntentsBefore(ctx, 5, 10)
	same(t, []store.Intent{j}, all, err)
	all, err = s.IntentsBefore(ctx, 6, 1)
	same(t, []store.Intent{j}, all, err)
	must(t, s.DeleteIntent(ctx, "i2"))
	must(t, s.DeleteIntent(ctx, "i2"))
	all, err = s.IntentsBefore(ctx, 6, 10)
	same(t, []store.Intent{i}, all, err)
}

func testCancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failtest.All(ctx, t, s, Away)
}

// Away reports whether err says that the store does not work, and nothing about its records.
func Away(err error) bool {
	return !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, want, err error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
}

func same[T any](t *testing.T, want, got T, err error) {
	t.Helper()
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
