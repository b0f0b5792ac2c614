package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

const (
	// maxServerTries is how often a change of the server's record is tried while others change it.
	maxServerTries = 20
	// maxServerRoles is how many operators and auditors there may be together.
	maxServerRoles = 200
)

var (
	errServerChanges = chat.E(chat.CodeConflict, "others are changing the same: try again")
	errLastOperator  = chat.E(chat.CodeConflict, "this is the last operator: make somebody else one first")
)

// changeServer changes the record of the server. change gets a copy of what it is, once more when
// somebody else has changed that meanwhile, and returns nil for the copy to be kept.
func (s *Service) changeServer(ctx context.Context, change func(*store.Server) error) error {
	for range maxServerTries {
		r, err := s.store.Server(ctx)
		if err != nil {
			return err
		}
		r = r.Clone()
		if r.Roles == nil {
			r.Roles = map[string]directoryapi.Role{}
		}
		if err := change(&r); err != nil {
			return err
		}
		err = s.store.PutServer(ctx, r)
		s.forgetRecent()
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return errServerChanges
}

// serverRole returns the role of a user in directoryapi.WholeServer; empty: none.
func (s *Service) serverRole(ctx context.Context, user string) (directoryapi.Role, error) {
	r, err := s.store.Server(ctx)
	return r.Roles[user], err
}

// setServerRole makes a user an operator or an auditor, or with the empty role neither.
func (s *Service) setServerRole(ctx context.Context, by, user string, role directoryapi.Role) error {
	if _, err := s.permittedOnServer(ctx, directoryapi.ActionAppoint, by); err != nil {
		return err
	}
	if role != "" && role != directoryapi.RoleOperator && role != directoryapi.RoleAuditor {
		return chat.E(chat.CodeBadRequest, "a role on the server is operator or auditor, or empty for none")
	}
	u, err := s.user(ctx, user)
	if err != nil {
		return err
	}
	if role != "" {
		out, err := s.banned(ctx, wholeServer, user)
		switch {
		case err != nil:
			return err
		case u.Guest() && !s.guestsMay(directoryapi.ActionServe):
			return chat.E(chat.CodeConflict, "a guest has no role on the server: only registered users have")
		case u.Disabled:
			return chat.E(chat.CodeConflict, "the account is disabled: enable it first")
		case out:
			return chat.E(chat.CodeConflict, "the user is banned from this server: end the ban first")
		}
	}
	act := store.Act{Action: actServerRole, Subject: u.ID, SubjectName: u.Name, Detail: string(role)}
	if was, err := s.serverRole(ctx, user); err != nil || was == role {
		return err
	}
	return s.audit(ctx, act, func(ctx context.Context) error {
		err := s.changeServer(ctx, func(r *store.Server) error { return giveRole(r, user, role) })
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

// giveRole gives a role in the record, which keeps an operator.
func giveRole(r *store.Server, user string, role directoryapi.Role) error {
	last := r.Roles[user] == directoryapi.RoleOperator && len(r.InRole(directoryapi.RoleOperator)) == 1
	switch {
	case last && role != directoryapi.RoleOperator:
		return errLastOperator
	case role == "":
		delete(r.Roles, user)
	case len(r.Roles) >= maxServerRoles && r.Roles[user] == "":
		return chat.E(chat.CodeTooMany, fmt.Sprintf("there can be %d operators and auditors", maxServerRoles))
	default:
		r.Roles[user] = role
	}
	return nil
}

// ownDefaultRooms makes a user an owner of the default rooms, as operators are, or ends that.
func (s *Service) ownDefaultRooms(ctx context.Context, u store.User, own bool) error {
	for _, room := range chat.DefaultRooms {
		m, _, err := s.memberOf(ctx, room, u.ID)
		if err != nil {
			return err
		}
		if (m.Role == directoryapi.RoleOwner) == own {
			continue
		}
		if own {
			err = s.putMember(ctx, room, u.ID, u.Name, u.ID, directoryapi.RoleOwner)
		} else {
			err = s.deleteMember(ctx, room, m, u.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// appointOwners makes operators owners of the default rooms who are not yet: of a crash after they
// became one.
func (s *Service) appointOwners(ctx context.Context) error {
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

// beginServer makes the record of the server at the first start of a release that has it. Releases
// before took those for operators who have the names in Config.Owners: of these, who is registered
// by now is made an operator, once. Later on a name makes nobody anything.
func (s *Service) beginServer(ctx context.Context) error {
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
		// Noted first; should the record not be made, nobody got the role, and the next start notes
		// it again.
		if err := s.audit(ctx, act, func(context.Context) error { return nil }); err != nil {
			return err
		}
		s.log.Info("made a user whom --owners names an operator; this happens only once", zap.String("user", u.ID), zap.String("name", u.Name))
	}
	err = s.store.PutServer(ctx, r)
	if errors.Is(err, store.ErrConflict) {
		return nil // another replica has
	}
	return err
}

// signOut ends all log-ins of a user: those made before now.
func (s *Service) signOut(ctx context.Context, by, user string) error {
	manageable := s.manageable
	if by == "" { // at the console operators are signed out, too: their log-ins may be stolen
		manageable = func(ctx context.Context, _, user string) (store.User, error) { return s.user(ctx, user) }
	}
	u, err := manageable(ctx, by, user)
	if err != nil {
		return err
	}
	return s.audit(ctx, store.Act{Action: actSignOut, Subject: u.ID, SubjectName: u.Name}, func(ctx context.Context) error {
		return s.endLogins(ctx, u)
	})
}

// setDisabled has an account not log in any more, and ends its log-ins; or lets it again.
func (s *Service) setDisabled(ctx context.Context, by, user string, disabled bool) error {
	u, err := s.manageable(ctx, by, user)
	if err == nil && disabled && by == user {
		err = chat.E(chat.CodeBadRequest, "you cannot disable your own account")
	}
	if err != nil || !disabled && !u.Disabled {
		return err
	}
	if disabled && u.Disabled {
		return s.endLogins(ctx, u) // which a failure has perhaps left
	}
	act := store.Act{Action: actEnable, Subject: u.ID, SubjectName: u.Name}
	if disabled {
		act.Action = actDisable
	}
	return s.audit(ctx, act, func(ctx context.Context) error {
		if err := s.store.SetDisabled(ctx, user, disabled); err != nil {
			return err
		}
		if !disabled {
			return nil
		}
		return s.endLogins(ctx, u)
	})
}

// manageable returns a user whose account somebody may manage: an operator's own role protects from
// other operators, so that none is put out by one who has got in.
func (s *Service) manageable(ctx context.Context, by, user string) (store.User, error) {
	if _, err := s.permittedOnServer(ctx, directoryapi.ActionManage, by); err != nil {
		return store.User{}, err
	}
	u, err := s.user(ctx, user)
	if err != nil {
		return u, err
	}
	role, err := s.serverRole(ctx, user)
	if err == nil && role == directoryapi.RoleOperator && by != user {
		err = chat.E(chat.CodeForbidden, "an operator's account cannot be changed: take the role away first")
	}
	return u, err
}

// checkEntry returns an error for a user who may not log in: who is banned from the server, whose
// account is disabled, and who is a guest of other rules.
func (s *Service) checkEntry(ctx context.Context, user string) error {
	if err := s.checkBan(ctx, user); err != nil {
		return err
	}
	u, err := s.store.User(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return nil // whose log-in ends for that
	}
	if err == nil && u.Guest() {
		r, err := s.recentServer(ctx)
		if err == nil && guestsOver(r, u) {
			err = httpapi.ErrEnded
		}
		return err
	}
	if err == nil && u.Disabled {
		var role directoryapi.Role
		if role, err = s.serverRole(ctx, user); err == nil && role != directoryapi.RoleOperator {
			err = errDisabled
		}
	}
	return err
}

var errDisabled = chat.E(chat.CodeForbidden, "this account is disabled: ask whoever runs this server")

// endLogins ends all log-ins of a user that were made before now.
func (s *Service) endLogins(ctx context.Context, u store.User) error {
	i := store.Intent{Kind: directoryapi.ChangeUser, User: u.ID, Name: u.Name}
	return s.change(ctx, i, func(ctx context.Context) error { return s.store.EndSessionsOf(ctx, u.ID) })
}
