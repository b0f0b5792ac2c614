package storetest

import (
	"testing"

	"hubbub.internal/services/directory/store"
)

func testReaders(t *testing.T, s store.Store) {
	ctx := t.Context()
	is := func(room, user string, want bool) {
		t.Helper()
		got, err := s.Reader(ctx, room, user)
		same(t, want, got, err)
	}
	is("r1", "ua", false)
	for _, room := range []string{"r1", "r1", "r2"} {
		must(t, s.PutReader(ctx, room, "ua"))
	}
	must(t, s.PutReader(ctx, "r1", "ub"))
	must(t, s.PutReader(ctx, "r3", "ub"))
	is("r1", "ua", true)
	is("r2", "ub", false)
	must(t, s.DeleteReader(ctx, "r2", "ua"))
	must(t, s.DeleteReader(ctx, "r2", "ua"))
	is("r2", "ua", false)
	is("r1", "ua", true)
	must(t, s.DeleteReadersIn(ctx, "r1"))
	is("r1", "ua", false)
	is("r1", "ub", false)
	is("r3", "ub", true)
	must(t, s.DeleteReadersOf(ctx, "ub"))
	is("r3", "ub", false)
}
