package mongo

import (
	"cmp"
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// rooms is a store.Rooms.
type rooms struct{ *collections }

// PublicRoomsAlike implements store.Store.
func (s rooms) PublicRoomsAlike(ctx context.Context, looks names.Looks, limit int) ([]store.Room, error) {
	return list[store.Room](ctx, "public rooms that look alike", s.rooms,
		bson.D{{Key: "private", Value: false}, {Key: "direct", Value: false}, alike(looks)}, by("_id", 1), limit)
}

func publicRooms() bson.D {
	return bson.D{{Key: "private", Value: false}, {Key: "direct", Value: false}}
}

// FindPublic implements store.Store. A room that an older release made has no activity until the
// service has looked: that sorts last.
func (s rooms) FindPublic(ctx context.Context, q store.PublicQuery) ([]store.Room, error) {
	field := cmp.Or(q.Sort, store.SortActive)
	archived := by("$in", bson.A{0, nil})
	if q.Archived {
		archived = by("$gt", 0)
	}
	filter := append(publicRooms(), by("archived", archived)...)
	if q.Look != "" {
		filter = append(filter, bson.E{Key: "look_lower", Value: hasLook(q.Look)})
	}
	if q.BeforeID != "" {
		same := bson.D{{Key: field, Value: q.Before}, {Key: "_id", Value: by("$lt", q.BeforeID)}}
		earlier := bson.A{by(field, by("$lt", q.Before)), same}
		if q.Before > 0 {
			earlier = append(earlier, by(field, by("$exists", false)))
		} else {
			earlier = append(earlier, bson.D{{Key: field, Value: by("$exists", false)}, {Key: "_id", Value: by("$lt", q.BeforeID)}})
		}
		filter = append(filter, bson.E{Key: "$or", Value: earlier})
	}
	return list[store.Room](ctx, "find public rooms", s.rooms, filter, bson.D{{Key: field, Value: -1}, {Key: "_id", Value: -1}}, q.Limit)
}

// PublicAfter implements store.Store.
func (s rooms) PublicAfter(ctx context.Context, id string, limit int) ([]store.Room, error) {
	return list[store.Room](ctx, "public rooms", s.rooms, append(publicRooms(), above("_id", id)...), by("_id", 1), limit)
}

// SetActivity implements store.Store.
func (s rooms) SetActivity(ctx context.Context, room string, a store.Activity) error {
	_, err := s.rooms.UpdateOne(ctx, by("_id", room), by("$set", a))
	return wrap("set activity", err)
}

// CreateRoom implements store.Store.
func (s rooms) CreateRoom(ctx context.Context, r store.Room) error {
	return insert(ctx, "create room", s.rooms, r)
}

// Room implements store.Store.
func (s rooms) Room(ctx context.Context, id string) (store.Room, error) {
	return one[store.Room](ctx, "room", s.rooms, by("_id", id))
}

// Rooms implements store.Store.
func (s rooms) Rooms(ctx context.Context, ids []string) ([]store.Room, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return list[store.Room](ctx, "rooms", s.rooms, by("_id", by("$in", ids)), by("_id", 1), 0)
}

// PatchRoom implements store.Store.
func (s rooms) PatchRoom(ctx context.Context, id string, p store.RoomPatch) error {
	set := by("_id", id) // sets the id to itself, because $set must not be empty
	set = patch(set, "name", p.Name)
	if p.Looks != nil {
		set = append(set, bson.E{Key: "look", Value: p.Looks.Written}, bson.E{Key: "look_lower", Value: p.Looks.Lower})
	}
	set = patch(set, "topic", p.Topic)
	set = patch(set, "private", p.Private)
	set = patch(set, "slow", p.Slow)
	set = patch(set, "announce", p.Announce)
	set = patch(set, "archived", p.Archived)
	set = patch(set, "no_guests", p.NoGuests)
	set = patch(set, "keep", p.Keep)
	set = patch(set, "versions_since", p.VersionsSince)
	return update(ctx, "change room", s.rooms, by("_id", id), set)
}

// DeleteRoom implements store.Store.
func (s rooms) DeleteRoom(ctx context.Context, id string) error {
	return remove(ctx, "delete room", s.rooms, by("_id", id))
}

// RoomsBy implements store.Store.
func (s rooms) RoomsBy(ctx context.Context, creator string, since int64, limit int) ([]store.Room, error) {
	if creator == "" {
		return nil, nil
	}
	return list[store.Room](ctx, "rooms of a creator", s.rooms, bson.D{{Key: "creator", Value: creator}, {Key: "created", Value: by("$gte", since)}},
		bson.D{{Key: "created", Value: -1}, {Key: "_id", Value: -1}}, limit)
}
