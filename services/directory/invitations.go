package directory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// kindList is the kind of an intent to change the list Name of User's.
	kindList = "list"
	// invitationLife is how long an invitation waits for an answer, and how long after a declined
	// one the user is not asked again.
	invitationLife = 14 * 24 * time.Hour
	// maxInvitationsTo is how many unanswered invitations a user may have.
	maxInvitationsTo = 100
	// maxGuestInvitationsTo is how many of those may be from guests, so that a crowd of them keeps
	// nobody else out.
	maxGuestInvitationsTo = 20
	// maxInvitationsBy and maxGuestInvitationsBy are how many invitations by a user, or by a guest,
	// may wait for a yes.
	maxInvitationsBy      = 50
	maxGuestInvitationsBy = 5
	// maxBrought is the number of rooms from which on a user is asked before others bring the user
	// into more, so that they cannot use up all that the user may be in.
	maxBrought = maxRooms / 2
)

var errNoInvitation = chat.E(chat.CodeNotFound, "there is no such invitation")

// invitations asks users into rooms.
type invitations struct {
	*core
	records    *records
	changes    *changes
	rights     *rights
	privacy    *privacy
	auditLog   *auditLog
	quotas     *quotas
	views      *views
	membership *membership
}

// asksBefore reports whether a user is asked before another brings that user into a room.
func (s *invitations) asksBefore(ctx context.Context, c auth.Claims, u store.User) (bool, error) {
	if out, err := s.rights.blocks(ctx, u.ID, c.User); err != nil || out {
		return out, err // and is not even asked: see invite
	}
	if !s.cfg.Invitations {
		return false, nil
	}
	if mine, err := s.store.GroupsOf(ctx, u.ID, maxBrought); err != nil || len(mine) >= maxBrought {
		return true, err
	}
	both, err := s.store.Members(ctx, chat.DirectRoom(c.User, u.ID), "", 2)
	if err != nil || len(both) == 2 {
		return false, err // they talk
	}
	known, err := s.privacy.acquainted(ctx, c, u.ID)
	return !known, err
}

// invite asks a user into a room. It does nothing, and does not tell the asker, if the user blocks
// the asker or is asked already.
func (s *invitations) invite(ctx context.Context, c auth.Claims, r store.Room, u store.User, role directoryapi.Role) error {
	if out, err := s.rights.blocks(ctx, u.ID, c.User); err != nil || out {
		return err
	}
	if _, err := s.store.Invitation(ctx, r.ID, u.ID); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := s.checkInvitations(ctx, c, u.ID, 1); err != nil {
		return err
	}
	from, err := s.membership.headOf(ctx, r.ID)
	if err != nil {
		return err
	}
	now := time.Now()
	inv := store.Invitation{
		Room: r.ID, User: u.ID, Name: u.Name, Role: role, Actor: c.User, ActorName: c.Name, From: from, Created: now.UnixMilli(), Expires: now.Add(invitationLife).UnixMilli(),
	}
	return s.changes.changeList(ctx, u.ID, c.User, chat.ListInvitations, func(ctx context.Context) error {
		err := s.store.CreateInvitation(ctx, inv)
		if errors.Is(err, store.ErrConflict) { // another has just asked
			return nil
		}
		if err != nil {
			return err
		}
		return s.quotas.keepQuota(ctx, s.checkInvitations(ctx, c, u.ID, 0), func(ctx context.Context) error {
			return s.store.DeleteInvitation(ctx, inv.Room, inv.User)
		})
	})
}

// checkInvitations returns an error unless the asker may have so many more unanswered invitations,
// and the user may get them.
func (s *invitations) checkInvitations(ctx context.Context, c auth.Claims, user string, more int) error {
	most := maxInvitationsBy
	if c.Guest {
		most = maxGuestInvitationsBy
	}
	mine, err := s.store.InvitationsBy(ctx, c.User, most+1)
	if err != nil {
		return err
	}
	if len(mine)+more > most {
		return chat.E(chat.CodeTooMany, fmt.Sprintf("%d of your invitations have not been accepted: wait for answers", most))
	}
	theirs, err := s.store.InvitationsTo(ctx, user, maxInvitationsTo+1)
	if err != nil {
		return err
	}
	full := len(theirs)+more > maxInvitationsTo
	if c.Guest && len(theirs)+more > maxGuestInvitationsTo {
		guests := 0
		for _, i := range theirs {
			guest, err := s.records.isGuest(ctx, i.Actor)
			if err != nil {
				return err
			}
			if guest {
				guests++
			}
		}
		full = full || guests+more > maxGuestInvitationsTo
	}
	if full {
		return chat.E(chat.CodeTooMany, "this person has too many invitations to answer")
	}
	return nil
}

// invitationOf returns an invitation that is still good.
func (s *invitations) invitationOf(ctx context.Context, room, user string) (store.Invitation, error) {
	if !chat.ValidID(room) || !chat.ValidID(user) {
		return store.Invitation{}, errNoInvitation
	}
	i, err := s.store.Invitation(ctx, room, user)
	if errors.Is(err, store.ErrNotFound) || err == nil && (i.Declined || i.Expires <= time.Now().UnixMilli()) {
		err = errNoInvitation
	}
	return i, err
}

// acceptInvitation makes the user a member of a room, if the asker may still invite there.
func (s *invitations) acceptInvitation(ctx context.Context, c auth.Claims, room string) (roomView, error) {
	i, err := s.invitationOf(ctx, room, c.User)
	if err != nil {
		return roomView{}, err
	}
	r, err := s.store.Room(ctx, room)
	if errors.Is(err, store.ErrNotFound) {
		return roomView{}, errors.Join(errNoInvitation, s.membership.forgetInvitation(ctx, i))
	} else if err != nil {
		return roomView{}, err
	}
	by, err := s.rights.accessTo(ctx, r, i.Actor)
	if err != nil {
		return roomView{}, err
	}
	out, err := s.rights.banned(ctx, room, c.User)
	if err == nil && !out {
		out, err = s.rights.barred(ctx, r, c.User)
	}
	if err != nil {
		return roomView{}, err
	}
	// Anybody who is asked into a group is one of its people, whoever else is in it.
	may := directoryapi.May(by.Role, directoryapi.ActionInvite, roomPlace(r)) || chat.IsGroup(room)
	if out || !may {
		return roomView{}, errors.Join(errNoInvitation, s.membership.forgetInvitation(ctx, i))
	}
	role := i.Role
	if !role.Voice() && !directoryapi.May(by.Role, directoryapi.ActionAppoint, roomPlace(r)) {
		role = directoryapi.RoleMember
	}
	m, isIn, err := s.records.memberOf(ctx, room, c.User)
	if err != nil {
		return roomView{}, err
	}
	if isIn {
		role = m.Role
	} else {
		if err := s.quotas.checkRoomCount(ctx, c.User, 1); err != nil {
			return roomView{}, err
		}
		if role, err = s.membership.entering(ctx, r, c.User, role, by.Role); err != nil {
			return roomView{}, err
		}
		act := store.Act{Action: actMemberAdd, Room: room, Subject: c.User, SubjectName: c.Name, Detail: "invited by " + i.Actor}
		err := s.auditLog.audit(ctx, act, func(ctx context.Context) error {
			return s.membership.putNewMember(ctx, room, c.User, c.Name, c.User, role)
		})
		if err != nil {
			return roomView{}, err
		}
	}
	if err := s.membership.forgetInvitation(ctx, i); err != nil {
		return roomView{}, err
	}
	return s.views.view(ctx, r, c.User, role)
}

// declineInvitation takes an invitation off the user's list; the asker is not told.
func (s *invitations) declineInvitation(ctx context.Context, c auth.Claims, room string) error {
	if _, err := s.invitationOf(ctx, room, c.User); err != nil {
		return err
	}
	return unlessMissing(s.changes.changeList(ctx, c.User, c.User, chat.ListInvitations, func(ctx context.Context) error {
		return s.store.DeclineInvitation(ctx, room, c.User)
	}))
}

// withdrawInvitation ends an invitation: the asker may, and members who may remove others there.
func (s *invitations) withdrawInvitation(ctx context.Context, c auth.Claims, room, user string) error {
	r, role, err := s.rights.permitted(ctx, directoryapi.ActionInvite, room, c.User)
	if err != nil {
		return err
	}
	i, err := s.invitationOf(ctx, room, user)
	if err != nil {
		return err
	}
	if i.Actor != c.User {
		if err := may(role, directoryapi.ActionRemove, roomPlace(r)); err != nil {
			return err
		}
	}
	return s.membership.forgetInvitation(ctx, i)
}

// endInvitations removes the invitations that have expired.
func (s *invitations) endInvitations(ctx context.Context) error {
	old, err := s.store.InvitationsBefore(ctx, time.Now().UnixMilli(), endedRequests)
	if err != nil {
		return err
	}
	for _, i := range old {
		if err := s.store.DeleteInvitation(ctx, i.Room, i.User); err != nil {
			return err
		}
	}
	return nil
}

// endInvitationsOf removes the invitations to and by a user who is removed.
func (s *invitations) endInvitationsOf(ctx context.Context, user string) error {
	for _, find := range []func(context.Context, string, int) ([]store.Invitation, error){s.store.InvitationsTo, s.store.InvitationsBy} {
		err := drain(func() ([]store.Invitation, error) { return find(ctx, user, endedRequests) },
			func(i store.Invitation) error { return s.store.DeleteInvitation(ctx, i.Room, i.User) })
		if err != nil {
			return err
		}
	}
	return nil
}

type invitationView struct {
	Room     string            `json:"room"`
	RoomName string            `json:"room_name"`
	Private  bool              `json:"private"`
	User     string            `json:"user" doc:"Who is asked."`
	Name     string            `json:"name"`
	By       string            `json:"by" doc:"Id of the user who asks."`
	ByName   string            `json:"by_name"`
	Role     directoryapi.Role `json:"role"`
	Since    int64             `json:"since" doc:"UTC milliseconds."`
	Until    int64             `json:"until" doc:"UTC milliseconds."`
}

type invitationsOutput struct {
	Invitations []invitationView `json:"invitations"`
}

// invitationViews describes invitations that have not expired, to rooms that exist.
func (s *invitations) invitationViews(ctx context.Context, all []store.Invitation) (out invitationsOutput, err error) {
	out.Invitations = []invitationView{}
	var ids []string
	for _, i := range all {
		ids = append(ids, i.Room)
	}
	rooms, err := s.store.Rooms(ctx, ids)
	byID := map[string]store.Room{}
	for _, r := range rooms {
		byID[r.ID] = r
	}
	for _, i := range all {
		if r, ok := byID[i.Room]; ok && !i.Declined && i.Expires > time.Now().UnixMilli() {
			out.Invitations = append(out.Invitations, invitationView{
				Room: i.Room, RoomName: r.Name, Private: r.Private, User: i.User, Name: i.Name, By: i.Actor, ByName: i.ActorName,
				Role: i.Role, Since: i.Created, Until: i.Expires,
			})
		}
	}
	if err == nil {
		err = s.views.nameInvitedGroups(ctx, out.Invitations)
	}
	if err != nil {
		return out, err
	}
	var names []named
	for i := range out.Invitations {
		v := &out.Invitations[i]
		names = append(names, named{v.User, &v.Name}, named{v.By, &v.ByName})
	}
	return out, s.records.unname(ctx, names)
}

// myInvitations lists the rooms that a user is asked into, newest first.
func (s *invitations) myInvitations(ctx context.Context, c auth.Claims) (out invitationsOutput, err error) {
	all, err := s.store.InvitationsTo(ctx, c.User, maxInvitationsTo)
	if err != nil {
		return out, err
	}
	return s.invitationViews(ctx, all)
}

func (s *invitations) invitationRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/invitations", "my-invitations", "The rooms that I am asked into, newest first"),
		func(ctx context.Context, _ *struct{}) (invitationsOutput, error) {
			return s.myInvitations(ctx, httpapi.User(ctx))
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/invitations/{room}/accept", "accept-invitation", "Become a member of a room that I am asked into"),
		limited(s.core, func(ctx context.Context, in *roomInput) (roomView, error) {
			return s.acceptInvitation(ctx, httpapi.User(ctx), in.Room)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/invitations/{room}", "decline-invitation", "Decline an invitation; who asked is not told"),
		limited(s.core, func(ctx context.Context, in *roomInput) (empty, error) {
			return empty{}, s.declineInvitation(ctx, httpapi.User(ctx), in.Room)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/rooms/{room}/invitations", "room-invitations", "Who is asked into a room"),
		func(ctx context.Context, in *membersInput) (out invitationsOutput, err error) {
			if err := checkAfter(in.After, "user"); err != nil {
				return out, err
			}
			if _, _, err := s.rights.permitted(ctx, directoryapi.ActionInvite, in.Room, httpapi.User(ctx).User); err != nil {
				return out, err
			}
			all, err := s.store.InvitationsIn(ctx, in.Room, in.After, maxMembers)
			if err != nil {
				return out, err
			}
			for i := range all {
				all[i].Declined = false // nobody but the user is told
			}
			return s.invitationViews(ctx, all)
		})
	route(s.core, api, guarded(http.MethodDelete, "/v1/rooms/{room}/invitations/{user}", "withdraw-invitation", "Ask somebody into a room no more"),
		limited(s.core, func(ctx context.Context, in *memberInput) (empty, error) {
			return empty{}, s.withdrawInvitation(ctx, httpapi.User(ctx), in.Room, in.User)
		}))
}
