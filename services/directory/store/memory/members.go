package memory

import (
	"cmp"
	"context"
	"strings"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

func isDirect(room string) bool { return strings.HasPrefix(room, "d-") }

// members is a store.Members.
type members struct{ *records }

// GroupsOf implements store.Store.
func (s members) GroupsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list(ctx, s.records, "GroupsOf", s.members, limit, func(a, b store.Member) int { return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Room, b.Room)) },
		func(m store.Member) bool { return m.User == user && !isDirect(m.Room) })
}

// DirectsOf implements store.Store.
func (s members) DirectsOf(ctx context.Context, user string, before int64, limit int) ([]store.Member, error) {
	return list(ctx, s.records, "DirectsOf", s.members, limit, func(a, b store.Member) int { return cmp.Or(cmp.Compare(b.Since, a.Since), cmp.Compare(a.Room, b.Room)) },
		func(m store.Member) bool { return m.User == user && isDirect(m.Room) && !m.Hidden && m.Since < before })
}

// SetHidden implements store.Store.
func (s members) SetHidden(ctx context.Context, room, user string, hidden bool) error {
	return update(ctx, s.records, "SetHidden", s.members, pair{room, user}, func(m *store.Member) bool {
		m.Hidden = hidden
		return true
	})
}

func membersByUser(a, b store.Member) int {
	return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User))
}

// PutMember implements store.Store.
func (s members) PutMember(ctx context.Context, m store.Member) error {
	return put(ctx, s.records, "PutMember", s.members, pair{m.Room, m.User}, m, func(old, m store.Member) store.Member {
		old.Role = m.Role
		return old
	})
}

// SetRole implements store.Store.
func (s members) SetRole(ctx context.Context, room, user string, role api.Role) error {
	return update(ctx, s.records, "SetRole", s.members, pair{room, user}, func(m *store.Member) bool {
		m.Role = role
		return true
	})
}

// Member implements store.Store.
func (s members) Member(ctx context.Context, room, user string) (store.Member, error) {
	return one(ctx, s.records, "Member", s.members, pair{room, user})
}

// RenameMember implements store.Store.
func (s members) RenameMember(ctx context.Context, user, name string) error {
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
func (s members) DeleteMember(ctx context.Context, room, user string) error {
	return remove(ctx, s.records, "DeleteMember", s.members, pair{room, user})
}

// Members implements store.Store.
func (s members) Members(ctx context.Context, room, after string, limit int) ([]store.Member, error) {
	return list(ctx, s.records, "Members", s.members, limit, membersByUser, func(m store.Member) bool { return m.Room == room && m.User > after })
}

// MembersInRole implements store.Store.
func (s members) MembersInRole(ctx context.Context, room string, role api.Role, limit int) ([]store.Member, error) {
	return list(ctx, s.records, "MembersInRole", s.members, limit, func(a, b store.Member) int { return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.User, b.User)) },
		func(m store.Member) bool { return m.Room == room && m.Role == role })
}

// MembersOf implements store.Store.
func (s members) MembersOf(ctx context.Context, rooms []string) ([]store.Member, error) {
	wanted := set(rooms)
	return list(ctx, s.records, "MembersOf", s.members, everything, membersByUser, func(m store.Member) bool { return wanted[m.Room] })
}

// MembershipsOf implements store.Store.
func (s members) MembershipsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list(ctx, s.records, "MembershipsOf", s.members, limit, func(a, b store.Member) int { return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Room, b.Room)) },
		func(m store.Member) bool { return m.User == user })
}
