package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// showStaff asks serverUsers for operators and auditors.
const showStaff = "staff"

// shows maps each value of show, except showStaff, to the store's query.
var shows = map[string]string{
	"": store.UsersAny, "all": store.UsersAny, "registered": store.UsersRegistered, "guests": store.UsersGuests, "disabled": store.UsersDisabled,
}

type serverUser struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Guest    bool              `json:"guest,omitempty"`
	Role     directoryapi.Role `json:"role,omitempty" doc:"On the server: operator or auditor."`
	Disabled bool              `json:"disabled,omitempty"`
	Banned   bool              `json:"banned,omitempty" doc:"From the server."`
	Created  int64             `json:"created" doc:"UTC milliseconds."`
	Seen     int64             `json:"seen,omitempty" doc:"When the user was last connected (UTC milliseconds)."`
}

type serverUsersOutput struct {
	Users []serverUser `json:"users"`
	Next  string       `json:"next,omitempty" doc:"Pass it as after for the next page; absent: this is the last."`
}

// pageUsers is how many users one page has.
const pageUsers = 100

// users shows accounts to operators and auditors, and lets operators manage them.
type users struct {
	*core
	records      *records
	serverRecord *serverRecord
	rights       *rights
	auditLog     *auditLog
	logins       *logins
	departures   *departures
}

// serverUsers lists the users whose name contains q, by name. after is Next of the page before.
func (s *users) serverUsers(ctx context.Context, q, show, after string) (out serverUsersOutput, err error) {
	out.Users = []serverUser{}
	r, err := s.store.Server(ctx)
	if err != nil {
		return out, err
	}
	part := names.Key(strings.TrimSpace(q))
	var all []store.User
	if show == showStaff {
		all, err = s.staff(ctx, r, part)
	} else {
		all, err = s.store.FindUsers(ctx, store.UserQuery{
			Part: part, Look: names.LooksOf(strings.TrimSpace(q)).Lower, Kind: shows[show], After: after, Limit: pageUsers + 1,
		})
		var more bool
		if all, more = page(all, pageUsers); more {
			out.Next = all[pageUsers-1].NameKey
		}
	}
	if err != nil {
		return out, err
	}
	for _, u := range all {
		v, err := s.serverUser(ctx, r, u)
		if err != nil {
			return out, err
		}
		out.Users = append(out.Users, v)
	}
	return out, nil
}

// staff returns the operators and auditors whose name contains part, by name. There are at most
// maxServerRoles.
func (s *users) staff(ctx context.Context, r store.Server, part string) (all []store.User, _ error) {
	for id := range r.Roles {
		u, err := s.records.user(ctx, id)
		switch {
		case errors.Is(err, errNoUser):
		case err != nil:
			return nil, err
		case strings.Contains(u.NameKey, part):
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b store.User) int { return cmp.Compare(a.NameKey, b.NameKey) })
	return all, nil
}

// serverUser describes a user to operators.
func (s *users) serverUser(ctx context.Context, r store.Server, u store.User) (v serverUser, err error) {
	v = serverUser{ID: u.ID, Name: u.Name, Guest: u.Guest(), Role: r.Roles[u.ID], Disabled: u.Disabled, Created: u.Created}
	if v.Banned, err = s.rights.banned(ctx, wholeServer, u.ID); err != nil {
		return v, err
	}
	v.Seen, err = s.store.Seen(ctx, u.ID)
	return v, err
}

// personView is everything that operators and auditors get to see of a user.
type personView struct {
	serverUser
	Ban    *banView      `json:"ban,omitempty" doc:"From the server."`
	Mute   *muteView     `json:"mute,omitempty" doc:"The mute on the whole server; only operators see it."`
	Logins []sessionView `json:"logins,omitempty" doc:"The most recently used comes first; only operators see them."`
}

// person describes a user to operators.
func (s *users) person(ctx context.Context, by, user string) (v personView, err error) {
	mine, err := s.rights.permittedOnServer(ctx, directoryapi.ActionListUsers, by)
	if err != nil {
		return v, err
	}
	u, err := s.records.user(ctx, user)
	if err != nil {
		return v, err
	}
	r, err := s.store.Server(ctx)
	if err != nil {
		return v, err
	}
	if v.serverUser, err = s.serverUser(ctx, r, u); err != nil {
		return v, err
	}
	names := s.records.namer()
	if v.Banned {
		b, err := s.store.Ban(ctx, wholeServer, u.ID)
		if err != nil {
			return v, unlessMissing(err)
		}
		view, err := viewOfBan(ctx, b, names)
		if v.Ban = &view; err != nil {
			return v, err
		}
	}
	if directoryapi.May(mine, directoryapi.ActionMute, directoryapi.WholeServer) {
		m, err := s.store.Mute(ctx, wholeServer, u.ID)
		if err == nil && m.Until > time.Now().UnixMilli() {
			view, err := viewOfMute(ctx, m, names)
			if v.Mute = &view; err != nil {
				return v, err
			}
		} else if err := unlessMissing(err); err != nil {
			return v, err
		}
	}
	if directoryapi.May(mine, directoryapi.ActionManage, directoryapi.WholeServer) {
		v.Logins, err = s.logins.sessionViews(ctx, u.ID, "")
	}
	return v, err
}

// deleteUser deletes another user's account, for good, as deleteMine does. A user with a role on
// the server must lose that first.
func (s *users) deleteUser(ctx context.Context, by, user string, messages bool) error {
	u, err := s.manageable(ctx, by, user)
	if err != nil {
		return err
	}
	if by == user {
		return chat.E(chat.CodeBadRequest, "you cannot delete your own account here: do it in your account's settings")
	}
	if role, err := s.serverRecord.serverRole(ctx, user); err != nil {
		return err
	} else if role != "" {
		return chat.E(chat.CodeConflict, "the user has a role on this server: take that away first")
	}
	return s.auditLog.audit(ctx, store.Act{Action: actDelete, Subject: u.ID, SubjectName: u.Name, Detail: becomesOfMessages(messages)}, func(ctx context.Context) error {
		return s.departures.deleteAccount(ctx, u, by, messages)
	})
}

func becomesOfMessages(messages bool) string {
	if messages {
		return "with all messages"
	}
	return ""
}

// signOut ends all log-ins of a user that exist now.
func (s *users) signOut(ctx context.Context, by, user string) error {
	manageable := s.manageable
	if by == "" { // the console may sign out operators, too: somebody may have stolen their log-ins
		manageable = func(ctx context.Context, _, user string) (store.User, error) { return s.records.user(ctx, user) }
	}
	u, err := manageable(ctx, by, user)
	if err != nil {
		return err
	}
	return s.auditLog.audit(ctx, store.Act{Action: actSignOut, Subject: u.ID, SubjectName: u.Name}, func(ctx context.Context) error {
		return s.logins.endLogins(ctx, u)
	})
}

// setDisabled disables an account and ends its log-ins, or enables it again.
func (s *users) setDisabled(ctx context.Context, by, user string, disabled bool) error {
	u, err := s.manageable(ctx, by, user)
	if err == nil && disabled && by == user {
		err = chat.E(chat.CodeBadRequest, "you cannot disable your own account")
	}
	if err != nil || !disabled && !u.Disabled {
		return err
	}
	if disabled && u.Disabled {
		return s.logins.endLogins(ctx, u) // an earlier call may have failed before this
	}
	act := store.Act{Action: actEnable, Subject: u.ID, SubjectName: u.Name}
	if disabled {
		act.Action = actDisable
	}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		if err := s.store.SetDisabled(ctx, user, disabled); err != nil {
			return err
		}
		if !disabled {
			return nil
		}
		return s.logins.endLogins(ctx, u)
	})
}

// manageable returns a user if somebody may manage their account. Nobody may manage an operator's:
// otherwise an intruder with one operator's log-in could shut out all others.
func (s *users) manageable(ctx context.Context, by, user string) (store.User, error) {
	if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionManage, by); err != nil {
		return store.User{}, err
	}
	u, err := s.records.user(ctx, user)
	if err != nil {
		return u, err
	}
	role, err := s.serverRecord.serverRole(ctx, user)
	if err == nil && role == directoryapi.RoleOperator && by != user {
		err = chat.E(chat.CodeForbidden, "an operator's account cannot be changed: take the role away first")
	}
	return u, err
}
