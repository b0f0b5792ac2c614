package storetest

import (
	"fmt"
	"sync"
	"testing"

	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

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
	for id, key := range map[string]string{"v1": "anzu", "v2": "anñi", "v3": "ao"} {
		must(t, s.CreateUser(ctx, store.User{ID: id, NameKey: key}))
	}
	found, err = s.Users(ctx, "an", 10)
	same(t, []store.User{ann, anna, {ID: "v1", NameKey: "anzu"}, {ID: "v2", NameKey: "anñi"}}, found, err)
	for _, id := range []string{"v1", "v2", "v3"} {
		must(t, s.DeleteUser(ctx, id))
	}
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
	closed := store.User{ID: "u7", Name: "Zoe", NameKey: "zoe", Hash: "hash", Disabled: true}
	must(t, s.CreateUser(ctx, closed))
	got, err = s.User(ctx, "u7")
	same(t, closed, got, err)
	must(t, s.DeleteUser(ctx, "u7"))
	must(t, s.SetDisabled(ctx, "u3", true))
	bob.Disabled = true
	found, err = s.FindUsers(ctx, store.UserQuery{Limit: 10, Kind: store.UsersDisabled})
	same(t, []store.User{bob}, found, err)
	must(t, s.DeleteUser(ctx, "u1"))
	must(t, s.DeleteUser(ctx, "u1"))
	_, err = s.User(ctx, "u1")
	want(t, store.ErrNotFound, err)
	// the name is free after the account is gone
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
	name, looks, public := "VaIIey", names.LooksOf("VaIIey"), false
	must(t, s.PatchRoom(ctx, "r1", store.RoomPatch{Name: &name, Looks: &looks}))
	must(t, s.PatchRoom(ctx, "r2", store.RoomPatch{Private: &public}))
	hidden.Private = false
	rooms, err = s.PublicRoomsAlike(ctx, names.LooksOf("Hill"), 10)
	same(t, []store.Room{hidden}, rooms, err)
	hill.Name, hill.Looks = name, looks
	rooms, err = s.PublicRoomsAlike(ctx, names.LooksOf("valley"), 10)
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
