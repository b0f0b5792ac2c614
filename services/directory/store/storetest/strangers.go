package storetest

import (
	"fmt"
	"sync"
	"testing"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

const later = 1 << 52

func testDirects(t *testing.T, s store.Store) {
	ctx := t.Context()
	group := store.Member{Room: "01", User: "ua", Role: api.RoleMember, Since: 1}
	other := store.Member{Room: "ff", User: "ua", Role: api.RoleMember, Since: 4}
	old := store.Member{Room: "d-A", User: "ua", Role: api.RoleMember, Since: 2}
	fresh := store.Member{Room: "d-B", User: "ua", Role: api.RoleMember, Since: 3}
	for _, m := range []store.Member{other, old, fresh, group} {
		must(t, s.PutMember(ctx, m))
	}
	all, err := s.GroupsOf(ctx, "ua", 10)
	same(t, []store.Member{group, other}, all, err)
	all, err = s.GroupsOf(ctx, "ua", 1)
	same(t, []store.Member{group}, all, err)
	all, err = s.DirectsOf(ctx, "ua", later, 10)
	same(t, []store.Member{fresh, old}, all, err)
	all, err = s.DirectsOf(ctx, "ua", later, 1)
	same(t, []store.Member{fresh}, all, err)
	all, err = s.DirectsOf(ctx, "ua", 3, 10)
	same(t, []store.Member{old}, all, err)
	must(t, s.SetHidden(ctx, "d-B", "ua", true))
	want(t, store.ErrNotFound, s.SetHidden(ctx, "d-B", "ub", true))
	all, err = s.DirectsOf(ctx, "ua", later, 10)
	same(t, []store.Member{old}, all, err)
	must(t, s.PutMember(ctx, fresh)) // changes the role only
	fresh.Hidden = true
	got, err := s.Member(ctx, "d-B", "ua")
	same(t, fresh, got, err)
	must(t, s.SetHidden(ctx, "d-B", "ua", false))
	all, err = s.DirectsOf(ctx, "ua", later, 10)
	same(t, 2, len(all), err)

	mine := store.Room{ID: "r1", Name: "Mine", Creator: "ua", Created: 5}
	newer := store.Room{ID: "d-C", Private: true, Direct: true, Creator: "ua", Created: 6}
	for _, r := range []store.Room{mine, newer, {ID: "r3", Creator: "ub", Created: 7}, {ID: "r4", Created: 8}} {
		must(t, s.CreateRoom(ctx, r))
	}
	rooms, err := s.RoomsBy(ctx, "ua", 5, 10)
	same(t, []store.Room{newer, mine}, rooms, err)
	rooms, err = s.RoomsBy(ctx, "ua", 6, 10)
	same(t, []store.Room{newer}, rooms, err)
	rooms, err = s.RoomsBy(ctx, "ua", 0, 1)
	same(t, []store.Room{newer}, rooms, err)
	rooms, err = s.RoomsBy(ctx, "", 0, 10)
	same(t, nil, rooms, err)
}

func testRequests(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Request{Room: "d-A", From: "ua", FromName: "Ann", To: "ub", ToName: "Bob", Created: 1, Expires: 100}
	c := store.Request{Room: "d-C", From: "uc", FromName: "Cyd", To: "ub", ToName: "Bob", Created: 2, Expires: 50}
	never := store.Request{Room: "d-N", From: "ub", To: "un", Created: 3}
	for _, r := range []store.Request{c, never, a} {
		must(t, s.CreateRequest(ctx, r))
	}
	want(t, store.ErrConflict, s.CreateRequest(ctx, a))
	got, err := s.Request(ctx, "d-A")
	same(t, a, got, err)
	_, err = s.Request(ctx, "d-X")
	want(t, store.ErrNotFound, err)
	shown, err := s.RequestsTo(ctx, "ub", later, 10)
	same(t, nil, shown, err) // From has not written yet
	got, err = s.SendRequest(ctx, "d-A", "ua", "m1", 2, 10)
	a.Sent, a.Created = []string{"m1"}, 10
	same(t, a, got, err)
	_, err = s.SendRequest(ctx, "d-A", "ub", "m0", 2, 10) // To, although there is room
	want(t, store.ErrNotFound, err)
	got, err = s.SendRequest(ctx, "d-A", "ua", "m2", 2, 11)
	a.Sent = []string{"m1", "m2"}
	same(t, a, got, err)
	got, err = s.SendRequest(ctx, "d-A", "ua", "m1", 2, 12) // the same message again
	same(t, a, got, err)
	// one message too many, a message from To, a message in no request
	for _, args := range [][3]string{{"d-A", "ua", "m3"}, {"d-A", "ub", "m4"}, {"d-X", "ua", "m5"}} {
		_, err = s.SendRequest(ctx, args[0], args[1], args[2], 2, 13)
		want(t, store.ErrNotFound, err)
	}
	got, err = s.SendRequest(ctx, "d-C", "uc", "m1", 2, 20)
	c.Sent, c.Created = []string{"m1"}, 20
	same(t, c, got, err)
	shown, err = s.RequestsTo(ctx, "ub", later, 10)
	same(t, []store.Request{c, a}, shown, err)
	shown, err = s.RequestsTo(ctx, "ub", later, 1)
	same(t, []store.Request{c}, shown, err)
	shown, err = s.RequestsTo(ctx, "ub", 20, 10)
	same(t, []store.Request{a}, shown, err)
	all, err := s.RequestsOf(ctx, "ub", 10)
	same(t, []store.Request{a, c, never}, all, err)
	all, err = s.RequestsOf(ctx, "ub", 2)
	same(t, []store.Request{a, c}, all, err)
	want(t, store.ErrNotFound, s.RefuseRequest(ctx, "d-C", "uc", 70))
	want(t, store.ErrNotFound, s.RefuseRequest(ctx, "d-X", "uc", 70))
	must(t, s.RefuseRequest(ctx, "d-C", "ub", 70))
	c.Refused, c.Expires = true, 70
	got, err = s.Request(ctx, "d-C")
	same(t, c, got, err)
	_, err = s.SendRequest(ctx, "d-C", "uc", "m2", 2, 21)
	want(t, store.ErrNotFound, err)
	shown, err = s.RequestsTo(ctx, "ub", later, 10)
	same(t, []store.Request{a}, shown, err)
	old, err := s.RequestsBefore(ctx, 100, 10)
	same(t, []store.Request{c, a}, old, err)
	old, err = s.RequestsBefore(ctx, 99, 10)
	same(t, []store.Request{c}, old, err)
	must(t, s.DeleteRequest(ctx, "d-C"))
	must(t, s.DeleteRequest(ctx, "d-C"))
	_, err = s.Request(ctx, "d-C")
	want(t, store.ErrNotFound, err)
}

// AtOnce checks that concurrent updates of one record lose nothing, which FerretDB 1 does not
// promise: it sends more messages at the same moment than a request may have.
func AtOnce(t *testing.T, s store.Store) {
	t.Helper()
	must(t, s.CreateRequest(t.Context(), store.Request{Room: "d-A", From: "ua", To: "ub"}))
	errs := make([]error, 6)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { _, errs[i] = s.SendRequest(t.Context(), "d-A", "ua", fmt.Sprint("m", i), 3, 1) })
	}
	wait.Wait()
	good := 0
	for _, err := range errs {
		if err == nil {
			good++
		} else {
			want(t, store.ErrNotFound, err)
		}
	}
	r, err := s.Request(t.Context(), "d-A")
	if len(r.Sent) > 3 || len(r.Sent) != good || err != nil {
		t.Errorf("%d messages were let through, the request has %v: %v", good, r.Sent, err)
	}
}

func testInvitations(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Invitation{Room: "r1", User: "ua", Name: "Ann", Role: api.RoleMember, Actor: "uz", ActorName: "Zed", From: 7, Created: 1, Expires: 30}
	b := store.Invitation{Room: "r2", User: "ua", Name: "Ann", Role: api.RoleOwner, Actor: "uy", ActorName: "Yan", Created: 2, Expires: 20}
	c := store.Invitation{Room: "r1", User: "uc", Name: "Cyd", Role: api.RoleMember, Actor: "uz", ActorName: "Zed", Created: 3, Expires: 40}
	for _, i := range []store.Invitation{c, a, b} {
		must(t, s.CreateInvitation(ctx, i))
	}
	want(t, store.ErrConflict, s.CreateInvitation(ctx, a))
	got, err := s.Invitation(ctx, "r2", "ua")
	same(t, b, got, err)
	_, err = s.Invitation(ctx, "r2", "uc")
	want(t, store.ErrNotFound, err)
	all, err := s.InvitationsTo(ctx, "ua", 10)
	same(t, []store.Invitation{b, a}, all, err)
	all, err = s.InvitationsTo(ctx, "ua", 1)
	same(t, []store.Invitation{b}, all, err)
	must(t, s.DeclineInvitation(ctx, "r2", "ua"))
	want(t, store.ErrNotFound, s.DeclineInvitation(ctx, "r3", "ua"))
	b.Declined = true
	all, err = s.InvitationsTo(ctx, "ua", 10)
	same(t, []store.Invitation{a}, all, err)
	all, err = s.InvitationsBy(ctx, "uz", 10)
	same(t, []store.Invitation{c, a}, all, err)
	all, err = s.InvitationsBy(ctx, "uy", 10)
	same(t, []store.Invitation{b}, all, err)
	all, err = s.InvitationsIn(ctx, "r1", "", 10)
	same(t, []store.Invitation{a, c}, all, err)
	all, err = s.InvitationsIn(ctx, "r1", "ua", 10)
	same(t, []store.Invitation{c}, all, err)
	all, err = s.InvitationsBefore(ctx, 30, 10)
	same(t, []store.Invitation{b, a}, all, err)
	all, err = s.InvitationsBefore(ctx, 30, 1)
	same(t, []store.Invitation{b}, all, err)
	must(t, s.DeleteInvitation(ctx, "r1", "ua"))
	must(t, s.DeleteInvitation(ctx, "r1", "ua"))
	all, err = s.InvitationsTo(ctx, "ua", 10)
	same(t, nil, all, err)
}
