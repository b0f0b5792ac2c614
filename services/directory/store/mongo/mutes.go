package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// mutes is a store.Mutes.
type mutes struct{ *collections }

// PutMute implements store.Mutes.
func (s mutes) PutMute(ctx context.Context, m store.Mute) error {
	return upsert(ctx, "put mute", s.mutes, pairID(m.Room, m.User), by("$set", m))
}

// Mute implements store.Mutes.
func (s mutes) Mute(ctx context.Context, room, user string) (store.Mute, error) {
	return one[store.Mute](ctx, "mute", s.mutes, pairID(room, user))
}

// DeleteMute implements store.Mutes.
func (s mutes) DeleteMute(ctx context.Context, room, user string) error {
	return remove(ctx, "delete mute", s.mutes, pairID(room, user))
}

// DeleteMutesBefore implements store.Mutes.
func (s mutes) DeleteMutesBefore(ctx context.Context, until int64) error {
	return removeAll(ctx, "delete old mutes", s.mutes, by("until", by("$lte", until)))
}

// Mutes implements store.Mutes.
func (s mutes) Mutes(ctx context.Context, room, after string, limit int) ([]store.Mute, error) {
	return list[store.Mute](ctx, "mutes", s.mutes, append(by("room", room), above("user", after)...), by("user", 1), limit)
}

// MutesOf implements store.Mutes.
func (s mutes) MutesOf(ctx context.Context, user string, rooms ...string) ([]store.Mute, error) {
	filter := by("user", user)
	if len(rooms) > 0 {
		filter = append(filter, bson.E{Key: "room", Value: by("$in", rooms)})
	}
	return list[store.Mute](ctx, "mutes of a user", s.mutes, filter, by("room", 1), 0)
}
