package memory

import (
	"cmp"
	"context"
	"strings"

	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

func roomsByID(a, b store.Room) int { return cmp.Compare(a.ID, b.ID) }

func public(r store.Room) bool { return !r.Private && !r.Direct }

// rooms is a store.Rooms.
type rooms struct{ *records }

// CreateRoom implements store.Store.
func (s rooms) CreateRoom(ctx context.Context, r store.Room) error {
	return create(ctx, s.records, "CreateRoom", s.rooms, r.ID, r)
}

// Room implements store.Store.
func (s rooms) Room(ctx context.Context, id string) (store.Room, error) {
	return one(ctx, s.records, "Room", s.rooms, id)
}

// Rooms implements store.Store.
func (s rooms) Rooms(ctx context.Context, ids []string) ([]store.Room, error) {
	wanted := set(ids)
	return list(ctx, s.records, "Rooms", s.rooms, everything, roomsByID, func(r store.Room) bool { return wanted[r.ID] })
}

// PatchRoom implements store.Store.
func (s rooms) PatchRoom(ctx context.Context, id string, p store.RoomPatch) error {
	return update(ctx, s.records, "PatchRoom", s.rooms, id, func(r *store.Room) bool {
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
		if p.VersionsSince != nil {
			r.VersionsSince = *p.VersionsSince
		}
		return true
	})
}

// DeleteRoom implements store.Store.
func (s rooms) DeleteRoom(ctx context.Context, id string) error {
	return remove(ctx, s.records, "DeleteRoom", s.rooms, id)
}

// PublicRoomsAlike implements store.Store.
func (s rooms) PublicRoomsAlike(ctx context.Context, looks names.Looks, limit int) ([]store.Room, error) {
	return list(ctx, s.records, "PublicRoomsAlike", s.rooms, limit, roomsByID, func(r store.Room) bool { return public(r) && alike(r.Looks, looks) })
}

// FindPublic implements store.Store.
func (s rooms) FindPublic(ctx context.Context, q store.PublicQuery) ([]store.Room, error) {
	before := func(r store.Room) bool {
		return q.BeforeID == "" || q.At(r) < q.Before || q.At(r) == q.Before && r.ID < q.BeforeID
	}
	return list(ctx, s.records, "FindPublic", s.rooms, q.Limit, func(a, b store.Room) int { return cmp.Or(cmp.Compare(q.At(b), q.At(a)), roomsByID(b, a)) },
		func(r store.Room) bool {
			return public(r) && (r.Archived != 0) == q.Archived && strings.Contains(names.Bare(r.Looks.Lower), q.Look) && before(r)
		})
}

// PublicAfter implements store.Store.
func (s rooms) PublicAfter(ctx context.Context, id string, limit int) ([]store.Room, error) {
	return list(ctx, s.records, "PublicAfter", s.rooms, limit, roomsByID, func(r store.Room) bool { return public(r) && r.ID > id })
}

// SetActivity implements store.Store.
func (s rooms) SetActivity(ctx context.Context, room string, a store.Activity) error {
	return unlessMissing(update(ctx, s.records, "SetActivity", s.rooms, room, func(r *store.Room) bool {
		r.Activity = a
		return true
	}))
}

// RoomsBy implements store.Store.
func (s rooms) RoomsBy(ctx context.Context, creator string, since int64, limit int) ([]store.Room, error) {
	return list(ctx, s.records, "RoomsBy", s.rooms, limit, func(a, b store.Room) int { return cmp.Or(cmp.Compare(b.Created, a.Created), roomsByID(a, b)) },
		func(r store.Room) bool { return creator != "" && r.Creator == creator && r.Created >= since })
}
