package directory

import (
	"context"
	"errors"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

func memberIntent(room, user, name, actor string, role directoryapi.Role) store.Intent {
	return store.Intent{Kind: directoryapi.ChangeAccess, Room: room, User: user, Name: name, Actor: actor, Role: string(role)}
}

// told marks an intent to change a membership as an act of moderation: an event of its own tells
// people who did it, besides the one for the change.
const told = "told"

// removedFor marks the intent to remove a member, in place of told; the reason follows it.
const removedFor = "removed:"

// roleIntent is memberIntent for a role that another user changed.
func roleIntent(room, user, name, actor string, role directoryapi.Role) store.Intent {
	i := memberIntent(room, user, name, actor, role)
	if user != actor {
		i.Session = told
	}
	return i
}

// members lets users join and leave rooms, and bring, remove and list members.
type members struct {
	*core
	records     *records
	changes     *changes
	rights      *rights
	privacy     *privacy
	auditLog    *auditLog
	quotas      *quotas
	views       *views
	membership  *membership
	directs     *directs
	invitations *invitations
}

// join makes the user a member of a public room. It changes nothing for a member.
func (s *members) join(ctx context.Context, c auth.Claims, id string) (roomView, error) {
	r, role, err := s.rights.permitted(ctx, directoryapi.ActionEnter, id, c.User)
	if err != nil {
		return roomView{}, err
	}
	if role == "" {
		if err := s.quotas.checkRoomCount(ctx, c.User, 1); err != nil {
			return roomView{}, err
		}
		if role, err = s.membership.entering(ctx, r, c.User, directoryapi.RoleMember, ""); err != nil {
			return roomView{}, err
		}
		if err := s.membership.putNewMember(ctx, id, c.User, c.Name, c.User, role); err != nil {
			return roomView{}, err
		}
	}
	return s.views.view(ctx, r, c.User, role)
}

// leave ends the user's membership. It changes nothing for a user who is not a member.
func (s *members) leave(ctx context.Context, c auth.Claims, id string) error {
	r, role, err := s.rights.permitted(ctx, directoryapi.ActionLeave, id, c.User)
	if err != nil || role == "" {
		return err
	}
	if role == directoryapi.RoleOwner {
		if err := s.membership.checkOtherOwner(ctx, id, c.User); err != nil {
			return err
		}
	}
	if r.Direct {
		return s.directs.leaveDirect(ctx, c, id)
	}
	return s.membership.deleteMember(ctx, id, store.Member{User: c.User, Name: c.Name}, c.User)
}

// addMember makes a user a member, or changes a member's role. With an empty role, a new member
// gets the role member and an existing member keeps theirs. A stranger is invited instead, and
// invited is true.
func (s *members) addMember(ctx context.Context, c auth.Claims, id, user string, role directoryapi.Role) (invited bool, err error) {
	r, mine, err := s.rights.permitted(ctx, directoryapi.ActionInvite, id, c.User)
	if err == nil {
		err = s.rights.accountMay(c, directoryapi.ActionInvite)
	}
	if err != nil {
		return false, err
	}
	given := role != ""
	if !given {
		role = directoryapi.RoleMember
	}
	if !role.Rank() {
		return false, chat.E(chat.CodeBadRequest, "role must be reader, member, moderator or owner")
	}
	u, err := s.records.user(ctx, user)
	if err != nil {
		return false, err
	}
	theirs, err := s.rights.accessTo(ctx, r, user)
	if err != nil {
		return false, err
	}
	if out, err := s.rights.banned(ctx, id, user); err != nil {
		return false, err
	} else if out {
		return false, chat.E(chat.CodeForbidden, "that user is banned from the room")
	}
	if theirs.Role == role || theirs.Role != "" && !given {
		return false, nil
	}
	if out, err := s.rights.barred(ctx, r, user); err != nil {
		return false, err
	} else if out {
		return false, errNoGuestsHere
	}
	if role != directoryapi.RoleMember || theirs.Role != "" {
		action := directoryapi.ActionAppoint
		if role.Voice() && (theirs.Role == "" || theirs.Role.Voice()) {
			action = directoryapi.ActionRestrict
		}
		if err := may(mine, action, roomPlace(r)); err != nil {
			return false, err
		}
	}
	if theirs.Role == directoryapi.RoleOwner {
		if err := s.membership.checkOtherOwner(ctx, id, user); err != nil {
			return false, err
		}
	}
	act := store.Act{Action: actMemberAdd, Room: id, Subject: u.ID, SubjectName: u.Name, Detail: string(role)}
	if theirs.Role != "" {
		act.Action = actMemberRole
	}
	if theirs.Role != "" && !isDefault(id) {
		err := s.auditLog.audit(ctx, act, func(ctx context.Context) error { return s.membership.setRole(ctx, id, u.ID, u.Name, c.User, role) })
		if errors.Is(err, store.ErrNotFound) {
			err = chat.E(chat.CodeConflict, "that member has just left")
		}
		return false, err
	}
	if theirs.Role == "" {
		if err := s.privacy.checkAdded(ctx, c, u.ID); err != nil {
			return false, err
		}
		if role, err = s.membership.entering(ctx, r, user, role, mine); err != nil {
			return false, err
		}
		if ask, err := s.invitations.asksBefore(ctx, c, u); err != nil {
			return false, err
		} else if ask {
			return true, s.invitations.invite(ctx, c, r, u, role)
		}
		if err := s.quotas.checkRoomCount(ctx, user, 1); err != nil {
			return false, err
		}
	}
	put := s.membership.putNewMember
	if theirs.Role != "" { // in a default room the user is already
		put = func(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
			return s.changes.change(ctx, roleIntent(room, user, name, actor, role), func(ctx context.Context) error {
				return s.store.PutMember(ctx, store.Member{Room: room, User: user, Name: name, Role: role, Since: time.Now().UnixMilli()})
			})
		}
	}
	return false, s.auditLog.audit(ctx, act, func(ctx context.Context) error { return put(ctx, id, u.ID, u.Name, c.User, role) })
}

// removeMember ends the membership of another user; the reason may be empty. It changes nothing if
// the user is not a member.
func (s *members) removeMember(ctx context.Context, c auth.Claims, id, user, reason string) error {
	if user == c.User {
		return s.leave(ctx, c, id)
	}
	reason, err := checkText("reason", reason, 0, maxReason)
	if err != nil {
		return err
	}
	r, mine, err := s.rights.permitted(ctx, directoryapi.ActionRemove, id, c.User)
	if err != nil {
		return err
	}
	m, err := s.store.Member(ctx, id, user)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if err := mayTo(mine, directoryapi.ActionRemove, roomPlace(r), m.Role); err != nil {
		return err
	}
	act := store.Act{Action: actMemberEnd, Room: id, Subject: m.User, SubjectName: m.Name, Detail: reason}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		i := memberIntent(id, m.User, m.Name, c.User, "")
		i.Session = removedFor + reason
		return s.changes.change(ctx, i, func(ctx context.Context) error { return s.membership.dropMember(ctx, id, m.User) })
	})
}
