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

func (s *Service) putMember(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
	return s.change(ctx, memberIntent(room, user, name, actor, role), func(ctx context.Context) error {
		return s.store.PutMember(ctx, store.Member{Room: room, User: user, Name: name, Role: role, Since: time.Now().UnixMilli()})
	})
}

// deleteMember ends a membership. With its last member a room goes.
func (s *Service) deleteMember(ctx context.Context, room string, m store.Member, actor string) error {
	two, err := s.store.Members(ctx, room, "", 2)
	if err != nil {
		return err
	}
	last := len(two) == 1 && two[0].User == m.User && !isDefault(room)
	return s.change(ctx, memberIntent(room, m.User, m.Name, actor, ""), func(ctx context.Context) error {
		if last {
			if err := s.store.DeleteRoom(ctx, room); err != nil {
				return err
			}
		}
		return s.store.DeleteMember(ctx, room, m.User)
	})
}

// join makes the user a member of a public room. A member's join changes nothing.
func (s *Service) join(ctx context.Context, c auth.Claims, id string) (roomView, error) {
	r, a, err := s.visible(ctx, id, c.User)
	if err != nil {
		return roomView{}, err
	}
	if a.Role == "" {
		if err := s.checkRoomCount(ctx, c.User); err != nil {
			return roomView{}, err
		}
		if err := s.putMember(ctx, id, c.User, c.Name, c.User, directoryapi.RoleMember); err != nil {
			return roomView{}, err
		}
		a.Role = directoryapi.RoleMember
	}
	return s.view(ctx, r, c.User, a.Role)
}

// leave ends the user's membership. Leaving a room that one is not in changes nothing.
func (s *Service) leave(ctx context.Context, c auth.Claims, id string) error {
	r, a, err := s.visible(ctx, id, c.User)
	if err != nil {
		return err
	}
	switch {
	case a.Role == "":
		return nil
	case r.Direct:
		return chat.E(chat.CodeForbidden, "a direct room cannot be left")
	case isDefault(id):
		return chat.E(chat.CodeForbidden, "this room is for everybody")
	case a.Role == directoryapi.RoleOwner:
		if err := s.checkOtherOwner(ctx, id, c.User); err != nil {
			return err
		}
	}
	return s.deleteMember(ctx, id, store.Member{User: c.User, Name: c.Name}, c.User)
}

// eachMember calls visit for every member of a room until it returns false.
func (s *Service) eachMember(ctx context.Context, room string, visit func(store.Member) bool) error {
	for after := ""; ; {
		page, err := s.store.Members(ctx, room, after, maxMembers)
		if err != nil {
			return err
		}
		for _, m := range page {
			if !visit(m) {
				return nil
			}
		}
		if len(page) < maxMembers {
			return nil
		}
		after = page[len(page)-1].User
	}
}

// checkOtherOwner returns an error unless the room has another owner, or nobody else in it.
func (s *Service) checkOtherOwner(ctx context.Context, room, user string) error {
	others, owner := false, false
	err := s.eachMember(ctx, room, func(m store.Member) bool {
		others = others || m.User != user
		owner = m.User != user && m.Role == directoryapi.RoleOwner
		return !owner
	})
	if err == nil && others && !owner {
		err = chat.E(chat.CodeConflict, "the room needs an owner: make somebody else one first")
	}
	return err
}

// addMember makes a user a member, or changes the role. Members of a room may bring others in; who owns it gives roles.
func (s *Service) addMember(ctx context.Context, c auth.Claims, id, user string, role directoryapi.Role) error {
	r, mine, err := s.visible(ctx, id, c.User)
	if err != nil {
		return err
	}
	given := role != ""
	if !given {
		role = directoryapi.RoleMember
	}
	switch {
	case role != directoryapi.RoleMember && role != directoryapi.RoleModerator && role != directoryapi.RoleOwner:
		return chat.E(chat.CodeBadRequest, "a role is member, moderator or owner")
	case r.Direct:
		return chat.E(chat.CodeForbidden, "a direct room has two people")
	case mine.Role == "":
		return chat.E(chat.CodeForbidden, "only members may bring others in")
	}
	u, err := s.user(ctx, user)
	if err != nil {
		return err
	}
	theirs, err := s.accessTo(ctx, r, user)
	if err != nil {
		return err
	}
	if theirs.Role == role || theirs.Role != "" && !given {
		return nil
	}
	if (role != directoryapi.RoleMember || theirs.Role != "") && mine.Role != directoryapi.RoleOwner {
		return chat.E(chat.CodeForbidden, "only an owner may give roles")
	}
	if theirs.Role == directoryapi.RoleOwner {
		if err := s.checkOtherOwner(ctx, id, user); err != nil {
			return err
		}
	}
	if theirs.Role == "" {
		if err := s.checkRoomCount(ctx, user); err != nil {
			return err
		}
	}
	return s.putMember(ctx, id, u.ID, u.Name, c.User, role)
}

// removeMember ends another's membership: a moderator may remove members, an owner anybody but an owner.
func (s *Service) removeMember(ctx context.Context, c auth.Claims, id, user string) error {
	if user == c.User {
		return s.leave(ctx, c, id)
	}
	r, mine, err := s.visible(ctx, id, c.User)
	if err != nil {
		return err
	}
	if r.Direct || isDefault(id) {
		return chat.E(chat.CodeForbidden, "nobody can be removed from this room")
	}
	m, err := s.store.Member(ctx, id, user)
	switch {
	case mine.Role != directoryapi.RoleModerator && mine.Role != directoryapi.RoleOwner:
		return chat.E(chat.CodeForbidden, "only moderators and owners may remove members")
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case m.Role == directoryapi.RoleOwner, mine.Role == directoryapi.RoleModerator && m.Role != directoryapi.RoleMember:
		return chat.E(chat.CodeForbidden, "you may not remove that member")
	}
	return s.deleteMember(ctx, id, m, c.User)
}

// departs ends the memberships of a user who is about to be deleted. Direct rooms keep theirs, so that the other still
// sees who it was.
func (s *Service) departs(ctx context.Context, u store.User) error {
	mine, err := s.store.MembershipsOf(ctx, u.ID, maxRooms)
	if err != nil || len(mine) == 0 {
		return err
	}
	ids := make([]string, len(mine))
	for i, m := range mine {
		ids[i] = m.Room
	}
	rooms, err := s.store.Rooms(ctx, ids)
	if err != nil {
		return err
	}
	direct := map[string]bool{}
	for _, r := range rooms {
		direct[r.ID] = r.Direct
	}
	for _, m := range mine {
		if direct[m.Room] {
			continue
		}
		if m.Role == directoryapi.RoleOwner {
			if err := s.succeed(ctx, m); err != nil {
				return err
			}
		}
		if err := s.deleteMember(ctx, m.Room, m, u.ID); err != nil {
			return err
		}
	}
	return nil
}

// succeed makes another member owner in the place of one who goes, unless there is another owner already or nobody: the
// moderator, or else the member, who has been there longest.
func (s *Service) succeed(ctx context.Context, gone store.Member) error {
	var heir store.Member
	rank := map[directoryapi.Role]int{directoryapi.RoleMember: 1, directoryapi.RoleModerator: 2, directoryapi.RoleOwner: 3}
	err := s.eachMember(ctx, gone.Room, func(m store.Member) bool {
		higher, same := rank[m.Role] > rank[heir.Role], m.Role == heir.Role
		if m.User != gone.User && (higher || same && m.Since < heir.Since) {
			heir = m
		}
		return heir.Role != directoryapi.RoleOwner
	})
	if err != nil || heir.User == "" || heir.Role == directoryapi.RoleOwner {
		return err
	}
	return s.putMember(ctx, gone.Room, heir.User, heir.Name, gone.User, directoryapi.RoleOwner)
}
