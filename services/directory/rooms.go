package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	maxRoomName = 64  // characters
	maxTopic    = 256 // characters
	// maxRooms is how many rooms a user may be a member of: as many as a socket may join.
	maxRooms = 500
	// maxListed is how many public rooms are listed to somebody who is in none of them.
	maxListed = 500
	// maxMembers is how many members one answer has.
	maxMembers = 1000
)

var (
	errNoRoom = chat.E(chat.CodeNotFound, "there is no such room")
	errNoUser = chat.E(chat.CodeNotFound, "there is no such user")
)

// createDefaultRooms makes the rooms that everybody is in, unless they are there.
func (s *Service) createDefaultRooms(ctx context.Context) error {
	for i, id := range chat.DefaultRooms {
		r := store.Room{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Created: int64(i)}
		if err := s.store.CreateRoom(ctx, r); err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("create the default rooms: %w", err)
		}
	}
	return nil
}

// answerAccess answers directoryapi.ServiceAccess.
func (s *Service) answerAccess(ctx context.Context, r directoryapi.AccessRequest) (directoryapi.Access, error) {
	if !chat.ValidID(r.User) || !chat.ValidID(r.Room) {
		return directoryapi.Access{}, chat.E(chat.CodeBadRequest, "that is not an id")
	}
	room, err := s.store.Room(ctx, r.Room)
	if errors.Is(err, store.ErrNotFound) {
		return directoryapi.Access{}, nil // the same as for a private room that the user may not know of
	}
	var a directoryapi.Access
	if err == nil {
		a, err = s.accessTo(ctx, room, r.User)
	}
	if err != nil {
		s.metrics.storeErrors.Inc()
		s.log.Warn("the store failed")
		return a, errors.Join(err, chat.Unavailable("the directory's store does not answer", retryStore))
	}
	return a, nil
}

// accessTo returns what a user may do in a room: members may read and send; everybody may read a public room; everybody
// is a member of the default rooms.
func (s *Service) accessTo(ctx context.Context, room store.Room, user string) (directoryapi.Access, error) {
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

// roomView is a room as a user sees it.
type roomView struct {
	ID      string            `json:"id"`
	Name    string            `json:"name" doc:"Of a direct room: the other's name."`
	Topic   string            `json:"topic"`
	Private bool              `json:"private"`
	Direct  bool              `json:"direct"`
	With    string            `json:"with,omitempty" doc:"Of a direct room: the other's id."`
	Member  bool              `json:"member" doc:"False: a public room that you may join."`
	Role    directoryapi.Role `json:"role,omitempty"`
}

// view describes a room to a user.
func (s *Service) view(ctx context.Context, r store.Room, user string, role directoryapi.Role) (roomView, error) {
	v := roomView{ID: r.ID, Name: r.Name, Topic: r.Topic, Private: r.Private, Direct: r.Direct, Member: role != "", Role: role}
	if !r.Direct {
		return v, nil
	}
	both, err := s.store.Members(ctx, r.ID, "", 2)
	if err != nil {
		return v, err
	}
	for _, m := range both {
		if m.User != user {
			v.With, v.Name = m.User, m.Name
		}
	}
	return v, nil
}

// rooms returns the user's rooms, and the public ones that the user may join.
func (s *Service) rooms(ctx context.Context, user string) ([]roomView, error) {
	views := []roomView{}
	seen := map[string]bool{}
	add := func(r store.Room, role directoryapi.Role) error {
		if seen[r.ID] {
			return nil
		}
		seen[r.ID] = true
		v, err := s.view(ctx, r, user, role)
		views = append(views, v)
		return err
	}
	for _, id := range chat.DefaultRooms {
		r, a, err := s.visible(ctx, id, user)
		if err != nil {
			return nil, err
		}
		if err := add(r, a.Role); err != nil {
			return nil, err
		}
	}
	mine, err := s.store.MembershipsOf(ctx, user, maxRooms)
	if err != nil {
		return nil, err
	}
	for _, m := range mine {
		r, err := s.store.Room(ctx, m.Room)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		if err := add(r, m.Role); err != nil {
			return nil, err
		}
	}
	public, err := s.store.PublicRooms(ctx, maxListed)
	if err != nil {
		return nil, err
	}
	for _, r := range public {
		if err := add(r, ""); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// checkText returns a line of text without space around it, and whether it is printable and short enough.
func checkText(what, text string, most int) (string, error) {
	text = strings.TrimSpace(text)
	bad := utf8.RuneCountInString(text) > most || !utf8.ValidString(text) ||
		strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
	if bad {
		return "", chat.E(chat.CodeBadRequest, fmt.Sprintf("a room's %s is one line of at most %d printable characters", what, most))
	}
	return text, nil
}

func (s *Service) createRoom(ctx context.Context, c auth.Claims, name, topic string, private bool) (roomView, error) {
	name, err := checkText("name", name, maxRoomName)
	if err != nil {
		return roomView{}, err
	}
	if name == "" {
		return roomView{}, chat.E(chat.CodeBadRequest, "a room needs a name")
	}
	if topic, err = checkText("topic", topic, maxTopic); err != nil {
		return roomView{}, err
	}
	if err := s.checkRoomCount(ctx, c.User); err != nil {
		return roomView{}, err
	}
	r := store.Room{ID: chat.NewID(), Name: name, Topic: topic, Private: private, Created: time.Now().UnixMilli()}
	if err := s.store.CreateRoom(ctx, r); err != nil {
		return roomView{}, err
	}
	if err := s.putMember(ctx, r.ID, c.User, c.Name, c.User, directoryapi.RoleOwner); err != nil {
		return roomView{}, err
	}
	return s.view(ctx, r, c.User, directoryapi.RoleOwner)
}

func (s *Service) checkRoomCount(ctx context.Context, user string) error {
	mine, err := s.store.MembershipsOf(ctx, user, maxRooms)
	if err != nil {
		return err
	}
	if len(mine) >= maxRooms {
		return chat.E(chat.CodeTooMany, fmt.Sprintf("nobody can be in more than %d rooms: leave one first", maxRooms))
	}
	return nil
}

func (s *Service) describeRoom(ctx context.Context, c auth.Claims, id string, name, topic *string) (roomView, error) {
	r, a, err := s.visible(ctx, id, c.User)
	if err != nil {
		return roomView{}, err
	}
	if a.Role != directoryapi.RoleOwner {
		return roomView{}, chat.E(chat.CodeForbidden, "only an owner may change the room")
	}
	if name != nil {
		if r.Name, err = checkText("name", *name, maxRoomName); err != nil {
			return roomView{}, err
		}
		if r.Name == "" {
			return roomView{}, chat.E(chat.CodeBadRequest, "a room needs a name")
		}
	}
	if topic != nil {
		if r.Topic, err = checkText("topic", *topic, maxTopic); err != nil {
			return roomView{}, err
		}
	}
	err = s.change(ctx, store.Intent{Kind: directoryapi.ChangeRoom, Room: id, Actor: c.User}, func() error {
		return s.store.DescribeRoom(ctx, id, r.Name, r.Topic)
	})
	if err != nil {
		return roomView{}, err
	}
	return s.view(ctx, r, c.User, a.Role)
}

// direct returns the direct room of two users, which is made if it is not there.
func (s *Service) direct(ctx context.Context, c auth.Claims, with string) (roomView, error) {
	if with == c.User {
		return roomView{}, chat.E(chat.CodeBadRequest, "a direct room has two people")
	}
	other, err := s.user(ctx, with)
	if err != nil {
		return roomView{}, err
	}
	r := store.Room{ID: chat.DirectRoom(c.User, with), Name: "direct", Private: true, Direct: true, Created: time.Now().UnixMilli()}
	if err := s.store.CreateRoom(ctx, r); err != nil && !errors.Is(err, store.ErrConflict) {
		return roomView{}, err
	}
	// Each time, since a crash may have left the room with one of them only.
	for _, m := range []account{{ID: c.User, Name: c.Name}, accountOf(other)} {
		if _, err := s.store.Member(ctx, r.ID, m.ID); err == nil {
			continue
		} else if !errors.Is(err, store.ErrNotFound) {
			return roomView{}, err
		}
		if err := s.putMember(ctx, r.ID, m.ID, m.Name, c.User, directoryapi.RoleMember); err != nil {
			return roomView{}, err
		}
	}
	return s.view(ctx, r, c.User, directoryapi.RoleMember)
}

func (s *Service) user(ctx context.Context, id string) (store.User, error) {
	u, err := s.store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return u, errNoUser
	}
	return u, err
}

func isDefault(room string) bool { return slices.Contains(chat.DefaultRooms, room) }
