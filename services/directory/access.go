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
	// errNoRoom leaves open which of the two it is: only members may know that a private room
	// exists.
	errNoRoom = chat.E(chat.CodeForbidden, "there is no such room, or you may not enter it")
	errNoUser = chat.E(chat.CodeNotFound, "there is no such user")
)

func isDefault(room string) bool { return slices.Contains(chat.DefaultRooms, room) }

// rights answers what a user may do in a room and on the server.
type rights struct {
	*core
	records      *records
	serverRecord *serverRecord
}

// answerAccess answers directoryapi.ServiceAccess.
func (s *rights) answerAccess(ctx context.Context, r directoryapi.AccessRequest) (directoryapi.Access, error) {
	if !chat.ValidID(r.User) || !chat.ValidID(r.Room) {
		return directoryapi.Access{}, chat.E(chat.CodeBadRequest, "that is not an id")
	}
	// no room is the same as one that the user may not know of
	a, _, err := s.accessNow(ctx, r.Room, r.User)
	if err == nil && a.Role != "" && !isDefault(r.Room) {
		var n int
		n, err = s.records.countMembers(ctx, r.Room, directoryapi.SmallRoom+1)
		a.Small = n <= directoryapi.SmallRoom
	}
	return a, s.stored(err)
}

// accessNow returns what a user may do in a room, and whether there is one.
func (s *rights) accessNow(ctx context.Context, room, user string) (a directoryapi.Access, there bool, err error) {
	r, there, err := s.records.roomThere(ctx, room)
	if err != nil || !there {
		return a, false, err
	}
	a, err = s.accessTo(ctx, r, user)
	return a, true, err
}

// roomPlace returns what rights in a room depend on besides the role.
func roomPlace(r store.Room) directoryapi.Place {
	switch {
	case isDefault(r.ID):
		return directoryapi.DefaultRoom
	case isTalk(r):
		return directoryapi.DirectRoom
	case r.Private:
		return directoryapi.PrivateRoom
	}
	return directoryapi.PublicRoom
}

// accessTo returns what a user may do in a room: what the user's role allows there, and nothing for
// a banned user.
func (s *rights) accessTo(ctx context.Context, room store.Room, user string) (directoryapi.Access, error) {
	if out, err := s.banned(ctx, room.ID, user); err != nil || out {
		return directoryapi.Access{}, err
	}
	if out, err := s.barred(ctx, room, user); err != nil || out {
		return directoryapi.Access{}, err
	}
	m, _, err := s.records.memberOf(ctx, room.ID, user)
	if err != nil {
		return directoryapi.Access{}, err
	}
	place := roomPlace(room)
	if m.Role == "" && place == directoryapi.DefaultRoom {
		m.Role = directoryapi.RoleMember // as everybody is
	}
	a := directoryapi.Access{Role: m.Role, Read: directoryapi.May(m.Role, directoryapi.ActionRead, place)}
	if room.Direct {
		if a, err = s.directAccess(ctx, room.ID, user, m); err != nil {
			return directoryapi.Access{}, err
		}
		a.React = a.Send
	} else {
		a.Direct = isTalk(room)
		ruled(&a, room, place)
	}
	if err := s.narrow(ctx, &a, user); err != nil {
		return directoryapi.Access{}, err
	}
	return a, s.muted(ctx, &a, room.ID, user)
}

// refusals are the messages for users who may not do an action in a room: the first where nobody
// may do it, the second elsewhere.
var refusals = map[directoryapi.Action]struct{ nobody, others string }{
	directoryapi.ActionEnter:       {"nobody can become a member of this room", "you may not become a member of this room"},
	directoryapi.ActionLeave:       {"nobody can leave this room: it is for everybody", "you may not leave this room"},
	directoryapi.ActionListMembers: {"nobody may see who is in the room", "only members may see who is in the room"},
	directoryapi.ActionInvite:      {"a direct room is for the people who opened it: open another", "only members may bring others in"},
	directoryapi.ActionAppoint:     {"nobody has another role in this room", "only an owner may give roles"},
	directoryapi.ActionRestrict:    {"nobody has another role in this room", "only moderators and owners may make a member a reader, or a reader a member"},
	directoryapi.ActionRemove:      {"nobody can be removed from this room", "only moderators and owners may remove members, who are not above them"},
	directoryapi.ActionDescribe:    {"a direct room has no name and topic", "only an owner may change the room"},
	directoryapi.ActionHide:        {"this room is for everybody", "only an owner may change the room"},
	directoryapi.ActionListBans:    {"nobody is banned from a direct room", "only moderators and owners may do that"},
	directoryapi.ActionBan:         {"nobody is banned from a direct room", "only moderators and owners may ban others, who are not above them"},
	directoryapi.ActionUnban:       {"nobody is banned from a direct room", "only moderators and owners may do that"},
	directoryapi.ActionMute:        {"nobody is muted in a direct room", "only moderators and owners may mute others, who are not above them"},
	directoryapi.ActionReport:      {"nothing can be reported here", "only members may report what is said here"},
	directoryapi.ActionReview:      {"reports about a direct room are for operators", "only moderators and owners may see reports"},
	directoryapi.ActionPurge:       {"in a direct room nobody deletes another's messages", "only moderators and owners may delete the messages of others, who are not above them"},
	directoryapi.ActionArchive:     {"this room cannot be archived: it is for everybody, or a direct one", "only an owner may archive the room, or restore it"},
	directoryapi.ActionDelete:      {"this room cannot be deleted: it is for everybody, or a direct one", "only an owner may delete the room"},
	directoryapi.ActionExport:      {"nobody takes a copy of this room", "only an owner may take a copy of the room"},
	directoryapi.ActionClear:       {"nobody removes all that was said in a direct room", "only moderators and owners may reset the room"},
	directoryapi.ActionRetain:      {"messages of a direct room are kept as long as the server says", "only an owner may change how long messages are kept"},
	directoryapi.ActionSlow:        {"a direct room has no slow mode", "only moderators and owners may set the slow mode"},
}

// protected are the messages for operators who may not do an action to another operator.
var protected = map[directoryapi.Action]string{
	directoryapi.ActionBan:   "an operator cannot be banned: take the role away first",
	directoryapi.ActionMute:  "an operator cannot be muted on the server: take the role away first",
	directoryapi.ActionPurge: "an operator's messages cannot be deleted by others: take the role away first",
}

// refusal returns the error for a user who may not do an action in a place.
func refusal(action directoryapi.Action, place directoryapi.Place) error {
	text := refusals[action].others
	switch {
	case place == directoryapi.WholeServer:
		text = "only who runs this server may do that"
	case !directoryapi.AnybodyMay(action, place):
		text = refusals[action].nobody
	}
	return chat.E(chat.CodeForbidden, text)
}

// may returns an error unless somebody with a role may do an action in a place.
func may(role directoryapi.Role, action directoryapi.Action, place directoryapi.Place) error {
	if !directoryapi.May(role, action, place) {
		return refusal(action, place)
	}
	return nil
}

// mayTo returns an error unless somebody with a role may do an action in a place to another with a
// role.
func mayTo(role directoryapi.Role, action directoryapi.Action, place directoryapi.Place, other directoryapi.Role) error {
	switch {
	case directoryapi.MayTo(role, action, place, other):
		return nil
	case place == directoryapi.WholeServer && directoryapi.May(role, action, place):
		return chat.E(chat.CodeForbidden, protected[action])
	}
	return refusal(action, place)
}

// permitted returns a room in which the user may do an action, and what the user is there.
func (s *rights) permitted(ctx context.Context, action directoryapi.Action, id, user string) (store.Room, directoryapi.Role, error) {
	r, a, err := s.visible(ctx, id, user)
	if err == nil {
		err = may(a.Role, action, roomPlace(r))
	}
	return r, a.Role, err
}

// permittedOnServer returns an error unless the user may do an action to the whole server.
func (s *rights) permittedOnServer(ctx context.Context, action directoryapi.Action, user string) (directoryapi.Role, error) {
	if user == "" && consoleOf(ctx) != "" {
		return directoryapi.RoleOperator, nil
	}
	role, err := s.serverRecord.serverRole(ctx, user)
	if err == nil {
		err = may(role, action, directoryapi.WholeServer)
	}
	return role, err
}

// standing is what somebody is in a room, or on the whole server.
type standing struct {
	room  string // or wholeServer
	place directoryapi.Place
	role  directoryapi.Role
}

// permittedIn returns what the user is where an action is permitted: in a room, or on the whole
// server.
func (s *rights) permittedIn(ctx context.Context, action directoryapi.Action, room, user string) (standing, error) {
	if room == wholeServer {
		role, err := s.permittedOnServer(ctx, action, user)
		return standing{room, directoryapi.WholeServer, role}, err
	}
	r, role, err := s.permitted(ctx, action, room, user)
	return standing{room, roomPlace(r), role}, err
}

// checkOver returns an error unless somebody may do an action to another user.
func (s *rights) checkOver(ctx context.Context, mine standing, action directoryapi.Action, user string) error {
	theirs, err := s.roleIn(ctx, mine.room, user)
	if err != nil {
		return err
	}
	return mayTo(mine.role, action, mine.place, theirs)
}

// roleIn returns the role of a user in a room, or on the whole server; empty: none.
func (s *rights) roleIn(ctx context.Context, room, user string) (directoryapi.Role, error) {
	if room == wholeServer {
		return s.serverRecord.serverRole(ctx, user)
	}
	m, _, err := s.records.memberOf(ctx, room, user)
	return m.Role, err
}

// visible returns a room and what the user may do in it. It answers that there is no such room
// where the user may not know of it.
func (s *rights) visible(ctx context.Context, id, user string) (store.Room, directoryapi.Access, error) {
	if !chat.ValidID(id) {
		return store.Room{}, directoryapi.Access{}, errNoRoom
	}
	room, err := s.store.Room(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		// It asks the same questions as for a private room, so that the time of the answer does not
		// tell which it is.
		room = store.Room{ID: id, Private: true}
	} else if err != nil {
		return room, directoryapi.Access{}, err
	}
	none := err != nil
	a, err := s.accessTo(ctx, room, user)
	if err == nil && (none || !a.Read) {
		room, a, err = store.Room{}, directoryapi.Access{}, errNoRoom
	}
	return room, a, err
}
