package directory

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// busy adds to a scene one of each thing that is listed somewhere.
func (s *scene) busy() *scene {
	s.t.Helper()
	ctx, direct := s.t.Context(), chat.DirectRoom(s.ann.User.ID, s.bob.User.ID)
	asked := chat.DirectRoom(s.eve.User.ID, s.ann.User.ID)
	member := func(room string, c credentials) error {
		return s.store.PutMember(ctx, store.Member{Room: room, User: c.User.ID, Name: c.User.Name, Role: directoryapi.RoleMember, Since: 1})
	}
	s.report = chat.NewID()
	for _, err := range []error{
		s.store.CreateInvitation(ctx, store.Invitation{
			Room: s.closed, User: s.eve.User.ID, Name: "Eve", Role: directoryapi.RoleMember, Actor: s.ann.User.ID, ActorName: "Ann", Created: 1, Expires: chat.Forever,
		}),
		s.store.CreateRoom(ctx, store.Room{ID: direct, Direct: true, Created: 1}), member(direct, s.ann), member(direct, s.bob),
		s.store.CreateRoom(ctx, store.Room{ID: asked, Direct: true, Created: 1}), member(asked, s.eve),
		s.store.CreateRequest(ctx, store.Request{
			Room: asked, From: s.eve.User.ID, FromName: "Eve", To: s.ann.User.ID, ToName: "Ann", Sent: []string{"m1"}, Created: 1, Expires: chat.Forever,
		}),
		s.store.PutBlock(ctx, store.Block{User: s.ann.User.ID, Other: s.mod.User.ID, Name: "Cyd", Created: 1}),
		s.store.PutBan(ctx, store.Ban{Room: s.room, User: s.eve.User.ID, Name: "Eve", Actor: s.mod.User.ID, Until: 1}),
		s.store.PutMute(ctx, store.Mute{Room: "", User: s.eve.User.ID, Name: "Eve", Until: chat.Forever}),
		s.store.PutReport(ctx, store.Report{
			ID: s.report, Room: s.room, Author: s.bob.User.ID, AuthorName: "Bob", Message: "m1", Text: "said", Reporter: s.eve.User.ID,
			ReporterName: "Eve", Reason: "spam", State: store.ReportOpen, Created: 1,
		}),
		s.store.PutNetworkBan(ctx, store.NetworkBan{Network: fmt.Sprintf("203.7.%d.0/24", s.n), Actor: s.op.User.ID, User: s.gus.User.ID, Created: 1}),
	} {
		if err != nil && !errors.Is(err, store.ErrConflict) {
			s.t.Fatal(err)
		}
	}
	return s
}

// reads are what somebody can look at.
var reads = []struct {
	path string
	by   func(s *scene) credentials
}{
	{"/v1/me", func(s *scene) credentials { return s.bob }},
	{"/v1/users?q=an", func(s *scene) credentials { return s.bob }},
	{"/v1/rooms", func(s *scene) credentials { return s.ann }},
	{"/v1/rooms", func(s *scene) credentials { return s.gus }},
	{"/v1/rooms/ROOM", func(s *scene) credentials { return s.bob }},
	{"/v1/rooms/DIRECT", func(s *scene) credentials { return s.bob }},
	{"/v1/rooms/ASKED", func(s *scene) credentials { return s.eve }},
	{"/v1/rooms/ROOM/members", func(s *scene) credentials { return s.bob }},
	{"/v1/rooms/lobby/members", func(s *scene) credentials { return s.bob }},
	{"/v1/rooms/ROOM/bans", func(s *scene) credentials { return s.ann }},
	{"/v1/rooms/ROOM/mutes", func(s *scene) credentials { return s.ann }},
	{"/v1/rooms/ROOM/reports", func(s *scene) credentials { return s.mod }},
	{"/v1/rooms/CLOSED/invitations", func(s *scene) credentials { return s.ann }},
	{"/v1/invitations", func(s *scene) credentials { return s.eve }},
	{"/v1/requests", func(s *scene) credentials { return s.ann }},
	{"/v1/direct", func(s *scene) credentials { return s.ann }},
	{"/v1/direct", func(s *scene) credentials { return s.eve }},
	{"/v1/blocks", func(s *scene) credentials { return s.ann }},
	{"/v1/public-rooms", func(s *scene) credentials { return s.bob }},
	{"/v1/public-rooms", func(s *scene) credentials { return s.gus }},
	{"/v1/sessions", func(s *scene) credentials { return s.bob }},
	{"/v1/settings", func(s *scene) credentials { return s.bob }},
	{"/v1/preferences", func(s *scene) credentials { return s.bob }},
	{"/v1/bans", func(s *scene) credentials { return s.op }},
	{"/v1/mutes", func(s *scene) credentials { return s.op }},
	{"/v1/reports", func(s *scene) credentials { return s.op }},
	{"/v1/network-bans", func(s *scene) credentials { return s.op }},
	{"/v1/audit", func(s *scene) credentials { return s.op }},
	{"/v1/server", func(s *scene) credentials { return credentials{} }},
	{"/v1/server/me", func(s *scene) credentials { return s.op }},
	{"/v1/server/rooms", func(s *scene) credentials { return s.op }},
	{"/v1/server/invitations", func(s *scene) credentials { return s.op }},
	{"/v1/server/users", func(s *scene) credentials { return s.op }},
	{"/v1/server/users/BOB", func(s *scene) credentials { return s.op }},
	{"/v1/server/users/OP", func(s *scene) credentials { return s.op }},
}

// TestNoAnswerIsHalf has each call of the store that a look at something takes fail, one at a time:
// nobody is answered with a part of what there is, or with nothing, as if that were all.
func TestNoAnswerIsHalf(t *testing.T) {
	cfg := config()
	cfg.AccountRate, cfg.AccountDay = 1_000_000, 1_000_000
	w := idle(t, cfg)
	w.historian()
	hash, err := w.passwords.hasher.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	s := newScene(w, w.operator("Op"), hash, 1).busy()
	look := func(n int, look func() string) (asked int, failed, code string) {
		w.memory.Fail(func(call string, done bool) error {
			if done {
				return nil
			}
			if asked++; asked != n {
				return nil
			}
			failed = call
			return io.ErrUnexpectedEOF
		})
		defer w.memory.Fail(nil)
		code = look()
		return asked, failed, code
	}
	each := func(what string, do func() string) {
		t.Helper()
		most, _, code := look(0, do)
		if code != "" {
			t.Errorf("%s: %s", what, code)
		}
		for n := 1; n <= most; n++ {
			if _, failed, code := look(n, do); code != chat.CodeUnavailable && failed != "" {
				t.Errorf("%s is answered %q when %s (call %d of %d) fails", what, code, failed, n, most)
			}
		}
	}
	for _, r := range reads {
		path := s.path(r.path)
		each(r.path, func() string { return s.code(r.by(s), "GET", path, "") })
	}

	ctx, direct := t.Context(), chat.DirectRoom(s.ann.User.ID, s.bob.User.ID)
	for _, room := range []string{s.room, s.closed, direct, "lobby", chat.DirectRoom(s.eve.User.ID, s.ann.User.ID)} {
		for _, c := range []credentials{s.ann, s.bob, s.gus, s.eve, s.op} {
			each("access", func() string {
				_, err := w.rights.answerAccess(ctx, directoryapi.AccessRequest{User: c.User.ID, Room: room})
				return codeOf(err)
			})
		}
	}
	each("departed", func() string {
		_, err := w.records.answerDeparted(ctx, directoryapi.DepartedRequest{})
		return codeOf(err)
	})
	each("sessions", func() string {
		_, err := w.Service.sessions.answerSessions(ctx, directoryapi.SessionsRequest{Sessions: []directoryapi.Session{{ID: w.claims(s.bob).Session, User: s.bob.User.ID}}})
		return codeOf(err)
	})
	each("ask", func() string {
		_, err := w.directs.answerAsk(ctx, directoryapi.AskRequest{User: s.bob.User.ID, Room: direct, ID: "m1"})
		return codeOf(err)
	})
}

// path puts the ids of a scene into a path.
func (s *scene) path(of string) string {
	return strings.NewReplacer(
		"ROOM", s.room, "CLOSED", s.closed, "DIRECT", chat.DirectRoom(s.ann.User.ID, s.bob.User.ID),
		"ASKED", chat.DirectRoom(s.eve.User.ID, s.ann.User.ID), "BOB", s.bob.User.ID, "OP", s.op.User.ID,
	).Replace(of)
}

// codeOf returns the code of an error of a handler; "" of none.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return chat.CodeOf(err)
}
