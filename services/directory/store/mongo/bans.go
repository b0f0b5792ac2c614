package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// bans is a store.Bans.
type bans struct{ *collections }

// PutBan implements store.Store.
func (s bans) PutBan(ctx context.Context, b store.Ban) error {
	return upsert(ctx, "put ban", s.bans, pairID(b.Room, b.User), bson.D{
		{Key: "$set", Value: bson.D{{Key: "reason", Value: b.Reason}, {Key: "until", Value: b.Until}}},
		{Key: "$setOnInsert", Value: bson.D{
			{Key: "room", Value: b.Room}, {Key: "user", Value: b.User}, {Key: "name", Value: b.Name}, {Key: "actor", Value: b.Actor},
			{Key: "created", Value: b.Created},
		}},
	})
}

// Ban implements store.Store.
func (s bans) Ban(ctx context.Context, room, user string) (store.Ban, error) {
	return one[store.Ban](ctx, "ban", s.bans, pairID(room, user))
}

// DeleteBan implements store.Store.
func (s bans) DeleteBan(ctx context.Context, room, user string) error {
	return remove(ctx, "delete ban", s.bans, pairID(room, user))
}

// Bans implements store.Store.
func (s bans) Bans(ctx context.Context, room, after string, limit int) ([]store.Ban, error) {
	return list[store.Ban](ctx, "bans", s.bans, append(by("room", room), above("user", after)...), by("user", 1), limit)
}

// BansOf implements store.Store.
func (s bans) BansOf(ctx context.Context, user string) ([]store.Ban, error) {
	return list[store.Ban](ctx, "bans of a user", s.bans, by("user", user), by("room", 1), 0)
}

// over is the condition that a ban has ended by now.
func over(now int64) bson.E {
	return bson.E{Key: "until", Value: bson.D{{Key: "$gt", Value: int64(0)}, {Key: "$lte", Value: now}}}
}

// EndedBans implements store.Store.
func (s bans) EndedBans(ctx context.Context, now int64, limit int) ([]store.Ban, error) {
	return list[store.Ban](ctx, "ended bans", s.bans, bson.D{over(now)},
		bson.D{{Key: "until", Value: 1}, {Key: "room", Value: 1}, {Key: "user", Value: 1}}, limit)
}

// EndBan implements store.Store.
func (s bans) EndBan(ctx context.Context, room, user string, now int64) error {
	return remove(ctx, "end ban", s.bans, append(pairID(room, user), over(now)))
}
