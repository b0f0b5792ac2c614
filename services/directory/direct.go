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

const (
	// kindDirect is the kind of an intent to change User's membership of a direct room. If it has a
	// Role, the room is told, too.
	kindDirect = "direct"
	// maxDirects is how many direct rooms are listed with a user's rooms; users find the others by
	// the person.
	maxDirects = 200
	// endOfTime is later than any time in UTC milliseconds.
	endOfTime = 1 << 52
)

// directRoom returns the record of a direct room.
func directRoom(id string) store.Room {
	return store.Room{ID: id, Name: "direct", Private: true, Direct: true}
}

// directs opens, hides and ends direct rooms of two people, and the requests that strangers
// begin with.
type directs struct {
	*core
	records    *records
	changes    *changes
	rights     *rights
	privacy    *privacy
	quotas     *quotas
	views      *views
	membership *membership
}

// direct returns the direct room of two users, and opens it if it is not there. For a stranger it
// is a request, which begins with the first message.
func (s *directs) direct(ctx context.Context, c auth.Claims, with string) (roomView, error) {
	if with == c.User {
		return roomView{}, chat.E(chat.CodeBadRequest, "you cannot open a direct room with yourself")
	}
	other, err := s.records.user(ctx, with)
	if err != nil {
		return roomView{}, err
	}
	if out, err := s.rights.blocks(ctx, c.User, with); err != nil {
		return roomView{}, err
	} else if out {
		return roomView{}, chat.E(chat.CodeConflict, "you block this person: unblock them first")
	}
	if out, err := s.rights.blocks(ctx, with, c.User); err != nil {
		return roomView{}, err
	} else if out {
		return roomView{}, errTakesNone
	}
	id := chat.DirectRoom(c.User, with)
	mine, isIn, err := s.records.memberOf(ctx, id, c.User)
	if err != nil {
		return roomView{}, err
	}
	_, otherIn, err := s.records.memberOf(ctx, id, with)
	if err != nil {
		return roomView{}, err
	}
	asked, err := s.records.requestIn(ctx, id)
	if err != nil {
		return roomView{}, err
	}
	switch {
	case isIn && otherIn:
		if mine.Hidden {
			err = s.hideDirect(ctx, id, c.User, c.Name, false)
		}
		if err == nil && asked.To == c.User { // a failure has left it: both are in already
			err = s.store.DeleteRequest(ctx, id)
		}
	case otherIn, asked.To == c.User:
		err = s.enterDirect(ctx, c, other.ID, other.Name)
	case asked.From == c.User && isIn: // it is for the other to accept
	default:
		err = s.openDirect(ctx, c, other, asked)
	}
	if err != nil {
		return roomView{}, err
	}
	v, err := s.views.view(ctx, directRoom(id), c.User, directoryapi.RoleMember)
	v.With, v.Name = other.ID, other.Name
	return v, err
}

// openDirect makes a direct room of both, or a request. Each step may be there already, from before
// a crash.
func (s *directs) openDirect(ctx context.Context, c auth.Claims, other store.User, asked store.Request) error {
	if err := s.rights.accountMay(c, directoryapi.ActionOpenDirect); err != nil {
		return err
	}
	if err := s.privacy.checkWritten(ctx, c, other.ID); err != nil {
		return err
	}
	if err := s.quotas.checkDirects(ctx, c, 1); err != nil {
		return err
	}
	known, err := s.privacy.acquainted(ctx, c, other.ID)
	if err != nil {
		return err
	}
	now := time.Now()
	r := directRoom(chat.DirectRoom(c.User, other.ID))
	r.Created, r.Creator = now.UnixMilli(), c.User
	switch err := s.store.CreateRoom(ctx, r); {
	case errors.Is(err, store.ErrConflict): // it is there
	case err != nil:
		return err
	default:
		err := s.quotas.keepQuota(ctx, s.quotas.checkDirects(ctx, c, 0), func(ctx context.Context) error { return s.store.DeleteRoom(ctx, r.ID) })
		if err != nil {
			return err
		}
	}
	if !s.cfg.Requests || known {
		return s.enterDirect(ctx, c, other.ID, other.Name)
	}
	if asked.From != c.User {
		err := s.store.CreateRequest(ctx, store.Request{
			Room: r.ID, From: c.User, FromName: c.Name, To: other.ID, ToName: other.Name, Created: now.UnixMilli(), Expires: now.Add(requestLife).UnixMilli(),
		})
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return s.membership.putMember(ctx, r.ID, c.User, c.Name, c.User, directoryapi.RoleMember)
}

// enterDirect makes both members of a direct room that both want, before either is told: each sees
// the other at once.
func (s *directs) enterDirect(ctx context.Context, c auth.Claims, other, otherName string) error {
	id := chat.DirectRoom(c.User, other)
	var missing []store.Member
	for _, m := range []store.Member{{User: other, Name: otherName}, {User: c.User, Name: c.Name}} {
		_, isIn, err := s.records.memberOf(ctx, id, m.User)
		if err != nil {
			return err
		}
		if !isIn {
			m.Room, m.Role, m.Since = id, directoryapi.RoleMember, time.Now().UnixMilli()
			missing = append(missing, m)
		}
	}
	enter := func(ctx context.Context) error {
		for _, m := range missing {
			if err := s.store.PutMember(ctx, m); err != nil {
				return err
			}
		}
		return s.store.DeleteRequest(ctx, id)
	}
	for _, m := range missing { // the intents of both are kept before the change
		i := store.Intent{Kind: kindDirect, Room: id, User: m.User, Name: m.Name, Actor: c.User, Role: string(directoryapi.RoleMember), From: fromStart}
		put := enter
		enter = func(ctx context.Context) error { return s.changes.change(ctx, i, put) }
	}
	if len(missing) == 0 {
		return nil
	}
	return enter(ctx)
}

// hideDirect takes a direct room from a user's list until the other writes again, or puts it back.
// The other is not told.
func (s *directs) hideDirect(ctx context.Context, room, user, name string, hidden bool) error {
	i := store.Intent{Kind: kindDirect, Room: room, User: user, Name: name, Actor: user}
	return s.changes.change(ctx, i, func(ctx context.Context) error { return s.store.SetHidden(ctx, room, user, hidden) })
}

// hide hides a direct room of the user's.
func (s *directs) hide(ctx context.Context, c auth.Claims, room string) error {
	r, _, err := s.rights.permitted(ctx, directoryapi.ActionLeave, room, c.User)
	if err == nil && !r.Direct {
		err = chat.E(chat.CodeForbidden, "only direct rooms can be hidden: leave this one")
	}
	if err != nil {
		return err
	}
	return unlessMissing(s.hideDirect(ctx, room, c.User, c.Name, true))
}

// leaveDirect ends a user's membership of a direct room. What the other writes then is a request.
func (s *directs) leaveDirect(ctx context.Context, c auth.Claims, room string) error {
	both, err := s.store.Members(ctx, room, "", 2)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(both, func(m store.Member) bool { return m.User != c.User })
	if at < 0 {
		return s.leaveRequest(ctx, c, room)
	}
	other := both[at]
	i := store.Intent{Kind: kindDirect, Room: room, User: c.User, Name: c.Name, Actor: c.User}
	return s.changes.change(ctx, i, func(ctx context.Context) error {
		err := s.store.CreateRequest(ctx, store.Request{
			Room: room, From: other.User, FromName: other.Name, To: c.User, ToName: c.Name, Created: time.Now().UnixMilli(),
		})
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
		return s.store.DeleteMember(ctx, room, c.User)
	})
}

// leaveRequest ends the membership of the only member of a direct room. A request with messages, or
// a refused one, stays until it expires: otherwise its sender could leave, begin anew, and send as
// many messages again.
func (s *directs) leaveRequest(ctx context.Context, c auth.Claims, room string) error {
	asked, err := s.records.requestIn(ctx, room)
	if err != nil {
		return err
	}
	if asked.From != c.User || asked.Expires == 0 || len(asked.Sent) == 0 && !asked.Refused {
		return s.endDirect(ctx, room, c.User)
	}
	return s.membership.deleteMember(ctx, room, store.Member{User: c.User, Name: c.Name}, c.User)
}

// endDirect removes a direct room for both.
func (s *directs) endDirect(ctx context.Context, room, actor string) error {
	both, err := s.store.Members(ctx, room, "", 2)
	if err != nil {
		return err
	}
	for _, m := range both {
		if err := s.membership.deleteMember(ctx, room, m, actor); err != nil {
			return err
		}
	}
	if err := s.store.DeleteRequest(ctx, room); err != nil {
		return err
	}
	return s.store.DeleteRoom(ctx, room)
}

// tellDirect tells the caches of permissions and the user's devices of the user's membership of a
// direct room as it is now, and the room if the user has joined.
func (s *directs) tellDirect(ctx context.Context, i store.Intent) error {
	if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: i.Room}); err != nil {
		return err
	}
	m, isIn, err := s.records.memberOf(ctx, i.Room, i.User)
	if err != nil {
		return err
	}
	if isIn && i.Role != "" {
		if err := s.changes.event(ctx, memberEvent(i, i.ID, m.Role)); err != nil {
			return err
		}
	}
	if err := s.changes.listChanged(ctx, i.User, i.ID+"-requests", chat.ListRequests, i.Created); err != nil {
		return err
	}
	if m.Hidden {
		m.Role = "" // a hidden room is not in the user's list
	}
	return s.changes.event(ctx, ownEvent(i, i.ID, m.Role))
}

// directAccess returns what a user may do in a direct room, of which m is the user's membership, or
// none.
func (s *rights) directAccess(ctx context.Context, room, user string, m store.Member) (a directoryapi.Access, err error) {
	both, err := s.store.Members(ctx, room, "", 2)
	if err != nil {
		return a, err
	}
	at := slices.IndexFunc(both, func(m store.Member) bool { return m.User != user })
	var asked store.Request
	if m.Role == "" || at < 0 {
		if asked, err = s.records.requestIn(ctx, room); err != nil {
			return a, err
		}
	}
	if m.Role == "" {
		// who is asked may look, and nobody else
		return directoryapi.Access{Read: asked.To == user && asked.Visible()}, nil
	}
	a = directoryapi.Access{Role: m.Role, Direct: true, Read: directoryapi.May(m.Role, directoryapi.ActionRead, directoryapi.DirectRoom)}
	other := asked.To
	if at >= 0 {
		other = both[at].User
	}
	if other == "" {
		return a, nil // who has gone for good
	}
	if out, err := s.apart(ctx, user, other); err != nil || out {
		return a, err
	}
	switch {
	case at < 0:
		a.Ask = asked.From == user && !asked.Refused
	case both[at].Hidden:
		a.Ask = true
	default:
		a.Send = directoryapi.May(m.Role, directoryapi.ActionSend, directoryapi.DirectRoom)
	}
	return a, nil
}
