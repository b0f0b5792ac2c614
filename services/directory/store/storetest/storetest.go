// Package storetest checks that a store.Store keeps its contract.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/failtest"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// Run checks the store that open opens, which is empty at first. reopen closes it and opens what it
// has kept.
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
		{"invitations to register", testRegistrations},
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

func testUsers(t *testing.T, s store.Store) {
	ctx := t.Context()
	ann := store.User{ID: "u1", Name: "Ann", NameKey: "ann", Hash: "hash", Created: 5}
	anna := store.User{ID: "u2", Name: "Anna", NameKey: "anna", Created: 6}
	bob := store.User{ID: "u3", Name: "Bob", NameKey: "bob", Hash: "hash", Created: 7}
	for _, u := range []store.User{bob, anna, ann} {
		must(t, s.CreateUser(ctx, u))
	}
	want(t, store.ErrConflict, s.CreateUser(ctx, store.User{ID: "u4", Name: "ANN", NameKey: "ann"}))
	want(t, store.ErrConflict, s.CreateUser(ctx, store.User{ID: "u1", Name: "X", NameKey: "x"}))
	got, err := s.User(ctx, "u1")
	same(t, ann, got, err)
	got, err = s.UserByName(ctx, "anna")
	same(t, anna, got, err)
	if !got.Guest() || ann.Guest() {
		t.Error("a guest is who has no password")
	}
	_, err = s.User(ctx, "u9")
	want(t, store.ErrNotFound, err)
	_, err = s.UserByName(ctx, "x")
	want(t, store.ErrNotFound, err)
	found, err := s.Users(ctx, "an", 10)
	same(t, []store.User{ann, anna}, found, err)
	found, err = s.Users(ctx, "an", 1)
	same(t, []store.User{ann}, found, err)
	found, err = s.Users(ctx, "zz", 10)
	same(t, nil, found, err)
	found, err = s.UsersAfter(ctx, "", 2)
	same(t, []store.User{ann, anna}, found, err)
	found, err = s.UsersAfter(ctx, "u2", 2)
	same(t, []store.User{bob}, found, err)
	must(t, s.CreateUser(ctx, store.User{ID: "u6", Name: "Deleted account", NameKey: "banana", Hash: store.DeletedHash}))
	for _, tt := range []struct {
		q    store.UserQuery
		want []store.User
	}{
		{store.UserQuery{Limit: 10}, []store.User{ann, anna, bob}},
		{store.UserQuery{Limit: 2}, []store.User{ann, anna}},
		{store.UserQuery{Limit: 2, After: "anna"}, []store.User{bob}},
		{store.UserQuery{Limit: 10, Part: "nn", Look: "na"}, []store.User{ann, anna}},
		{store.UserQuery{Limit: 10, Part: "nn", Look: "nu"}, []store.User{ann}},
		{store.UserQuery{Limit: 10, Part: "nn", Look: "na", After: "ann"}, []store.User{anna}},
		{store.UserQuery{Limit: 10, Part: "(n", Look: "(n"}, nil},
		{store.UserQuery{Limit: 10, Part: "o", Look: "x", Kind: store.UsersRegistered}, []store.User{bob}},
		{store.UserQuery{Limit: 10, Kind: store.UsersRegistered}, []store.User{ann, bob}},
		{store.UserQuery{Limit: 10, Kind: store.UsersGuests}, []store.User{anna}},
		{store.UserQuery{Limit: 10, Kind: store.UsersDisabled}, nil},
	} {
		found, err = s.FindUsers(ctx, tt.q)
		same(t, tt.want, found, err)
	}
	must(t, s.SetDisabled(ctx, "u3", true))
	bob.Disabled = true
	found, err = s.FindUsers(ctx, store.UserQuery{Limit: 10, Kind: store.UsersDisabled})
	same(t, []store.User{bob}, found, err)
	must(t, s.DeleteUser(ctx, "u1"))
	must(t, s.DeleteUser(ctx, "u1"))
	_, err = s.User(ctx, "u1")
	want(t, store.ErrNotFound, err)
	// the name is free again
	must(t, s.CreateUser(ctx, store.User{ID: "u5", Name: "Ann", NameKey: "ann"}))
}

func testNamesAtOnce(t *testing.T, s store.Store) {
	errs := make([]error, 8)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { errs[i] = s.CreateUser(t.Context(), store.User{ID: fmt.Sprint("u", i), NameKey: "ann"}) })
	}
	wait.Wait()
	taken := 0
	for _, err := range errs {
		if err != nil {
			want(t, store.ErrConflict, err)
			taken++
		}
	}
	if taken != len(errs)-1 {
		t.Errorf("%d of %d could not have the name", taken, len(errs))
	}
}

func testLooks(t *testing.T, s store.Store) {
	ctx := t.Context()
	pauI := store.User{ID: "u1", Name: "PauI", NameKey: "paui", Hash: "hash", Looks: names.LooksOf("PauI"), Created: 1}
	ann := store.User{ID: "u2", Name: "Ann", NameKey: "ann", Hash: "hash", Looks: names.LooksOf("Ann"), Created: 2}
	guest := store.User{ID: "u3", Name: "Paul (guest)", NameKey: ":paul", Created: 3}
	for _, u := range []store.User{pauI, ann, guest} {
		must(t, s.CreateUser(ctx, u))
	}
	for name, want := range map[string][]store.User{"paul": {pauI}, "PAUI": {pauI}, "ann": {ann}, "bob": nil} {
		got, err := s.UsersAlike(ctx, names.LooksOf(name), 10)
		same(t, want, got, err)
	}
	also := store.User{ID: "u4", Name: "paul", NameKey: "paul", Hash: "hash", Looks: names.LooksOf("paul"), Created: 4}
	must(t, s.CreateUser(ctx, also))
	got, err := s.UsersAlike(ctx, names.LooksOf("paul"), 10)
	same(t, []store.User{pauI, also}, got, err)
	got, err = s.UsersAlike(ctx, names.LooksOf("paul"), 1)
	same(t, []store.User{pauI}, got, err)

	hill := store.Room{ID: "r1", Name: "HiII", Looks: names.LooksOf("HiII"), Created: 1}
	hidden := store.Room{ID: "r2", Name: "Hill", Looks: names.LooksOf("Hill"), Private: true, Created: 2}
	direct := store.Room{ID: "r3", Name: "Hill", Looks: names.LooksOf("Hill"), Direct: true, Created: 3}
	for _, r := range []store.Room{hill, hidden, direct} {
		must(t, s.CreateRoom(ctx, r))
	}
	rooms, err := s.PublicRoomsAlike(ctx, names.LooksOf("Hill"), 10)
	same(t, []store.Room{hill}, rooms, err)
	name, looks, public := "Valley", names.LooksOf("Valley"), false
	must(t, s.PatchRoom(ctx, "r1", store.RoomPatch{Name: &name, Looks: &looks}))
	must(t, s.PatchRoom(ctx, "r2", store.RoomPatch{Private: &public}))
	hidden.Private = false
	rooms, err = s.PublicRoomsAlike(ctx, names.LooksOf("Hill"), 10)
	same(t, []store.Room{hidden}, rooms, err)
	hill.Name, hill.Looks = name, looks
	rooms, err = s.PublicRoomsAlike(ctx, names.LooksOf("VALLEY"), 10)
	same(t, []store.Room{hill}, rooms, err)
}

func testGuests(t *testing.T, s store.Store) {
	ctx := t.Context()
	gus := store.User{ID: "u1", Name: "Gus (guest)", NameKey: ":gus", Created: 1}
	x := logIn("s1", "u1", []byte("hash"), 1, 9)
	must(t, s.CreateGuest(ctx, gus, x))
	user, err := s.User(ctx, "u1")
	same(t, gus, user, err)
	session, err := s.Session(ctx, "s1")
	same(t, x, session, err)
	want(t, store.ErrConflict, s.CreateGuest(ctx, store.User{ID: "u2", Name: "GUS (guest)", NameKey: ":gus"}, store.Session{ID: "s2", User: "u2"}))
	_, err = s.User(ctx, "u2")
	want(t, store.ErrNotFound, err)
	_, err = s.Session(ctx, "s2")
	want(t, store.ErrNotFound, err)
	want(t, store.ErrConflict, s.CreateGuest(ctx, store.User{ID: "u3", Name: "Eve (guest)", NameKey: ":eve"}, store.Session{ID: "s1", User: "u3"}))
	_, err = s.User(ctx, "u3")
	want(t, store.ErrNotFound, err)
}

func logIn(id, user string, hash []byte, created, expires int64) store.Session {
	return store.Session{ID: id, User: user, Created: created, Turn: store.Turn{Hash: hash, Expires: expires}}
}

func testTurns(t *testing.T, s store.Store) {
	ctx := t.Context()
	x := logIn("s1", "u1", []byte{1}, 1, 10)
	y := logIn("s2", "u1", []byte{1}, 2, 10)
	y.Device, y.Address, y.Family = "a browser", "192.0.2.1", []byte{9}
	other := logIn("s3", "u2", []byte{1}, 3, 10)
	for _, one := range []store.Session{y, x, other} {
		must(t, s.CreateSession(ctx, one))
	}
	turn := store.Turn{
		Hash: []byte{2}, Family: []byte{3}, Previous: []byte{1}, Salt: []byte{4}, Grace: 5, Expires: 20, Used: 6, Device: "a phone", Address: "192.0.2.2", Attempt: []byte{5},
	}
	must(t, s.TurnSession(ctx, "s1", []byte{1}, 9, turn))
	x.Turn = turn
	got, err := s.Session(ctx, "s1")
	same(t, x, got, err)
	want(t, store.ErrNotFound, s.TurnSession(ctx, "s1", []byte{1}, 9, turn)) // another was faster
	want(t, store.ErrNotFound, s.TurnSession(ctx, "none", []byte{1}, 9, turn))
	want(t, store.ErrNotFound, s.TurnSession(ctx, "s2", []byte{1}, 10, turn)) // it had expired
	all, err := s.SessionsOf(ctx, "u1", 10)
	same(t, []store.Session{y, x}, all, err)
	all, err = s.SessionsOf(ctx, "u1", 1)
	same(t, []store.Session{y}, all, err)
	must(t, s.EndSessionsOf(ctx, "u1"))
	must(t, s.EndSessionsOf(ctx, "nobody"))
	x.Expires, y.Expires = 0, 0
	all, err = s.SessionsOf(ctx, "u1", 10)
	same(t, []store.Session{y, x}, all, err)
	want(t, store.ErrNotFound, s.TurnSession(ctx, "s1", []byte{2}, 1, turn)) // for good
	got, err = s.Session(ctx, "s3")
	same(t, other, got, err)
}

func testSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	x := logIn("s1", "u1", []byte{1, 2}, 1, 10)
	y := logIn("s2", "u1", []byte{3}, 2, 20)
	must(t, s.CreateSession(ctx, x))
	must(t, s.CreateSession(ctx, y))
	want(t, store.ErrConflict, s.CreateSession(ctx, x))
	must(t, s.ExtendSession(ctx, "s1", 9, 30))
	x.Expires = 30
	got, err := s.Session(ctx, "s1")
	same(t, x, got, err)
	want(t, store.ErrNotFound, s.ExtendSession(ctx, "none", 9, 30))
	_, err = s.Session(ctx, "none")
	want(t, store.ErrNotFound, err)
	old, err := s.SessionsBefore(ctx, 19, 10)
	same(t, nil, old, err)
	old, err = s.SessionsBefore(ctx, 20, 10)
	same(t, []store.Session{y}, old, err)
	old, err = s.SessionsBefore(ctx, 30, 10)
	same(t, []store.Session{y, x}, old, err)
	old, err = s.SessionsBefore(ctx, 30, 1)
	same(t, []store.Session{y}, old, err)
	// What has ended stays so, also for who found out before that it had not.
	want(t, store.ErrNotFound, s.ExtendSession(ctx, "s2", 20, 90))
	must(t, s.EndSession(ctx, "s2"))
	must(t, s.EndSession(ctx, "none"))
	want(t, store.ErrNotFound, s.ExtendSession(ctx, "s2", 1, 90))
	y.Expires = 0
	got, err = s.Session(ctx, "s2")
	same(t, y, got, err)
	must(t, s.DeleteSession(ctx, "s1"))
	must(t, s.DeleteSession(ctx, "s1"))
	_, err = s.Session(ctx, "s1")
	want(t, store.ErrNotFound, err)
}

func testKeys(t *testing.T, s store.Store) {
	ctx := t.Context()
	all, err := s.Keys(ctx)
	same(t, nil, all, err)
	old := store.Key{ID: "k1", Seed: []byte{1}, Created: 1}
	fresh := store.Key{ID: "k2", Seed: []byte{2}, Created: 2}
	must(t, s.CreateKey(ctx, old))
	must(t, s.CreateKey(ctx, fresh))
	want(t, store.ErrConflict, s.CreateKey(ctx, fresh))
	all, err = s.Keys(ctx)
	same(t, []store.Key{fresh, old}, all, err)
	must(t, s.DeleteKey(ctx, "k1"))
	must(t, s.DeleteKey(ctx, "k1"))
	all, err = s.Keys(ctx)
	same(t, []store.Key{fresh}, all, err)
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
	// A second time changes the role and nothing else.
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
	// who has left is not brought back
	want(t, store.ErrNotFound, s.SetRole(ctx, "r2", "ub", api.RoleOwner))
	b.Role = api.RoleOwner
	all, err = s.MembersInRole(ctx, "r1", api.RoleOwner, 10)
	same(t, []store.Member{a, b}, all, err)
	all, err = s.MembersInRole(ctx, "r1", api.RoleOwner, 1)
	same(t, []store.Member{a}, all, err)
	all, err = s.MembersInRole(ctx, "r1", api.RoleModerator, 10)
	same(t, nil, all, err)
	must(t, s.DeleteMember(ctx, "r1", "ua"))
	must(t, s.DeleteMember(ctx, "r1", "ua"))
	all, err = s.MembershipsOf(ctx, "ua", 10)
	same(t, []store.Member{c}, all, err)
}

// testMemberAtOnce adds one member several times at the same moment: with the same role, so that it
// needs no more of a server than that it keeps a key unique.
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
	must(t, s.EndBan(ctx, "r1", "ua", 19)) // which it has not
	ended, err = s.EndedBans(ctx, 20, 10)
	same(t, []store.Ban{a}, ended, err)
	must(t, s.EndBan(ctx, "r1", "ub", 20)) // which never does
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
	must(t, s.PutIntent(ctx, i))
	must(t, s.PutIntent(ctx, i))
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

// Away reports whether an error is that of a store that does not work, and says nothing of what it
// has.
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
