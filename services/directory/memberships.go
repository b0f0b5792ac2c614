package directory

import (
	"cmp"
	"context"
	"slices"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// answerMemberships answers directoryapi.ServiceMemberships.
func (s *lookup) answerMemberships(ctx context.Context, r directoryapi.MembershipsRequest) (directoryapi.Memberships, error) {
	if !chat.ValidID(r.User) {
		return directoryapi.Memberships{}, chat.E(chat.CodeBadRequest, "that is not an id")
	}
	out, err := s.memberships(ctx, r.User)
	return out, s.stored(err)
}

// memberships returns the rooms that a user is in. It makes six requests to the store, for any
// number of rooms.
func (s *lookup) memberships(ctx context.Context, user string) (out directoryapi.Memberships, err error) {
	u, err := s.store.User(ctx, user)
	if err != nil {
		return out, unlessMissing(err)
	}
	since := map[string]int64{}
	for _, id := range chat.DefaultRooms {
		since[id] = u.Created
	}
	groups, err := s.store.GroupsOf(ctx, user, maxListed)
	if err != nil {
		return out, err
	}
	directs, err := s.store.DirectsOf(ctx, user, endOfTime, maxDirects)
	if err != nil {
		return out, err
	}
	for _, m := range append(groups, directs...) {
		if !isDefault(m.Room) {
			since[m.Room] = m.Since
		}
	}
	bans, err := s.store.BansOf(ctx, user)
	if err != nil {
		return out, err
	}
	for _, b := range bans {
		if !b.Over(time.Now().UnixMilli()) {
			delete(since, b.Room)
		}
	}
	ids := make([]string, 0, len(since))
	for id := range since {
		ids = append(ids, id)
	}
	rooms, err := s.store.Rooms(ctx, ids)
	if err == nil && u.Guest() {
		rooms, err = s.rights.openToGuests(ctx, rooms)
	}
	if err != nil {
		return out, err
	}
	for _, r := range rooms {
		out.Rooms = append(out.Rooms, directoryapi.Membership{Room: r.ID, Since: since[r.ID]})
	}
	slices.SortFunc(out.Rooms, func(a, b directoryapi.Membership) int { return cmp.Compare(a.Room, b.Room) })
	blocks, err := s.store.Blocks(ctx, user, "", maxBlocks)
	for _, b := range blocks {
		out.Hidden = append(out.Hidden, b.Other)
	}
	return out, err
}

// answerMentions answers directoryapi.ServiceMentions.
func (s *lookup) answerMentions(ctx context.Context, r directoryapi.MentionsRequest) (directoryapi.MentionsReply, error) {
	names := 0
	for _, t := range r.Texts {
		if names += len(t.Names); !chat.ValidID(t.Room) || !chat.ValidID(t.Sender) {
			return directoryapi.MentionsReply{}, chat.E(chat.CodeBadRequest, "that is not an id")
		}
	}
	if len(r.Texts) > directoryapi.MaxMentions || names > directoryapi.MaxMentionNames {
		return directoryapi.MentionsReply{}, chat.E(chat.CodeBadRequest, "too many texts or names in one request")
	}
	out, err := s.mentions(ctx, r.Texts)
	return directoryapi.MentionsReply{Texts: out}, s.stored(err)
}

// mentions returns the users whom texts may mention. It looks all names up in one request.
func (s *lookup) mentions(ctx context.Context, texts []directoryapi.MentionText) ([]directoryapi.Mentioned, error) {
	keys := map[string]bool{}
	for _, t := range texts {
		for _, name := range t.Names {
			keys[keyOf(name)] = true
		}
	}
	list := make([]string, 0, len(keys))
	for k := range keys {
		list = append(list, k)
	}
	users, err := s.store.UsersByNames(ctx, list)
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]store.User, len(users))
	for _, u := range users {
		if !u.Deleted() {
			byKey[u.NameKey] = u
		}
	}
	out := make([]directoryapi.Mentioned, len(texts))
	for i, t := range texts {
		room, there, err := s.records.roomThere(ctx, t.Room)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		in := map[string]bool{}
		for _, name := range t.Names {
			u, known := byKey[keyOf(name)]
			if !known {
				continue
			}
			if _, asked := in[u.ID]; !asked {
				member, asked, err := s.mentionable(ctx, room, u.ID)
				if err != nil {
					return nil, err
				}
				if in[u.ID] = member || asked; asked {
					out[i].Asked = append(out[i].Asked, u.ID)
				}
			}
			if !in[u.ID] {
				continue
			}
			if out[i].Users == nil {
				out[i].Users = map[string]string{}
			}
			out[i].Users[name] = u.ID
		}
		if !t.All {
			continue
		}
		if out[i].All, err = s.mayMentionAll(ctx, room, t.Sender); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mentionable reports whether a user is a member of a room or is invited to it: on accepting, an
// invited user sees what was said since the invitation.
func (s *lookup) mentionable(ctx context.Context, room store.Room, user string) (member, asked bool, err error) {
	a, err := s.rights.accessTo(ctx, room, user)
	if err != nil || a.Role != "" {
		return err == nil, false, err
	}
	if room.Direct {
		return false, a.Read, nil
	}
	inv, err := s.store.Invitation(ctx, room.ID, user)
	return false, err == nil && !inv.Declined && inv.Expires > time.Now().UnixMilli(), unlessMissing(err)
}

func (s *lookup) mayMentionAll(ctx context.Context, room store.Room, user string) (bool, error) {
	a, err := s.rights.accessTo(ctx, room, user)
	if err != nil || !directoryapi.May(a.Role, directoryapi.ActionMentionAll, roomPlace(room)) {
		return false, err
	}
	guest, err := s.records.isGuest(ctx, user)
	return err == nil && (!guest || s.rights.guestsMay(directoryapi.ActionMentionAll)), err
}
