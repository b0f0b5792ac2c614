package directory

import (
	"errors"
	"fmt"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// asked is the direct room that eve has asked ann for.
func (s *scene) asked() string { return chat.DirectRoom(s.eve.User.ID, s.ann.User.ID) }

// missing returns an error unless err says that something is not there.
func missing(what string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// busyDeeds are those that need something to be there: see scene.busy.
var busyDeeds = []deed{
	{"accept an invitation", func(s *scene) string { return s.code(s.eve, "POST", "/v1/invitations/"+s.closed+"/accept", "") }, chat.CodeNotFound, func(s *scene) error {
		_, err := s.store.Invitation(s.t.Context(), s.closed, s.eve.User.ID)
		return errors.Join(missing("the invitation", err), s.is(s.closed, s.eve, directoryapi.RoleMember), s.told(s.closed, s.eve))
	}},
	{"decline an invitation", func(s *scene) string { return s.code(s.eve, "DELETE", "/v1/invitations/"+s.closed, "") }, chat.CodeNotFound, func(s *scene) error {
		i, err := s.store.Invitation(s.t.Context(), s.closed, s.eve.User.ID)
		if err == nil && !i.Declined {
			err = errors.New("it is not declined")
		}
		return errors.Join(err, s.is(s.closed, s.eve, ""))
	}},
	{"withdraw an invitation", func(s *scene) string {
		return s.code(s.ann, "DELETE", "/v1/rooms/"+s.closed+"/invitations/"+s.eve.User.ID, "")
	}, chat.CodeNotFound, func(s *scene) error {
		_, err := s.store.Invitation(s.t.Context(), s.closed, s.eve.User.ID)
		return missing("the invitation", err)
	}},
	{"block", func(s *scene) string { return s.code(s.ann, "PUT", "/v1/blocks/"+s.eve.User.ID, `{}`) }, "", func(s *scene) error {
		b, err := s.store.Block(s.t.Context(), s.ann.User.ID, s.eve.User.ID)
		if err == nil && (b.Ignore || b.Name != s.eve.User.Name) {
			err = fmt.Errorf("the block is %+v", b)
		}
		return err
	}},
	{"unblock", func(s *scene) string { return s.code(s.ann, "DELETE", "/v1/blocks/"+s.mod.User.ID, "") }, "", func(s *scene) error {
		_, err := s.store.Block(s.t.Context(), s.ann.User.ID, s.mod.User.ID)
		return missing("the block", err)
	}},
	{"accept a request", func(s *scene) string { return s.code(s.ann, "POST", "/v1/requests/"+s.asked()+"/accept", "") }, chat.CodeNotFound, func(s *scene) error {
		_, err := s.store.Request(s.t.Context(), s.asked())
		a, _, errAccess := s.rights.accessNow(s.t.Context(), s.asked(), s.eve.User.ID)
		if errAccess == nil && !a.Send {
			errAccess = fmt.Errorf("who asked may %+v", a)
		}
		return errors.Join(missing("the request", err), errAccess)
	}},
	{"refuse a request", func(s *scene) string { return s.code(s.ann, "DELETE", "/v1/requests/"+s.asked(), "") }, chat.CodeNotFound, func(s *scene) error {
		r, err := s.store.Request(s.t.Context(), s.asked())
		if err == nil && !r.Refused {
			err = errors.New("it is not refused")
		}
		a, _, errAccess := s.rights.accessNow(s.t.Context(), s.asked(), s.eve.User.ID)
		if errAccess == nil && a.Send {
			errAccess = errors.New("who was refused may send")
		}
		return errors.Join(err, errAccess)
	}},
	{"hide a direct room", func(s *scene) string {
		return s.code(s.bob, "POST", "/v1/rooms/"+chat.DirectRoom(s.ann.User.ID, s.bob.User.ID)+"/hide", "")
	}, "", func(s *scene) error {
		m, err := s.store.Member(s.t.Context(), chat.DirectRoom(s.ann.User.ID, s.bob.User.ID), s.bob.User.ID)
		if err == nil && !m.Hidden {
			err = errors.New("it is not hidden")
		}
		return err
	}},
	{"end the other log-ins", func(s *scene) string { return s.code(s.bob, "DELETE", "/v1/sessions", "") }, "", nil},
	{"choose", func(s *scene) string { return s.code(s.bob, "PATCH", "/v1/settings", `{"invited_by":"nobody"}`) }, "", func(s *scene) error {
		a, err := s.store.Account(s.t.Context(), s.bob.User.ID)
		if err == nil && a.User == "" {
			err = errors.New("nothing was kept")
		}
		return err
	}},
	{"take a report", func(s *scene) string { return s.code(s.mod, "POST", "/v1/reports/"+s.report+"/take", "") }, "", func(s *scene) error {
		return s.reported(store.ReportTaken)
	}},
	{"resolve a report", func(s *scene) string {
		return s.code(s.mod, "POST", "/v1/reports/"+s.report+"/resolve", `{"outcome":"dismiss"}`)
	}, chat.CodeConflict, func(s *scene) error {
		return s.reported(store.ReportResolved)
	}},
	{"ban a network", func(s *scene) string {
		return s.code(s.op, "POST", "/v1/network-bans", fmt.Sprintf(`{"network":"100.64.%d.0/24"}`, s.n))
	}, "", func(s *scene) error { return s.bansNetwork(fmt.Sprintf("100.64.%d.0/24", s.n), true) }},
	{"end the ban of a network", func(s *scene) string {
		return s.code(s.op, "DELETE", fmt.Sprintf("/v1/network-bans?network=203.7.%d.0/24", s.n), "")
	}, "", func(s *scene) error { return s.bansNetwork(fmt.Sprintf("203.7.%d.0/24", s.n), false) }},
	{"sign somebody out", func(s *scene) string { return s.code(s.op, "POST", "/v1/server/users/"+s.bob.User.ID+"/sign-out", "") }, "", func(s *scene) error {
		if code := s.post("/v1/refresh", refreshBody(s.bob)); code != chat.CodeUnauthorized {
			return fmt.Errorf("refresh: %s", code)
		}
		return nil
	}},
	{"disable an account", func(s *scene) string {
		return s.code(s.op, "PUT", "/v1/server/users/"+s.bob.User.ID+"/disabled", `{"disabled":true}`)
	}, "", func(s *scene) error {
		if code := s.post("/v1/login", s.account("Bob")); code != chat.CodeForbidden {
			return fmt.Errorf("log-in: %s", code)
		}
		if code := s.code(s.bob, "GET", "/v1/me", ""); code == "" {
			return errors.New("the token is good")
		}
		return nil
	}},
	{"restore a room", func(s *scene) string {
		if code := s.code(s.ann, "POST", "/v1/rooms/"+s.room+"/archive", ""); code != "" {
			return code
		}
		return s.code(s.ann, "POST", "/v1/rooms/"+s.room+"/restore", "")
	}, "", func(s *scene) error {
		r, err := s.store.Room(s.t.Context(), s.room)
		if e := s.last(s.room); err == nil && (r.Archived != 0 || e.Act != chat.ActRestore) {
			err = fmt.Errorf("it is %+v, and was told %+v", r, e)
		}
		return err
	}},
	{"delete the own account", func(s *scene) string {
		return s.code(s.bob, "POST", "/v1/me/delete", `{"password":"correct horse"}`)
	}, chat.CodeUnauthorized, func(s *scene) error {
		if code := s.post("/v1/login", s.account("Bob")); code != chat.CodeUnauthorized {
			return fmt.Errorf("log-in: %s", code)
		}
		return errors.Join(s.is(s.room, s.bob, ""), s.is(s.closed, s.bob, ""))
	}},
}

func (s *scene) reported(state string) error {
	r, err := s.store.Report(s.t.Context(), s.report)
	if err == nil && (r.State != state || r.Taker != s.mod.User.ID) {
		err = fmt.Errorf("the report is %+v", r)
	}
	return err
}

func (s *scene) bansNetwork(network string, want bool) error {
	all, err := s.store.NetworkBans(s.t.Context(), 1000)
	there := false
	for _, b := range all {
		there = there || b.Network == network
	}
	if err == nil && there != want {
		err = fmt.Errorf("%s is banned: %v", network, there)
	}
	return err
}
