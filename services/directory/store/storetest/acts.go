package storetest

import (
	"fmt"
	"testing"

	"hubbub.internal/services/directory/store"
)

func testActs(t *testing.T, s store.Store) {
	ctx := t.Context()
	act := func(ms int64, n int, action, actor, subject, room string) store.Act {
		return store.Act{
			ID: fmt.Sprintf("%s7000-8000-%012d", store.ActIDAt(ms), n), At: ms, Action: action, Actor: actor, ActorName: "Name of " + actor,
			Subject: subject, SubjectName: "Name of " + subject, Room: room, Address: "192.0.2.1", Detail: "why", Outcome: store.OutcomeUnknown,
		}
	}
	ban := act(1_700_000_000_000, 1, "room.ban", "u1", "u2", "r1")
	unban := act(1_700_000_000_001, 1, "room.unban", "u1", "u2", "r1")
	add := act(1_700_000_000_001, 2, "member.add", "u3", "u2", "r2")
	// 2^16 ms later: another digit before the dash
	closed := act(1_700_000_065_536, 1, "registration.set", "", "", "")
	for _, a := range []store.Act{add, ban, closed, unban} {
		must(t, s.PutAct(ctx, a))
	}
	want(t, store.ErrConflict, s.PutAct(ctx, ban))
	for _, tt := range []struct {
		filter store.ActFilter
		limit  int
		want   []store.Act
	}{
		{store.ActFilter{}, 10, []store.Act{closed, add, unban, ban}},
		{store.ActFilter{}, 2, []store.Act{closed, add}},
		{store.ActFilter{Before: add.ID}, 10, []store.Act{unban, ban}},
		{store.ActFilter{Actor: "u1"}, 10, []store.Act{unban, ban}},
		{store.ActFilter{Actor: "u1"}, 1, []store.Act{unban}},
		{store.ActFilter{Actor: "u1", Before: unban.ID}, 10, []store.Act{ban}},
		{store.ActFilter{Subject: "u2"}, 10, []store.Act{add, unban, ban}},
		{store.ActFilter{Room: "r2"}, 10, []store.Act{add}},
		{store.ActFilter{Action: "room.ban"}, 10, []store.Act{ban}},
		{store.ActFilter{Action: "room"}, 10, nil},
		{store.ActFilter{Since: ban.At + 1}, 10, []store.Act{closed, add, unban}},
		{store.ActFilter{Until: ban.At + 1}, 10, []store.Act{ban}},
		{store.ActFilter{Since: unban.At, Until: closed.At, Before: add.ID}, 10, []store.Act{unban}},
		{store.ActFilter{Until: unban.At, Before: closed.ID}, 10, []store.Act{ban}},
		{store.ActFilter{Actor: "u1", Subject: "u2", Room: "r1", Action: "room.unban"}, 10, []store.Act{unban}},
		{store.ActFilter{Actor: "u3", Room: "r1"}, 10, nil},
	} {
		got, err := s.Acts(ctx, tt.filter, tt.limit)
		same(t, tt.want, got, err)
	}
	must(t, s.EndAct(ctx, ban.ID, store.OutcomeDone))
	must(t, s.EndAct(ctx, ban.ID, store.OutcomeFailed)) // the first stays
	must(t, s.EndAct(ctx, "none", store.OutcomeDone))
	ban.Outcome = store.OutcomeDone
	got, err := s.Acts(ctx, store.ActFilter{Room: "r1"}, 10)
	same(t, []store.Act{unban, ban}, got, err)

	n, err := s.DeleteActsBefore(ctx, store.ActIDAt(unban.At))
	same(t, 1, n, err)
	n, err = s.DeleteActsBefore(ctx, store.ActIDAt(unban.At))
	same(t, 0, n, err)
	got, err = s.Acts(ctx, store.ActFilter{}, 10)
	same(t, []store.Act{closed, add, unban}, got, err)
	n, err = s.DeleteActsBefore(ctx, closed.ID)
	same(t, 2, n, err)
	got, err = s.Acts(ctx, store.ActFilter{}, 10)
	same(t, []store.Act{closed}, got, err)
}
