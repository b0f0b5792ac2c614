package storetest

import (
	"fmt"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

func testEvents(t *testing.T, s store.Store) {
	ctx := t.Context()
	of := func(room string, seq uint64, kind string) store.Entry {
		e := message(room, seq, "mod", fmt.Sprint("v", seq))
		e.Type = kind
		return e
	}
	all := []store.Entry{of("r1", 10, chat.TypeMember), of("r1", 20, chat.TypeTopic), pin("r1", 30, "bob", "m1", true), of("r1", 40, chat.TypeMember)}
	add(t, s, all[0], message("r1", 15, "ann", "m1"), all[1], of("r1", 25, chat.TypeModerated), all[2], message("r1", 35, "ann", "m2"), all[3])
	add(t, s, of("r10", 25, chat.TypeTopic))
	for _, tt := range []struct {
		after, before uint64
		limit         int
		want          []store.Entry
	}{
		{0, 100, 10, all}, {10, 100, 10, all[1:]}, {10, 40, 10, all[1:3]}, {0, 100, 2, all[2:]}, {40, 100, 10, nil},
	} {
		got, err := s.Events(ctx, "r1", tt.after, tt.before, tt.limit)
		same(t, tt.want, got, err)
	}
}

func testActs(t *testing.T, s store.Store) {
	ctx := t.Context()
	act := func(room string, seq uint64) store.Entry {
		e := message(room, seq, "mod", fmt.Sprint("a", seq))
		e.Type = chat.TypeModerated
		return e
	}
	all := []store.Entry{act("r1", 10), act("r1", 20), act("r1", 30), act("r1", 40)}
	add(t, s, all[0], message("r1", 15, "ann", "m1"), all[1], all[2], message("r1", 35, "ann", "m2"), all[3])
	add(t, s, act("r10", 25))
	for _, tt := range []struct {
		after, before uint64
		limit         int
		want          []store.Entry
	}{
		{0, 100, 10, all}, {10, 100, 10, all[1:]}, {10, 40, 10, all[1:3]}, {0, 100, 2, all[2:]}, {0, 40, 1, all[2:3]}, {40, 100, 10, nil}, {0, 10, 10, nil},
	} {
		got, err := s.Acts(ctx, "r1", tt.after, tt.before, tt.limit)
		same(t, tt.want, got, err)
	}
}
