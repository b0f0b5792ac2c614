package directory

import (
	"context"
	"errors"
	"slices"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

var (
	// errNoRoom does not say which: that a room exists is a secret of its members.
	errNoRoom = chat.E(chat.CodeForbidden, "there is no such room, or you may not enter it")
	errNoUser = chat.E(chat.CodeNotFound, "there is no such user")
)

func isDefault(room string) bool { return slices.Contains(chat.DefaultRooms, room) }

// answerAccess answers directoryapi.ServiceAccess.
func (s *Service) answerAccess(ctx context.Context, r directoryapi.AccessRequest) (directoryapi.Access, error) {
	if !chat.ValidID(r.User) || !chat.ValidID(r.Room) {
		return directoryapi.Access{}, chat.E(chat.CodeBadRequest, "that is not an id")
	}
	a, _, err := s.accessNow(ctx, r.Room, r.User) // no room is the same as one that the user may not know of
	if err == nil && a.Role != "" && !isDefault(r.Room) {
		var n int
		n, err = s.countMembers(ctx, r.Room, directoryapi.SmallRoom+1)
		a.Small = n <= directoryapi.SmallRoom
	}
	return a, s.stored(err)
}

// countMembers returns how many members a room has, if those are at most so many.
func (s *Service) countMembers(ctx context.Context, room string, most int) (int, error) {
	members, err := s.store.Members(ctx, room, "", most)
	return len(members), err
}

// accessNow returns what a user may do in a room, and whether there is one.
func (s *Service) accessNow(ctx context.Context, room, user string) (a directoryapi.Access, there bool, err error) {
	r, err := s.store.Room(ctx, room)
	if errors.Is(err, store.ErrNotFound) {
		return a, false, nil
	} else if err != nil {
		return a, false, err
	}
	a, err = s.accessTo(ctx, r, user)
	return a, true, err
}

// accessTo returns what a user may do in a room: members may read and send; everybody may read a public room; everybody
// is a member of the default rooms; who is banned may do nothing.
func (s *Service) accessTo(ctx context.Context, room store.Room, user string) (directoryapi.Access, error) {
	if out, err := s.banned(ctx, room.ID, user); err != nil || out {
		return directoryapi.Access{}, err
	}
	m, err := s.store.Member(ctx, room.ID, user)
	if errors.Is(err, store.ErrNotFound) {
		if isDefault(room.ID) {
			return directoryapi.Access{Role: directoryapi.RoleMember, Read: true, Send: true}, nil
		}
		return directoryapi.Access{Read: !room.Private && !room.Direct}, nil
	} else if err != nil {
		return directoryapi.Access{}, err
	}
	return directoryapi.Access{Role: m.Role, Read: true, Send: true, Direct: room.Direct}, nil
}

// visible returns a room and what the user may do in it; a room that the user may not know of is not there.
func (s *Service) visible(ctx context.Context, id, user string) (store.Room, directoryapi.Access, error) {
	if !chat.ValidID(id) {
		return store.Room{}, directoryapi.Access{}, errNoRoom
	}
	room, err := s.store.Room(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return room, directoryapi.Access{}, errNoRoom
	} else if err != nil {
		return room, directoryapi.Access{}, err
	}
	a, err := s.accessTo(ctx, room, user)
	if err == nil && !a.Read {
		err = errNoRoom
	}
	return room, a, err
}

// user returns a user by id.
func (s *Service) user(ctx context.Context, id string) (store.User, error) {
	if !chat.ValidID(id) {
		return store.User{}, errNoUser
	}
	u, err := s.store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return u, errNoUser
	}
	return u, err
}
