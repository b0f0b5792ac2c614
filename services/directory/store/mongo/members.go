package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

// members is a store.Members.
type members struct{ *collections }

// PutMember implements store.Store.
func (s members) PutMember(ctx context.Context, m store.Member) error {
	return upsert(ctx, "put member", s.members, pairID(m.Room, m.User), bson.D{
		{Key: "$set", Value: by("role", m.Role)},
		{Key: "$setOnInsert", Value: bson.D{
			{Key: "room", Value: m.Room}, {Key: "user", Value: m.User}, {Key: "name", Value: m.Name}, {Key: "since", Value: m.Since},
			{Key: "hidden", Value: m.Hidden},
		}},
	})
}

// SetRole implements store.Store.
func (s members) SetRole(ctx context.Context, room, user string, role api.Role) error {
	return update(ctx, "set role", s.members, pairID(room, user), by("role", role))
}

// Member implements store.Store.
func (s members) Member(ctx context.Context, room, user string) (store.Member, error) {
	return one[store.Member](ctx, "member", s.members, pairID(room, user))
}

// RenameMember implements store.Store.
func (s members) RenameMember(ctx context.Context, user, name string) error {
	_, err := s.members.UpdateMany(ctx, by("user", user), by("$set", by("name", name)))
	return wrap("rename member", err)
}

// DeleteMember implements store.Store.
func (s members) DeleteMember(ctx context.Context, room, user string) error {
	return remove(ctx, "delete member", s.members, pairID(room, user))
}

// Members implements store.Store.
func (s members) Members(ctx context.Context, room, after string, limit int) ([]store.Member, error) {
	return list[store.Member](ctx, "members", s.members, append(by("room", room), above("user", after)...), by("user", 1), limit)
}

// MembersInRole implements store.Store.
func (s members) MembersInRole(ctx context.Context, room string, role api.Role, limit int) ([]store.Member, error) {
	return list[store.Member](ctx, "members in a role", s.members, append(by("room", room), by("role", role)...),
		bson.D{{Key: "since", Value: 1}, {Key: "user", Value: 1}}, limit)
}

// MembersOf implements store.Store.
func (s members) MembersOf(ctx context.Context, rooms []string) ([]store.Member, error) {
	if len(rooms) == 0 {
		return nil, nil
	}
	return list[store.Member](ctx, "members of rooms", s.members, by("room", by("$in", rooms)),
		bson.D{{Key: "room", Value: 1}, {Key: "user", Value: 1}}, 0)
}

// MembershipsOf implements store.Store.
func (s members) MembershipsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list[store.Member](ctx, "memberships", s.members, by("user", user), bson.D{{Key: "since", Value: 1}, {Key: "room", Value: 1}}, limit)
}

// GroupsOf implements store.Store.
func (s members) GroupsOf(ctx context.Context, user string, limit int) ([]store.Member, error) {
	return list[store.Member](ctx, "memberships", s.members, bson.D{{Key: "user", Value: user}, {Key: "room", Value: by("$not", direct)}},
		bson.D{{Key: "since", Value: 1}, {Key: "room", Value: 1}}, limit)
}

// DirectsOf implements store.Store.
func (s members) DirectsOf(ctx context.Context, user string, before int64, limit int) ([]store.Member, error) {
	return list[store.Member](ctx, "direct rooms", s.members, bson.D{
		{Key: "user", Value: user}, {Key: "room", Value: direct}, yes("hidden", false), {Key: "since", Value: by("$lt", before)},
	}, bson.D{{Key: "since", Value: -1}, {Key: "room", Value: -1}}, limit)
}

// SetHidden implements store.Store.
func (s members) SetHidden(ctx context.Context, room, user string, hidden bool) error {
	return update(ctx, "hide a direct room", s.members, pairID(room, user), by("hidden", hidden))
}
