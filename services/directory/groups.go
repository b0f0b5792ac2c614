package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// maxGroup is how many people a group has at most.
const maxGroup = 20

// isTalk reports whether a room is one of certain people: a direct room, or a group.
func isTalk(r store.Room) bool { return r.Direct || chat.IsGroup(r.ID) }

// otherView is one of the others in a group.
type otherView struct {
	User string `json:"user"`
	Name string `json:"name"`
}

// groups opens direct rooms of more than two people.
type groups struct {
	*core
	records     *records
	rights      *rights
	privacy     *privacy
	quotas      *quotas
	views       *views
	membership  *membership
	directs     *directs
	invitations *invitations
}

// talk returns the direct room with one other, or the group with several.
func (s *groups) talk(ctx context.Context, c auth.Claims, user string, users []string) (roomView, error) {
	if user != "" {
		users = append(slices.Clone(users), user)
	}
	slices.Sort(users)
	users = slices.DeleteFunc(slices.Compact(users), func(id string) bool { return id == c.User })
	switch {
	case len(users) == 1:
		return s.directs.direct(ctx, c, users[0])
	case len(users) == 0:
		return s.directs.direct(ctx, c, c.User) // which says why not
	case len(users) >= maxGroup:
		return roomView{}, chat.E(chat.CodeBadRequest, fmt.Sprintf("a group has at most %d people: make a room for more", maxGroup))
	}
	return s.group(ctx, c, users)
}

// group returns the group of a user and others, who are sorted. It is made if it is not there, or
// the user has left it: then acquaintances are in it, and strangers are asked, as they are for a
// private room.
func (s *groups) group(ctx context.Context, c auth.Claims, others []string) (roomView, error) {
	id := chat.GroupRoom(append(slices.Clone(others), c.User)...)
	r := store.Room{ID: id, Name: "group", Private: true, Created: time.Now().UnixMilli(), Creator: c.User}
	_, isIn, err := s.records.memberOf(ctx, id, c.User)
	if err != nil {
		return roomView{}, err
	}
	if !isIn {
		if err := s.openGroup(ctx, c, r, others); err != nil {
			return roomView{}, err
		}
	}
	return s.views.view(ctx, r, c.User, directoryapi.RoleMember)
}

// openGroup brings a user into a group, and those who are not in it yet. Each step may be there
// already, from before a crash; the user comes last, so that the others are not forgotten.
func (s *groups) openGroup(ctx context.Context, c auth.Claims, r store.Room, others []string) error {
	if err := s.rights.accountMay(c, directoryapi.ActionOpenDirect); err != nil {
		return err
	}
	if out, err := s.rights.barred(ctx, r, c.User); err != nil {
		return err
	} else if out {
		return errNoGuestsHere
	}
	var people []store.User
	for _, id := range others {
		u, err := s.grouped(ctx, c, r, id)
		if err != nil {
			return err
		}
		people = append(people, u)
	}
	if err := s.quotas.checkRoomCount(ctx, c.User, 1); err != nil {
		return err
	}
	_, there, err := s.records.roomThere(ctx, r.ID)
	if err != nil {
		return err
	}
	if !there {
		if err := s.quotas.checkDirects(ctx, c, 1); err != nil {
			return err
		}
		switch err := s.store.CreateRoom(ctx, r); {
		case errors.Is(err, store.ErrConflict): // another has just made it
			there = true
		case err != nil:
			return err
		default:
			err := s.quotas.keepQuota(ctx, s.quotas.checkDirects(ctx, c, 0), func(ctx context.Context) error { return s.store.DeleteRoom(ctx, r.ID) })
			if err != nil {
				return err
			}
		}
	}
	for _, u := range people {
		if err := s.bringIntoGroup(ctx, c, r, u, there); err != nil {
			return err
		}
	}
	if err := s.membership.putNewMember(ctx, r.ID, c.User, c.Name, c.User, directoryapi.RoleMember); err != nil {
		return err
	}
	if i, err := s.store.Invitation(ctx, r.ID, c.User); err == nil {
		return s.membership.forgetInvitation(ctx, i) // it is answered
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// grouped returns somebody who may be in a group that a user opens.
func (s *groups) grouped(ctx context.Context, c auth.Claims, r store.Room, id string) (store.User, error) {
	u, err := s.records.user(ctx, id)
	if err != nil {
		return u, err
	}
	if out, err := s.rights.blocks(ctx, c.User, id); err != nil {
		return u, err
	} else if out {
		return u, chat.E(chat.CodeConflict, fmt.Sprintf("you block %s: unblock them first", u.Name))
	}
	if out, err := s.rights.blocks(ctx, id, c.User); err != nil {
		return u, err
	} else if out {
		return u, errTakesNone
	}
	if out, err := s.rights.barred(ctx, r, id); err != nil {
		return u, err
	} else if out {
		return u, errNoGuestsHere
	}
	return u, s.privacy.checkWritten(ctx, c, id)
}

// bringIntoGroup makes a user a member of a group, or asks the user. Whoever is not in a group that
// was there before has left it, and is always asked.
func (s *groups) bringIntoGroup(ctx context.Context, c auth.Claims, r store.Room, u store.User, before bool) error {
	_, isIn, err := s.records.memberOf(ctx, r.ID, u.ID)
	if err != nil || isIn {
		return err
	}
	ask := before
	if !ask {
		if ask, err = s.invitations.asksBefore(ctx, c, u); err != nil {
			return err
		}
	}
	if ask {
		return s.invitations.invite(ctx, c, r, u, directoryapi.RoleMember)
	}
	if err := s.quotas.checkRoomCount(ctx, u.ID, 1); err != nil {
		return err
	}
	return s.membership.putNewMember(ctx, r.ID, u.ID, u.Name, c.User, directoryapi.RoleMember)
}

// nameGroups adds to the groups among views their people, except the user, and a name made of those
// people's names. A group that nobody else is in yet is named after the users who are invited.
func (s *views) nameGroups(ctx context.Context, user string, views []roomView, members []store.Member) error {
	at := map[string]int{}
	for i, v := range views {
		if chat.IsGroup(v.ID) {
			at[v.ID] = i
		}
	}
	for _, m := range members {
		if i, ok := at[m.Room]; ok && m.User != user {
			views[i].People = append(views[i].People, otherView{m.User, m.Name})
		}
	}
	for id, i := range at {
		people := slices.Clone(views[i].People)
		if len(people) == 0 {
			asked, err := s.store.InvitationsIn(ctx, id, "", maxGroup)
			if err != nil {
				return err
			}
			for _, a := range asked {
				if a.User != user {
					people = append(people, otherView{a.User, a.Name})
				}
			}
		}
		views[i].Name = groupName(people)
	}
	return nil
}

// talkName returns what a room of certain people is called for one of them.
func (s *groups) talkName(ctx context.Context, r store.Room, user string) (string, error) {
	members, err := s.store.Members(ctx, r.ID, "", maxGroup)
	var people []otherView
	for _, m := range members {
		if m.User != user {
			people = append(people, otherView{m.User, m.Name})
		}
	}
	return groupName(people), err
}

// groupName returns the names of people, as one.
func groupName(people []otherView) string {
	var all []string
	for _, p := range people {
		all = append(all, p.Name)
	}
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
	})
	return cmp.Or(strings.Join(all, ", "), "Nobody else")
}

// nameInvitedGroups names the groups of invitations after the people who are in them.
func (s *views) nameInvitedGroups(ctx context.Context, all []invitationView) error {
	var groups []string
	for _, i := range all {
		if chat.IsGroup(i.Room) {
			groups = append(groups, i.Room)
		}
	}
	if len(groups) == 0 {
		return nil
	}
	members, err := s.store.MembersOf(ctx, groups)
	people := map[string][]otherView{}
	for _, m := range members {
		people[m.Room] = append(people[m.Room], otherView{m.User, m.Name})
	}
	for i := range all {
		if !chat.IsGroup(all[i].Room) {
			continue
		}
		in := people[all[i].Room]
		// The user who invites becomes a member last: see openGroup.
		if !slices.ContainsFunc(in, func(o otherView) bool { return o.User == all[i].By }) {
			in = append(slices.Clone(in), otherView{all[i].By, all[i].ByName})
		}
		all[i].RoomName = groupName(in)
	}
	return err
}
