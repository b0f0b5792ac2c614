package mongo

import (
	"cmp"
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

func publicRooms() bson.D {
	return bson.D{{Key: "private", Value: false}, {Key: "direct", Value: false}}
}

// FindPublic implements store.Store. A room that an older release made has no activity until the
// service has looked: that sorts last.
func (s *Store) FindPublic(ctx context.Context, q store.PublicQuery) ([]store.Room, error) {
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
func (s *Store) PublicAfter(ctx context.Context, id string, limit int) ([]store.Room, error) {
	return list[store.Room](ctx, "public rooms", s.rooms, append(publicRooms(), above("_id", id)...), by("_id", 1), limit)
}

// SetActivity implements store.Store.
func (s *Store) SetActivity(ctx context.Context, room string, a store.Activity) error {
	_, err := s.rooms.UpdateOne(ctx, by("_id", room), by("$set", a))
	return wrap("set activity", err)
}

// PutNetworkBan implements store.Store.
func (s *Store) PutNetworkBan(ctx context.Context, b store.NetworkBan) error {
	return upsert(ctx, "ban network", s.networks, by("_id", b.Network), by("$set", b))
}

// NetworkBans implements store.Store.
func (s *Store) NetworkBans(ctx context.Context, limit int) ([]store.NetworkBan, error) {
	return list[store.NetworkBan](ctx, "banned networks", s.networks, bson.D{}, by("_id", 1), limit)
}

// DeleteNetworkBan implements store.Store.
func (s *Store) DeleteNetworkBan(ctx context.Context, network string) error {
	return remove(ctx, "end ban of a network", s.networks, by("_id", network))
}
