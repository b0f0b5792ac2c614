package directory

import (
	"cmp"
	"context"
	"errors"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// maxListed is how many public rooms a user's list of rooms has.
	maxListed = 500
	// maxMembers is how many members one page has.
	maxMembers = 1000
)

// roomView is a room as a user sees it.
type roomView struct {
	ID      string            `json:"id"`
	Name    string            `json:"name" doc:"Of a direct room: the names of the others."`
	Topic   string            `json:"topic"`
	Private bool              `json:"private"`
	Direct  bool              `json:"direct"`
	With    string            `json:"with,omitempty" doc:"Of a direct room of two: the other user's id."`
	People  []otherView       `json:"people,omitempty" doc:"Of a group: its other members."`
	Member  bool              `json:"member" doc:"False: a public room that you may join."`
	Role    directoryapi.Role `json:"role,omitempty"`
	Since   int64             `json:"since,omitempty" doc:"In a list of rooms: when you became a member, in UTC milliseconds; absent: a default room."`

	Slow     int        `json:"slow,omitempty" doc:"Slow mode: seconds between two messages of a member."`
	Announce string     `json:"announce,omitempty" doc:"Only moderators and owners may send. react: members may react; silent: members only read."`
	Guests   *bool      `json:"guests,omitempty" doc:"false: guests may not enter; absent: they may."`
	Versions *bool      `json:"versions,omitempty" doc:"false: nobody sees earlier versions of edited messages; absent: readers of the room do."`
	Archived int64      `json:"archived,omitempty" doc:"When it was archived, in UTC milliseconds: it is read-only, and lists leave it out."`
	Muted    *mutedView `json:"muted,omitempty" doc:"You may not write here."`
	Kept     *keptView  `json:"kept,omitempty" doc:"How long messages are kept; absent: forever."`
	Request  string     `json:"request,omitempty" enum:"sent" doc:"sent: a direct room that the other user has not accepted yet."`
}

func viewOf(r store.Room, role directoryapi.Role) roomView {
	v := roomView{ID: r.ID, Name: r.Name, Topic: r.Topic, Private: r.Private, Direct: isTalk(r), Member: role != "", Role: role, Slow: r.Slow, Announce: r.Announce, Archived: r.Archived}
	if r.NoGuests {
		v.Guests = new(false)
	}
	if !showsVersions(r) {
		v.Versions = new(false)
	}
	return v
}

// views builds what a user sees of rooms.
type views struct {
	*core
	serverRecord *serverRecord
	rights       *rights
}

// nameDirect adds the names of the other users to the direct rooms among views.
func (s *views) nameDirect(ctx context.Context, user string, views []roomView) error {
	var direct []string
	at := map[string]int{}
	for i, v := range views {
		if v.Direct {
			direct = append(direct, v.ID)
			at[v.ID] = i
		}
	}
	if len(direct) == 0 {
		return nil
	}
	members, err := s.store.MembersOf(ctx, direct)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.User != user && !chat.IsGroup(m.Room) {
			v := &views[at[m.Room]]
			v.With, v.Name = m.User, m.Name
			delete(at, m.Room)
		}
	}
	if err := s.nameGroups(ctx, user, views, members); err != nil {
		return err
	}
	for id, i := range at { // the other user is no member, or is gone
		if chat.IsGroup(id) {
			continue
		}
		r, err := s.store.Request(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if v := &views[i]; r.From == user {
			v.With, v.Name, v.Request = r.To, r.ToName, requestSent
		} else {
			v.With, v.Name = r.From, r.FromName
		}
	}
	return nil
}

// view describes a room to a user.
func (s *views) view(ctx context.Context, r store.Room, user string, role directoryapi.Role) (roomView, error) {
	one := []roomView{viewOf(r, role)}
	err := s.nameDirect(ctx, user, one)
	if err == nil {
		err = s.nameMutes(ctx, user, one)
	}
	if err == nil {
		err = s.nameKept(ctx, map[string]store.Room{r.ID: r}, one)
	}
	return one[0], err
}

// room returns a room as a user sees it, with what the list of public rooms shows of it.
func (s *views) room(ctx context.Context, c auth.Claims, id string) (browsedView, error) {
	r, a, err := s.rights.visible(ctx, id, c.User)
	if err != nil {
		return browsedView{}, err
	}
	v, err := s.view(ctx, r, c.User, a.Role)
	out := browsedView{roomView: v}
	if !r.Private && !r.Direct && !isDefault(r.ID) {
		out.Members, out.Active = r.Size, r.Active
	}
	return out, err
}

// rooms returns the user's rooms, and the public ones that the user may join. It makes seven
// requests to the store for any number of rooms, and one for each request that the user has sent
// and each group without other members.
func (s *views) rooms(ctx context.Context, user string, guest bool) ([]roomView, error) {
	mine, err := s.store.GroupsOf(ctx, user, maxListed)
	if err != nil {
		return nil, err
	}
	directs, err := s.store.DirectsOf(ctx, user, endOfTime, maxDirects)
	if err != nil {
		return nil, err
	}
	mine = append(mine, directs...)
	// The order: the default rooms, the user's rooms by when the user entered them, the newest
	// direct rooms, the public ones by activity.
	order := append([]string{}, chat.DefaultRooms...)
	roles, since := map[string]directoryapi.Role{}, map[string]int64{}
	for _, id := range chat.DefaultRooms {
		roles[id] = directoryapi.RoleMember
	}
	for _, m := range mine {
		if !isDefault(m.Room) {
			order = append(order, m.Room)
			since[m.Room] = m.Since
		}
		roles[m.Room] = m.Role
	}
	known, err := s.store.Rooms(ctx, order)
	if err != nil {
		return nil, err
	}
	bans, err := s.store.BansOf(ctx, user)
	if err != nil {
		return nil, err
	}
	public, err := s.store.FindPublic(ctx, store.PublicQuery{Limit: maxListed})
	if err != nil {
		return nil, err
	}
	if guest {
		if known, err = s.rights.openToGuests(ctx, known); err != nil {
			return nil, err
		}
		if public, err = s.rights.openToGuests(ctx, public); err != nil {
			return nil, err
		}
	}
	byID := map[string]store.Room{}
	for _, r := range known {
		byID[r.ID] = r
	}
	for _, r := range public {
		if _, listed := byID[r.ID]; !listed {
			byID[r.ID] = r
			order = append(order, r.ID)
		}
	}
	for _, b := range bans {
		if !b.Over(time.Now().UnixMilli()) {
			delete(byID, b.Room)
		}
	}
	views := []roomView{}
	for _, id := range order {
		if r, ok := byID[id]; ok {
			v := viewOf(r, roles[id])
			v.Since = since[id]
			views = append(views, v)
		}
	}
	if err := s.nameDirect(ctx, user, views); err != nil {
		return nil, err
	}
	if err := s.nameKept(ctx, byID, views); err != nil {
		return nil, err
	}
	return views, s.nameMutes(ctx, user, views)
}

type memberView struct {
	User string            `json:"user"`
	Name string            `json:"name"`
	Role directoryapi.Role `json:"role"`
}

type membersOutput struct {
	Members []memberView `json:"members"`
	More    bool         `json:"more,omitempty" doc:"There are more after the last one."`
}

// members lists the members of a room, ordered by user id, after the given id. Everybody is a
// member of a default room.
func (s *members) members(ctx context.Context, c auth.Claims, room, after string) (membersOutput, error) {
	out := membersOutput{Members: []memberView{}}
	if err := checkAfter(after, "user"); err != nil {
		return out, err
	}
	if _, _, err := s.rights.permitted(ctx, directoryapi.ActionListMembers, room, c.User); err != nil {
		return out, err
	}
	if isDefault(room) {
		return s.everybody(ctx, c.User, room, after)
	}
	all, err := s.store.Members(ctx, room, after, maxMembers+1)
	if err != nil {
		return out, err
	}
	all, out.More = page(all, maxMembers)
	for _, m := range all {
		out.Members = append(out.Members, memberView{User: m.User, Name: m.Name, Role: m.Role})
	}
	return out, nil
}

// everybody lists all users as members of a default room, except those who are banned from it and
// those whom hiddenFrom hides from asker.
func (s *members) everybody(ctx context.Context, asker, room, after string) (membersOutput, error) {
	out := membersOutput{Members: []memberView{}}
	users, err := s.store.UsersAfter(ctx, after, maxMembers+1)
	if err != nil {
		return out, err
	}
	users, out.More = page(users, maxMembers)
	// Members and bans are of users, and at most maxMembers users follow after: the same limit
	// finds all of theirs.
	roles := map[string]directoryapi.Role{}
	members, err := s.store.Members(ctx, room, after, maxMembers)
	if err != nil {
		return out, err
	}
	for _, m := range members {
		roles[m.User] = m.Role
	}
	bans, err := s.store.Bans(ctx, room, after, maxMembers)
	if err != nil {
		return out, err
	}
	banned := map[string]bool{}
	for _, b := range bans {
		banned[b.User] = !b.Over(time.Now().UnixMilli())
	}
	hidden, err := s.privacy.hiddenFrom(ctx, asker, users, roles)
	if err != nil {
		return out, err
	}
	for _, u := range users {
		if !banned[u.ID] && !hidden[u.ID] {
			out.Members = append(out.Members, memberView{User: u.ID, Name: u.Name, Role: cmp.Or(roles[u.ID], directoryapi.RoleMember)})
		}
	}
	return out, nil
}
