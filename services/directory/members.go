package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

func memberIntent(room, user, name, actor string, role directoryapi.Role) store.Intent {
	return store.Intent{Kind: directoryapi.ChangeAccess, Room: room, User: user, Name: name, Actor: actor, Role: string(role)}
}

// told marks an intent to change a membership that is an act of moderation, which people are told
// of beside the change itself.
const told = "told"

// removedFor begins that mark of a member who was put out, before the reason.
const removedFor = "removed:"

// roleIntent is memberIntent for a role that another user changed.
func roleIntent(room, user, name, actor string, role directoryapi.Role) store.Intent {
	i := memberIntent(room, user, name, actor, role)
	if user != actor {
		i.Session = told
	}
	return i
}

func (s *Service) putMember(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
	i, err := s.beginning(ctx, memberIntent(room, user, name, actor, role))
	if err != nil {
		return err
	}
	return s.change(ctx, i, func(ctx context.Context) error {
		if err := s.store.PutMember(ctx, store.Member{Room: room, User: user, Name: name, Role: role, Since: time.Now().UnixMilli()}); err != nil {
			return err
		}
		return s.store.DeleteReader(ctx, room, user) // from now on the membership says it
	})
}

// putNewMember is putMember of somebody who can be in only so many rooms.
func (s *Service) putNewMember(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
	i, err := s.beginning(ctx, memberIntent(room, user, name, actor, role))
	if err != nil {
		return err
	}
	return s.change(ctx, i, func(ctx context.Context) error {
		if err := s.store.PutMember(ctx, store.Member{Room: room, User: user, Name: name, Role: role, Since: time.Now().UnixMilli()}); err != nil {
			return err
		}
		err := s.keepQuota(ctx, s.checkRoomCount(ctx, user, 0), func(ctx context.Context) error { return s.store.DeleteMember(ctx, room, user) })
		if err != nil {
			return err
		}
		return s.store.DeleteReader(ctx, room, user) // from now on the membership says it
	})
}

// entering returns the role of somebody who becomes a member: the wanted one, but a reader's for
// who was a reader when the last membership ended. Whoever may restrict lifts that by bringing the
// user in.
func (s *Service) entering(ctx context.Context, r store.Room, user string, wanted, by directoryapi.Role) (directoryapi.Role, error) {
	if wanted != directoryapi.RoleMember || directoryapi.May(by, directoryapi.ActionRestrict, roomPlace(r)) {
		return wanted, nil
	}
	was, err := s.store.Reader(ctx, r.ID, user)
	if was {
		wanted = directoryapi.RoleReader
	}
	return wanted, err
}

// dropMember ends a membership in the store. A reader who comes back is one again, and stays one of
// a room for everybody.
func (s *Service) dropMember(ctx context.Context, room, user string) error {
	m, isIn, err := s.memberOf(ctx, room, user)
	if err != nil || !isIn {
		return err
	}
	if m.Role == directoryapi.RoleReader {
		if isDefault(room) {
			return nil
		}
		if err := s.store.PutReader(ctx, room, user); err != nil {
			return err
		}
	}
	return s.store.DeleteMember(ctx, room, user)
}

// deleteMember ends a membership.
func (s *Service) deleteMember(ctx context.Context, room string, m store.Member, actor string) error {
	return s.change(ctx, memberIntent(room, m.User, m.Name, actor, ""), func(ctx context.Context) error {
		return s.dropMember(ctx, room, m.User)
	})
}

// join makes the user a member of a public room. A member's join changes nothing.
func (s *Service) join(ctx context.Context, c auth.Claims, id string) (roomView, error) {
	r, role, err := s.permitted(ctx, directoryapi.ActionEnter, id, c.User)
	if err != nil {
		return roomView{}, err
	}
	if role == "" {
		if err := s.checkRoomCount(ctx, c.User, 1); err != nil {
			return roomView{}, err
		}
		if role, err = s.entering(ctx, r, c.User, directoryapi.RoleMember, ""); err != nil {
			return roomView{}, err
		}
		if err := s.putNewMember(ctx, id, c.User, c.Name, c.User, role); err != nil {
			return roomView{}, err
		}
	}
	return s.view(ctx, r, c.User, role)
}

// leave ends the user's membership. Leaving a room that one is not in changes nothing.
func (s *Service) leave(ctx context.Context, c auth.Claims, id string) error {
	r, role, err := s.permitted(ctx, directoryapi.ActionLeave, id, c.User)
	if err != nil || role == "" {
		return err
	}
	if role == directoryapi.RoleOwner {
		if err := s.checkOtherOwner(ctx, id, c.User); err != nil {
			return err
		}
	}
	if r.Direct {
		return s.leaveDirect(ctx, c, id)
	}
	return s.deleteMember(ctx, id, store.Member{User: c.User, Name: c.Name}, c.User)
}

// checkOtherOwner returns an error unless the room has another owner, or nobody else in it. Two
// owners who leave at the same time both see the other: keepOwned is for that.
func (s *Service) checkOtherOwner(ctx context.Context, room, user string) error {
	isOther := func(m store.Member) bool { return m.User != user }
	owners, err := s.store.MembersInRole(ctx, room, directoryapi.RoleOwner, 2)
	if err != nil || slices.ContainsFunc(owners, isOther) {
		return err
	}
	members, err := s.store.Members(ctx, room, "", 2)
	if err == nil && slices.ContainsFunc(members, isOther) {
		err = chat.E(chat.CodeConflict, "the room needs an owner: make somebody else one first")
	}
	return err
}

// keepOwned sees to it that a room has an owner, after somebody has left or is no longer one: the
// moderator, or else the member, who has been there longest. A room that nobody is in any more
// goes.
func (s *Service) keepOwned(ctx context.Context, room string) error {
	r, err := s.store.Room(ctx, room)
	if errors.Is(err, store.ErrNotFound) || err == nil && (r.Direct || isDefault(room)) {
		return nil
	} else if err != nil {
		return err
	} else if chat.IsGroup(room) {
		return s.endEmptyGroup(ctx, room)
	}
	for range maxTold {
		var first []store.Member
		for _, role := range []directoryapi.Role{directoryapi.RoleOwner, directoryapi.RoleModerator, directoryapi.RoleMember, directoryapi.RoleReader} {
			if first, err = s.store.MembersInRole(ctx, room, role, 1); err != nil {
				return err
			}
			if len(first) > 0 {
				break
			}
		}
		if len(first) == 0 {
			return s.deleteRoom(ctx, room)
		}
		heir := first[0]
		if heir.Role == directoryapi.RoleOwner {
			return nil
		}
		err = s.setRole(ctx, room, heir.User, heir.Name, heir.User, directoryapi.RoleOwner)
		if !errors.Is(err, store.ErrNotFound) { // else the heir has left, too
			return err
		}
	}
	return errors.New("the members of a room keep leaving")
}

// deleteRoom removes a room, its bans and mutes, who was a reader, and the invitations to it, which
// those who are asked are told. Those first: what a crash leaves is a room that is removed later.
func (s *Service) deleteRoom(ctx context.Context, room string) error {
	err := drain(func() ([]store.Ban, error) { return s.store.Bans(ctx, room, "", maxMembers) },
		func(b store.Ban) error { return s.store.DeleteBan(ctx, room, b.User) })
	if err != nil {
		return err
	}
	err = drain(func() ([]store.Mute, error) { return s.store.Mutes(ctx, room, "", maxMembers) },
		func(m store.Mute) error { return s.store.DeleteMute(ctx, room, m.User) })
	if err != nil {
		return err
	}
	if err := s.store.DeleteReadersIn(ctx, room); err != nil {
		return err
	}
	err = drain(func() ([]store.Invite, error) { return s.store.InvitesIn(ctx, room, "", endedRequests) },
		func(i store.Invite) error { return s.forgetInvite(ctx, i) })
	if err != nil {
		return err
	}
	return s.store.DeleteRoom(ctx, room)
}

// setRole changes the role of a member. Errors: store.ErrNotFound.
func (s *Service) setRole(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
	return s.change(ctx, roleIntent(room, user, name, actor, role), func(ctx context.Context) error {
		return s.store.SetRole(ctx, room, user, role)
	})
}

// addMember makes a user a member, or changes the role. With the role empty, a new member's is
// member and another's stays. A stranger is asked, and invited is true.
func (s *Service) addMember(ctx context.Context, c auth.Claims, id, user string, role directoryapi.Role) (invited bool, err error) {
	r, mine, err := s.permitted(ctx, directoryapi.ActionInvite, id, c.User)
	if err == nil {
		err = s.accountMay(c, directoryapi.ActionInvite)
	}
	if err != nil {
		return false, err
	}
	given := role != ""
	if !given {
		role = directoryapi.RoleMember
	}
	if !role.Rank() {
		return false, chat.E(chat.CodeBadRequest, "a role is reader, member, moderator or owner")
	}
	u, err := s.user(ctx, user)
	if err != nil {
		return false, err
	}
	theirs, err := s.accessTo(ctx, r, user)
	if err != nil {
		return false, err
	}
	if out, err := s.banned(ctx, id, user); err != nil {
		return false, err
	} else if out {
		return false, chat.E(chat.CodeForbidden, "that user is banned from the room")
	}
	if theirs.Role == role || theirs.Role != "" && !given {
		return false, nil
	}
	if out, err := s.barred(ctx, r, user); err != nil {
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
		if err := s.checkOtherOwner(ctx, id, user); err != nil {
			return false, err
		}
	}
	act := store.Act{Action: actMemberAdd, Room: id, Subject: u.ID, SubjectName: u.Name, Detail: string(role)}
	if theirs.Role != "" {
		act.Action = actMemberRole
	}
	if theirs.Role != "" && !isDefault(id) {
		err := s.audit(ctx, act, func(ctx context.Context) error { return s.setRole(ctx, id, u.ID, u.Name, c.User, role) })
		if errors.Is(err, store.ErrNotFound) {
			err = chat.E(chat.CodeConflict, "that member has just left")
		}
		return false, err
	}
	if theirs.Role == "" {
		if err := s.checkAdded(ctx, c, u.ID); err != nil {
			return false, err
		}
		if role, err = s.entering(ctx, r, user, role, mine); err != nil {
			return false, err
		}
		if ask, err := s.asksBefore(ctx, c, u); err != nil {
			return false, err
		} else if ask {
			return true, s.invite(ctx, c, r, u, role)
		}
		if err := s.checkRoomCount(ctx, user, 1); err != nil {
			return false, err
		}
	}
	put := s.putNewMember
	if theirs.Role != "" { // of a room for everybody, in which the user is already
		put = func(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
			return s.change(ctx, roleIntent(room, user, name, actor, role), func(ctx context.Context) error {
				return s.store.PutMember(ctx, store.Member{Room: room, User: user, Name: name, Role: role, Since: time.Now().UnixMilli()})
			})
		}
	}
	return false, s.audit(ctx, act, func(ctx context.Context) error { return put(ctx, id, u.ID, u.Name, c.User, role) })
}

// removeMember ends another's membership, for a reason that may be empty. Removing who is no member
// changes nothing.
func (s *Service) removeMember(ctx context.Context, c auth.Claims, id, user, reason string) error {
	if user == c.User {
		return s.leave(ctx, c, id)
	}
	reason, err := checkText("reason", reason, 0, maxReason)
	if err != nil {
		return err
	}
	r, mine, err := s.permitted(ctx, directoryapi.ActionRemove, id, c.User)
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
	return s.audit(ctx, act, func(ctx context.Context) error {
		i := memberIntent(id, m.User, m.Name, c.User, "")
		i.Session = removedFor + reason
		return s.change(ctx, i, func(ctx context.Context) error { return s.dropMember(ctx, id, m.User) })
	})
}

// departs removes a user with all memberships and bans. Direct rooms of a registered user keep
// theirs, so that the other still sees who it was; those of a guest end.
func (s *Service) departs(ctx context.Context, u store.User) error {
	if err := s.leaveAll(ctx, u); err != nil {
		return err
	}
	if now, err := s.store.User(ctx, u.ID); err == nil && !now.Guest() {
		return nil // who has registered in this moment
	}
	if err := errors.Join(s.store.DeleteAccount(ctx, u.ID), s.store.DeletePreferences(ctx, u.ID), s.unsave(ctx, u.ID)); err != nil {
		return err
	}
	return s.store.DeleteUser(ctx, u.ID)
}

// leaveAll ends all memberships of a user, but those of a registered user's direct rooms, and
// removes what others have against the user.
func (s *Service) leaveAll(ctx context.Context, u store.User) error {
	err := drain(func() ([]store.Member, error) { return s.store.GroupsOf(ctx, u.ID, maxRooms) },
		func(m store.Member) error { return s.deleteMember(ctx, m.Room, m, u.ID) })
	if err != nil {
		return err
	}
	if err := s.endRequestsOf(ctx, u); err != nil {
		return err
	}
	if err := s.endInvitesOf(ctx, u.ID); err != nil {
		return err
	}
	bans, err := s.store.BansOf(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, b := range bans {
		if err := s.store.DeleteBan(ctx, b.Room, b.User); err != nil {
			return err
		}
	}
	if err := s.store.DeleteReadersOf(ctx, u.ID); err != nil {
		return err
	}
	if err := s.store.DeleteBlocksOf(ctx, u.ID); err != nil {
		return err
	}
	mutes, err := s.store.MutesOf(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, m := range mutes {
		if err := s.store.DeleteMute(ctx, m.Room, m.User); err != nil {
			return err
		}
	}
	return nil
}
