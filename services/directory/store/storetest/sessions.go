package storetest

import (
	"testing"

	"hubbub.internal/services/directory/store"
)

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
	want(t, store.ErrNotFound, s.TurnSession(ctx, "s1", []byte{1}, 9, turn)) // lost the race
	want(t, store.ErrNotFound, s.TurnSession(ctx, "none", []byte{1}, 9, turn))
	want(t, store.ErrNotFound, s.TurnSession(ctx, "s2", []byte{1}, 10, turn)) // it has expired
	all, err := s.SessionsOf(ctx, "u1", 10)
	same(t, []store.Session{y, x}, all, err)
	all, err = s.SessionsOf(ctx, "u1", 1)
	same(t, []store.Session{y}, all, err)
	newer := logIn("s0", "u2", []byte{1}, 4, 10)
	must(t, s.CreateSession(ctx, newer))
	all, err = s.SessionsOf(ctx, "u2", 10)
	same(t, []store.Session{newer, other}, all, err)
	must(t, s.DeleteSession(ctx, "s0"))
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
	// An ended session stays ended, also for a request that read it before it ended.
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
