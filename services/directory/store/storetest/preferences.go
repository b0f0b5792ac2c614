package storetest

import (
	"testing"

	"hubbub.internal/services/directory/store"
)

func testPreferences(t *testing.T, s store.Store) {
	ctx := t.Context()
	is := func(want store.Preferences) {
		t.Helper()
		got, err := s.Preferences(ctx, want.User)
		same(t, want, got, err)
	}
	is(store.Preferences{User: "ua"})
	want(t, store.ErrConflict, s.PutPreferences(ctx, store.Preferences{User: "ua", Values: `{}`, Version: 1}))
	is(store.Preferences{User: "ua"})
	must(t, s.PutPreferences(ctx, store.Preferences{User: "ua", Values: `{"a":1}`}))
	is(store.Preferences{User: "ua", Values: `{"a":1}`, Version: 1})
	want(t, store.ErrConflict, s.PutPreferences(ctx, store.Preferences{User: "ua", Values: `{"b":1}`}))
	must(t, s.PutPreferences(ctx, store.Preferences{User: "ua", Values: `{"a":2}`, Version: 1}))
	want(t, store.ErrConflict, s.PutPreferences(ctx, store.Preferences{User: "ua", Values: `{"b":2}`, Version: 1}))
	is(store.Preferences{User: "ua", Values: `{"a":2}`, Version: 2})
	is(store.Preferences{User: "ub"})
	must(t, s.PutPreferences(ctx, store.Preferences{User: "ub", Values: `{}`}))
	must(t, s.DeletePreferences(ctx, "ua"))
	must(t, s.DeletePreferences(ctx, "ua"))
	is(store.Preferences{User: "ua"})
	is(store.Preferences{User: "ub", Values: `{}`, Version: 1})
}
