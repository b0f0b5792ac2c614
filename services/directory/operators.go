package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// maxServerRoles limits operators and auditors together.
const maxServerRoles = 200

var errLastOperator = chat.E(chat.CodeConflict, "this is the last operator: make somebody else one first")

// operators gives and removes server roles, and makes operators owners of the default rooms.
type operators struct {
	*core
	records      *records
	serverRecord *serverRecord
	rights       *rights
	auditLog     *auditLog
	membership   *membership

	// ownersWarned makes the warning that Config.Owners appoints nobody appear once.
	ownersWarned sync.Once
}

// setServerRole makes a user an operator or an auditor; the empty role takes the user's role away.
func (s *operators) setServerRole(ctx context.Context, by, user string, role directoryapi.Role) error {
	if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionAppoint, by); err != nil {
		return err
	}
	if role != "" && role != directoryapi.RoleOperator && role != directoryapi.RoleAuditor {
		return chat.E(chat.CodeBadRequest, "a role on the server is operator or auditor, or empty for none")
	}
	u, err := s.records.user(ctx, user)
	if err != nil {
		return err
	}
	if role != "" {
		out, err := s.rights.banned(ctx, wholeServer, user)
		switch {
		case err != nil:
			return err
		case u.Guest() && !s.rights.guestsMay(directoryapi.ActionServe):
			return chat.E(chat.CodeConflict, "a guest has no role on the server: only registered users have")
		case u.Disabled:
			return chat.E(chat.CodeConflict, "the account is disabled: enable it first")
		case out:
			return chat.E(chat.CodeConflict, "the user is banned from this server: end the ban first")
		}
	}
	act := store.Act{Action: actServerRole, Subject: u.ID, SubjectName: u.Name, Detail: string(role)}
	if was, err := s.serverRecord.serverRole(ctx, user); err != nil || was == role {
		return err
	}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		err := s.serverRecord.changeServer(ctx, func(r *store.Server) error { return giveRole(r, user, role) })
		if errors.Is(err, errLastOperator) {
			s.log.Warn("refused to take the role from the last operator", zap.String("user", user), zap.String("by", cmp.Or(by, consoleOf(ctx))))
		}
		if err != nil {
			return err
		}
		s.log.Info("gave a role on the server", zap.String("user", user), zap.String("role", string(role)), zap.String("by", cmp.Or(by, consoleOf(ctx))))
		return s.ownDefaultRooms(ctx, u, role == directoryapi.RoleOperator)
	})
}

// ownDefaultRooms makes a new operator an owner of the default rooms, or ends that.
func (s *operators) ownDefaultRooms(ctx context.Context, u store.User, own bool) error {
	for _, room := range chat.DefaultRooms {
		m, _, err := s.records.memberOf(ctx, room, u.ID)
		if err != nil {
			return err
		}
		if (m.Role == directoryapi.RoleOwner) == own {
			continue
		}
		if own {
			err = s.membership.putMember(ctx, room, u.ID, u.Name, u.ID, directoryapi.RoleOwner)
		} else {
			err = s.membership.deleteMember(ctx, room, m, u.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// appointOwners makes operators owners of the default rooms where a crash after their appointment
// left that undone.
func (s *operators) appointOwners(ctx context.Context) error {
	r, err := s.store.Server(ctx)
	if err != nil {
		return err
	}
	for _, user := range r.InRole(directoryapi.RoleOperator) {
		u, err := s.store.User(ctx, user)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil {
			err = s.ownDefaultRooms(ctx, u, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// beginServer makes the server's record at the first start of a release that has it. Earlier
// releases treated users with the names in Config.Owners as operators: beginServer makes those of
// them who are registered operators, once. After that no name gives a role.
func (s *operators) beginServer(ctx context.Context) error {
	if len(s.cfg.Owners) > 0 {
		s.ownersWarned.Do(func() {
			s.log.Warn("--owners no longer makes operators, and only keeps its names from being registered: use the set-up link or hubbub admin promote",
				zap.Strings("owners", s.cfg.Owners))
		})
	}
	r, err := s.store.Server(ctx)
	if err != nil || r.Version > 0 {
		return err
	}
	r.Roles = map[string]directoryapi.Role{}
	for _, name := range s.cfg.Owners {
		name, err := names.Normal(name)
		if err != nil {
			return err
		}
		u, err := s.store.UserByName(ctx, names.Key(name))
		if errors.Is(err, store.ErrNotFound) || err == nil && u.Guest() {
			continue
		} else if err != nil {
			return err
		}
		r.Roles[u.ID] = directoryapi.RoleOperator
		act := store.Act{
			Action: actServerRole, ActorName: "upgrade", Subject: u.ID, SubjectName: u.Name, Detail: string(directoryapi.RoleOperator) + ", named by --owners",
		}
		// The audit log comes first: if the record is not made after it, the next start logs the
		// act again.
		if err := s.auditLog.audit(ctx, act, func(context.Context) error { return nil }); err != nil {
			return err
		}
		s.log.Info("made a user whom --owners names an operator; this happens only once", zap.String("user", u.ID), zap.String("name", u.Name))
	}
	err = s.store.PutServer(ctx, r)
	if errors.Is(err, store.ErrConflict) {
		return nil // another replica has made it
	}
	return err
}

// giveRole gives a role in the record. The record always keeps one operator.
func giveRole(r *store.Server, user string, role directoryapi.Role) error {
	last := r.Roles[user] == directoryapi.RoleOperator && len(r.InRole(directoryapi.RoleOperator)) == 1
	switch {
	case last && role != directoryapi.RoleOperator:
		return errLastOperator
	case role == "":
		delete(r.Roles, user)
	case len(r.Roles) >= maxServerRoles && r.Roles[user] == "":
		return chat.E(chat.CodeTooMany, fmt.Sprintf("there can be at most %d operators and auditors: take a role away first", maxServerRoles))
	default:
		r.Roles[user] = role
	}
	return nil
}
