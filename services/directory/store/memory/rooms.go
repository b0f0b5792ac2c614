package memory

import (
	"cmp"
	"context"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

func roomsByID(a, b store.Room) int { return cmp.Compare(a.ID, b.ID) }

func public(r store.Room) bool { return !r.Private && !r.Direct }

// CreateRoom implements store.Store.
func (s *Store) CreateRoom(ctx context.Context, r store.Room) error {
	return create(ctx, s, "CreateRoom", s.rooms, r.ID, r)
}

// Room implements store.Store.
func (s *Store) Room(ctx context.Context, id string) (store.Room, error) {
	return one(ctx, s, "Room", s.rooms, id)
}

// Rooms implements store.Store.
func (s *Store) Rooms(ctx context.Context, ids []string) ([]store.Room, error) {
	wanted := set(ids)
	return list(ctx, s, "Rooms", s.rooms, everything, roomsByID, func(r store.Room) bool { return wanted[r.ID] })
}

// PatchRoom implements store.Store.
func (s *Store) PatchRoom(ctx context.Context, id string, p store.RoomPatch) error {
	return update(ctx, s, "PatchRoom", s.rooms, id, func(r *store.Room) bool {
		if p.Name != nil {
			r.Name = *p.Name
		}
		if p.Looks != nil {
			r.Looks = *p.Looks
		}
		if p.Topic != nil {
			r.Topic = *p.Topic
		}
		if p.Private != nil {
			r.Private = *p.Private
		}
		if p.Slow != nil {
			r.Slow = *p.Slow
		}
		if p.Announce != nil {
			r.Announce = *p.Announce
		}
		if p.Archived != nil {
			r.Archived = *p.Archived
		}
		if p.NoGuests != nil {
			r.NoGuests = *p.NoGuests
		}
		if p.Keep != nil {
			r.Keep = *p.Keep
		}
		return true
	})
}

// DeleteRoom implements store.Store.
func (s *Store) DeleteRoom(ctx context.Context, id string) error {
	return remove(ctx, s, "DeleteRoom", s.rooms, id)
}

// PublicRoomsAlike implements store.Store.
func (s *Store) PublicRoomsAlike(ctx context.Context, looks names.Looks, limit int) ([]store.Room, error) {
	return list(ctx, s, "PublicRoomsAlike", s.rooms, limit, roomsByID, func(r store.Room) bool { return public(r) && alike(r.Looks, looks) })
}

func membersByUser(a, b store.Member) int {
	return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User))
}

// PutMember implements store.Store.
func (s *Store) PutMember(ctx context.Context, m store.Member) error {
	return put(ctx, s, "PutMember", s.members, pair{m.Room, m.User}, m, func(old, m store.Member) store.Member {
		old.Role = m.Role
		return old
	})
}

// SetRole implements store.Store.
func (s *Store) SetRole(ctx context.Context, room, user string, role api.Role) error {
	return update(ctx, s, "SetRole", s.members, pair{room, user}, func(m *store.Member) bool {
		m.Role = role
		return true
	})
}

// Member implements store.Store.
func (s *Store) Member(ctx context.Context, room, user string) (store.Member, error) {
	return one(ctx, s, "Member", s.members, pair{room, user})
}

// RenameMember implements store.Store.
func (s *Store) RenameMember(ctx context.Context, user, name string) error {
	return s.do(ctx, "RenameMember", func() error {
		for k, m := range s.members {
			if m.User == user {
				m.Name = name
				s.members[k] = m
			}
		}
		return nil
	})
}

// DeleteMember implements store.Store.
func (s *Store) DeleteMember(ctx context.Context, room, user string) error {
	return remove(ctx, s, "DeleteMember", s.members, pair{room, user})
}

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, room, after string, limit int) ([]store.Member, error) {
	return list(ctx, s, "Members", s.members, limit, membersByUser, func(m store.Member) bool { return m.Room == room && m.User > after })
}

// MembersInRole implements store.Store.
func (s *Store) MembersInRole(ctx context.Context, room string, role api.Role, limit int) ([]store.Member, error) {
	return list(ctx, s, "MembersInRole", s.members, limit, func(a, b store.Member) int { return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.User, b.User)) },
		func(m store.Member) bool { return m.Room == room && m.Role == role })
}

// MembersOf implements store.Store.
func (s *Store) MembersOf(ctx context.Context, rooms []string) ([]store.Member, error) {
	wanted := set(rooms)
	return list(ctx, s, "MembersOf", s.members, everything, membersByUser, func(m store.Member) bool { return wanted[m.Room] })
}

// MembershipsOf implements store.Store.
func (s *Store) MembershipsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list(ctx, s, "MembershipsOf", s.members, limit, func(a, b store.Member) int { return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Room, b.Room)) },
		func(m store.Member) bool { return m.User == user })
}

func bansByUser(a, b store.Ban) int {
	return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User))
}

// PutBan implements store.Store.
func (s *Store) PutBan(ctx context.Context, b store.Ban) error {
	return put(ctx, s, "PutBan", s.bans, pair{b.Room, b.User}, b, func(old, b store.Ban) store.Ban {
		old.Reason, old.Until = b.Reason, b.Until
		return old
	})
}

// Ban implements store.Store.
func (s *Store) Ban(ctx context.Context, room, user string) (store.Ban, error) {
	return one(ctx, s, "Ban", s.bans, pair{room, user})
}

// DeleteBan implements store.Store.
func (s *Store) DeleteBan(ctx context.Context, room, user string) error {
	return remove(ctx, s, "DeleteBan", s.bans, pair{room, user})
}

// Bans implements store.Store.
func (s *Store) Bans(ctx context.Context, room, after string, limit int) ([]store.Ban, error) {
	return list(ctx, s, "Bans", s.bans, limit, bansByUser, func(b store.Ban) bool { return b.Room == room && b.User > after })
}

// BansOf implements store.Store.
func (s *Store) BansOf(ctx context.Context, user string) ([]store.Ban, error) {
	return list(ctx, s, "BansOf", s.bans, everything, bansByUser, func(b store.Ban) bool { return b.User == user })
}

// EndedBans implements store.Store.
func (s *Store) EndedBans(ctx context.Context, now int64, limit int) ([]store.Ban, error) {
	return list(ctx, s, "EndedBans", s.bans, limit, func(a, b store.Ban) int { return cmp.Or(cmp.Compare(a.Until, b.Until), bansByUser(a, b)) },
		func(b store.Ban) bool { return b.Over(now) })
}

// EndBan implements store.Store.
func (s *Store) EndBan(ctx context.Context, room, user string, now int64) error {
	return s.do(ctx, "EndBan", func() error {
		if k := (pair{room, user}); s.bans[k].Over(now) {
			delete(s.bans, k)
		}
		return nil
	})
}
