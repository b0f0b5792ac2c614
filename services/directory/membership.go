package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// membership begins, changes and ends memberships and announces that, and makes sure that each room
// has an owner.
type membership struct {
	*core
	records *records
	changes *changes
	rights  *rights
	quotas  *quotas
}

// tellMember announces what a user is in a room. Another process may announce another change of the
// same membership at the same time, and the logs may get the two in either order. So tellMember
// reads the membership again afterwards and announces it again if it has changed: the last
// announcement is then the true one.
func (s *membership) tellMember(ctx context.Context, i store.Intent) error {
	id := i.ID
	if i.Role != string(directoryapi.RoleOwner) {
		if err := s.keepOwned(ctx, i.Room); err != nil {
			return err
		}
	}
	for range maxTold {
		is, there, err := s.rights.accessNow(ctx, i.Room, i.User)
		if err != nil {
			return err
		}
		if is.Role == "" {
			// This does nothing, unless somebody added the user while another banned them.
			if err := s.dropMember(ctx, i.Room, i.User); err != nil {
				return err
			}
		}
		if id == i.ID && string(is.Role) != i.Role {
			id = chat.NewID() // the intent's id may stand for another role already
		}
		if err := s.tellWhy(ctx, i, is.Role); err != nil {
			return err
		}
		if err := s.tellAccess(ctx, i, id, is, there); err != nil {
			return err
		}
		now, _, err := s.rights.accessNow(ctx, i.Room, i.User)
		if err != nil {
			return err
		}
		if now == is {
			return s.tellGrown(ctx, i.Room, is)
		}
		id = chat.NewID()
	}
	return errors.New("a membership keeps changing")
}

// tellWhy announces a ban, a removal or a new role as an act of moderation: who did it, and why.
func (s *membership) tellWhy(ctx context.Context, i store.Intent, role directoryapi.Role) error {
	reason, removed := strings.CutPrefix(i.Session, removedFor)
	if i.Session != told && !removed || string(role) != i.Role {
		return nil
	}
	e, err := s.changes.act(ctx, i, chat.ActRole)
	if err != nil {
		return err
	}
	e.ID += "-why" // besides the event for the change, which older clients understand
	if removed {
		e.Act, e.Text = chat.ActRemove, reason
	} else if e.Role = string(role); role == "" {
		b, err := s.store.Ban(ctx, i.Room, i.User)
		if err != nil {
			return unlessMissing(err) // the ban is lifted already
		}
		e.Act, e.Text, e.Until = chat.ActBan, b.Reason, b.Until
	}
	return s.changes.tellModerated(ctx, e)
}

// tellGrown announces that a room is no longer small. It does so for every new member until the
// room is twice that size: when several join at the same moment, none may see the exact count.
func (s *membership) tellGrown(ctx context.Context, room string, is directoryapi.Access) error {
	if is.Role == "" || isDefault(room) {
		return nil
	}
	n, err := s.records.countMembers(ctx, room, 2*directoryapi.SmallRoom+1)
	if err != nil || n <= directoryapi.SmallRoom || n > 2*directoryapi.SmallRoom {
		return err
	}
	return s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: room})
}

// tellAccess announces a membership once: to the caches of permissions, the room and the user.
func (s *membership) tellAccess(ctx context.Context, i store.Intent, id string, a directoryapi.Access, there bool) error {
	if err := s.changes.control(ctx, directoryapi.Change{Kind: i.Kind, User: i.User, Room: i.Room, Access: a}); err != nil {
		return err
	}
	if there {
		if err := s.changes.event(ctx, memberEvent(i, id, a.Role)); err != nil {
			return err
		}
	} else if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: i.Room}); err != nil {
		return err // the room is gone with its last member: caches forget its readers, too
	}
	return s.changes.event(ctx, ownEvent(i, id, a.Role))
}

// endEmptyGroup removes a group if it has no members left.
func (s *membership) endEmptyGroup(ctx context.Context, room string) error {
	n, err := s.records.countMembers(ctx, room, 1)
	if err != nil || n > 0 {
		return err
	}
	return s.deleteRoom(ctx, room)
}

func (s *membership) forgetInvitation(ctx context.Context, i store.Invitation) error {
	return s.changes.changeList(ctx, i.User, i.User, chat.ListInvitations, func(ctx context.Context) error {
		return s.store.DeleteInvitation(ctx, i.Room, i.User)
	})
}

func (s *membership) putMember(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
	i, err := s.beginning(ctx, memberIntent(room, user, name, actor, role))
	if err != nil {
		return err
	}
	return s.changes.change(ctx, i, func(ctx context.Context) error {
		if err := s.store.PutMember(ctx, store.Member{Room: room, User: user, Name: name, Role: role, Since: time.Now().UnixMilli()}); err != nil {
			return err
		}
		return s.store.DeleteReader(ctx, room, user) // from now on the membership says it
	})
}

// putNewMember is putMember with the quota of rooms per user.
func (s *membership) putNewMember(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
	i, err := s.beginning(ctx, memberIntent(room, user, name, actor, role))
	if err != nil {
		return err
	}
	return s.changes.change(ctx, i, func(ctx context.Context) error {
		if err := s.store.PutMember(ctx, store.Member{Room: room, User: user, Name: name, Role: role, Since: time.Now().UnixMilli()}); err != nil {
			return err
		}
		err := s.quotas.keepQuota(ctx, s.quotas.checkRoomCount(ctx, user, 0), func(ctx context.Context) error { return s.store.DeleteMember(ctx, room, user) })
		if err != nil {
			return err
		}
		return s.store.DeleteReader(ctx, room, user) // from now on the membership says it
	})
}

// entering returns the role of a new member: the wanted one, but reader if the user was a reader
// when their last membership ended. A user who may restrict lifts that by adding the member.
func (s *membership) entering(ctx context.Context, r store.Room, user string, wanted, by directoryapi.Role) (directoryapi.Role, error) {
	if wanted != directoryapi.RoleMember || directoryapi.May(by, directoryapi.ActionRestrict, roomPlace(r)) {
		return wanted, nil
	}
	was, err := s.store.Reader(ctx, r.ID, user)
	if was {
		wanted = directoryapi.RoleReader
	}
	return wanted, err
}

// dropMember ends a membership in the store. It keeps a note that the user was a reader, for their
// return; in a default room a reader's membership stays.
func (s *membership) dropMember(ctx context.Context, room, user string) error {
	m, isIn, err := s.records.memberOf(ctx, room, user)
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
func (s *membership) deleteMember(ctx context.Context, room string, m store.Member, actor string) error {
	return s.changes.change(ctx, memberIntent(room, m.User, m.Name, actor, ""), func(ctx context.Context) error {
		return s.dropMember(ctx, room, m.User)
	})
}

// checkOtherOwner returns an error unless the room has another owner, or nobody else in it. Two
// owners who leave at the same time each see the other as still there; keepOwned mends that.
func (s *membership) checkOtherOwner(ctx context.Context, room, user string) error {
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

// keepOwned makes sure that a room has an owner, after an owner left or lost the role: it appoints
// the longest-standing moderator, or else the longest-standing member. It deletes a room without
// members.
func (s *membership) keepOwned(ctx context.Context, room string) error {
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
		if !errors.Is(err, store.ErrNotFound) { // otherwise the new owner has left, too
			return err
		}
	}
	return errors.New("the members of a room keep leaving")
}

// deleteRoom removes a room, its bans, mutes, notes of readers and invitations; invited users see
// their invitation go. The room goes last, so that after a crash a later call removes the rest.
func (s *membership) deleteRoom(ctx context.Context, room string) error {
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
	err = drain(func() ([]store.Invitation, error) { return s.store.InvitationsIn(ctx, room, "", endedRequests) },
		func(i store.Invitation) error { return s.forgetInvitation(ctx, i) })
	if err != nil {
		return err
	}
	return s.store.DeleteRoom(ctx, room)
}

// setRole changes the role of a member. Errors: store.ErrNotFound.
func (s *membership) setRole(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
	return s.changes.change(ctx, roleIntent(room, user, name, actor, role), func(ctx context.Context) error {
		return s.store.SetRole(ctx, room, user, role)
	})
}
