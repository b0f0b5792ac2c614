package directory

import (
	"context"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

func (s *Service) putMember(ctx context.Context, room, user, name, actor string, role directoryapi.Role) error {
	return s.change(ctx, store.Intent{Kind: directoryapi.ChangeAccess, Room: room, User: user, Actor: actor}, func() error {
		return s.store.PutMember(ctx, store.Member{Room: room, User: user, Name: name, Role: role, Since: time.Now().UnixMilli()})
	})
}

func (s *Service) deleteMember(ctx context.Context, room, user, actor string) error {
	return s.change(ctx, store.Intent{Kind: directoryapi.ChangeAccess, Room: room, User: user, Actor: actor}, func() error {
		return s.store.DeleteMember(ctx, room, user)
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
	case !r.Private && isDefault(id):
		return chat.E(chat.CodeForbidden, "this room is for everybody")
	case a.Role == directoryapi.RoleOwner:
		if err := s.checkOtherOwner(ctx, id, c.User); err != nil {
			return err
		}
	}
	return s.deleteMember(ctx, id, c.User, c.User)
}

// checkOtherOwner returns an error unless the room has another owner, or nobody else in it.
func (s *Service) checkOtherOwner(ctx context.Context, room, user string) error {
	others := false
	for after := ""; ; {
		page, err := s.store.Members(ctx, room, after, maxMembers)
		if err != nil {
			return err
		}
		for _, m := range page {
			if m.User != user {
				others = true
				if m.Role == directoryapi.RoleOwner {
					return nil
				}
			}
		}
		if len(page) < maxMembers {
			break
		}
		after = page[len(page)-1].User
	}
	if others {
		return chat.E(chat.CodeConflict, "the room needs an owner: make somebody else one first")
	}
	return nil
}

// addMember makes a user a member, or changes the role. Members of a room may bring others in; who owns it gives roles.
func (s *Service) addMember(ctx context.Context, c auth.Claims, id, user string, role directoryapi.Role) error {
	r, mine, err := s.visible(ctx, id, c.User)
	if err != nil {
		return err
	}
	if role == "" {
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
	if theirs.Role == role {
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
	theirs, err := s.accessTo(ctx, r, user)
	if err != nil {
		return err
	}
	switch {
	case theirs.Role == "":
		return nil
	case r.Direct || isDefault(id):
		return chat.E(chat.CodeForbidden, "nobody can be removed from this room")
	case mine.Role == directoryapi.RoleOwner && theirs.Role != directoryapi.RoleOwner,
		mine.Role == directoryapi.RoleModerator && theirs.Role == directoryapi.RoleMember:
		return s.deleteMember(ctx, id, user, c.User)
	}
	return chat.E(chat.CodeForbidden, "you may not remove that member")
}
