package sqlite

import (
	"cmp"
	"context"

	"hubbub.internal/libs/names"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

// rooms is a store.Rooms.
type rooms struct{ db }

// PublicRoomsAlike implements store.Store.
func (s rooms) PublicRoomsAlike(ctx context.Context, looks names.Looks, limit int) ([]store.Room, error) {
	return list(ctx, s.db, "public rooms that look alike", roomFields,
		selectRooms+`WHERE private = 0 AND direct = 0 AND look IN (?1, ?2) OR private = 0 AND direct = 0 AND look_lower IN (?1, ?2) ORDER BY id LIMIT ?3`,
		looks.Written, looks.Lower, limit)
}

// FindPublic implements store.Store.
func (s rooms) FindPublic(ctx context.Context, q store.PublicQuery) ([]store.Room, error) {
	query, args := findPublic(q)
	return list(ctx, s.db, "find public rooms", roomFields, query, args...)
}

// findPublic returns a query with only the conditions that q sets, so that SQLite begins a later
// page at its place in the index, and not at the first room.
func findPublic(q store.PublicQuery) (query string, args []any) {
	by := cmp.Or(q.Sort, store.SortActive)
	query = selectRooms + `WHERE private = 0 AND direct = 0 AND archived = 0`
	if q.Archived {
		query = selectRooms + `WHERE private = 0 AND direct = 0 AND archived <> 0`
	}
	if q.Look != "" {
		query += ` AND instr(bare(look_lower), ?) > 0`
		args = append(args, q.Look)
	}
	if q.BeforeID != "" {
		query += ` AND (` + by + `, id) < (?, ?)`
		args = append(args, q.Before, q.BeforeID)
	}
	return query + ` ORDER BY ` + by + ` DESC, id DESC LIMIT ?`, append(args, q.Limit)
}

// PublicAfter implements store.Store.
func (s rooms) PublicAfter(ctx context.Context, id string, limit int) ([]store.Room, error) {
	return list(ctx, s.db, "public rooms", roomFields, selectRooms+`WHERE private = 0 AND direct = 0 AND id > ? ORDER BY id LIMIT ?`, id, limit)
}

// SetActivity implements store.Store.
func (s rooms) SetActivity(ctx context.Context, room string, a store.Activity) error {
	return s.run(ctx, "set activity", `UPDATE rooms SET head = ?, active = ?, size = ? WHERE id = ?`, a.Head, a.Active, a.Size, room)
}

const selectRooms = `SELECT id, name, look, look_lower, topic, private, direct, created, slow, announce, archived, no_guests, keep, versions_since, creator, head, active, size FROM rooms `

func roomFields(r *store.Room) []any {
	return []any{&r.ID, &r.Name, &r.Looks.Written, &r.Looks.Lower, &r.Topic, &r.Private, &r.Direct, &r.Created, &r.Slow, &r.Announce, &r.Archived, &r.NoGuests, &r.Keep, &r.VersionsSince, &r.Creator, &r.Head, &r.Active, &r.Size}
}

// CreateRoom implements store.Store.
func (s rooms) CreateRoom(ctx context.Context, r store.Room) error {
	return s.run(ctx, "create room", `INSERT INTO rooms (id, name, look, look_lower, topic, private, direct, created, slow, announce, archived, no_guests, keep, versions_since, creator, head, active, size)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Name, r.Looks.Written, r.Looks.Lower, r.Topic, r.Private, r.Direct, r.Created, r.Slow, r.Announce, r.Archived, r.NoGuests, r.Keep, r.VersionsSince, r.Creator, r.Head, r.Active, r.Size)
}

// Room implements store.Store.
func (s rooms) Room(ctx context.Context, id string) (store.Room, error) {
	return first(ctx, s.db, "room", roomFields, selectRooms+`WHERE id = ?`, id)
}

// Rooms implements store.Store.
func (s rooms) Rooms(ctx context.Context, ids []string) ([]store.Room, error) {
	return list(ctx, s.db, "rooms", roomFields,
		selectRooms+`WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`, sqlitedb.List(ids))
}

// PatchRoom implements store.Store.
func (s rooms) PatchRoom(ctx context.Context, id string, p store.RoomPatch) error {
	var written, lower *string
	if p.Looks != nil {
		written, lower = &p.Looks.Written, &p.Looks.Lower
	}
	return s.update(ctx, "change room",
		`UPDATE rooms SET name = coalesce(?, name), look = coalesce(?, look), look_lower = coalesce(?, look_lower),
		topic = coalesce(?, topic), private = coalesce(?, private), slow = coalesce(?, slow), announce = coalesce(?, announce),
		archived = coalesce(?, archived), no_guests = coalesce(?, no_guests), keep = coalesce(?, keep), versions_since = coalesce(?, versions_since) WHERE id = ?`,
		p.Name, written, lower, p.Topic, p.Private, p.Slow, p.Announce, p.Archived, p.NoGuests, p.Keep, p.VersionsSince, id)
}

// DeleteRoom implements store.Store.
func (s rooms) DeleteRoom(ctx context.Context, id string) error {
	return s.run(ctx, "delete room", `DELETE FROM rooms WHERE id = ?`, id)
}

// RoomsBy implements store.Store.
func (s rooms) RoomsBy(ctx context.Context, creator string, since int64, limit int) ([]store.Room, error) {
	return list(ctx, s.db, "rooms of a creator", roomFields,
		selectRooms+`WHERE creator = ? AND creator <> '' AND created >= ? ORDER BY created DESC, id LIMIT ?`, creator, since, limit)
}
