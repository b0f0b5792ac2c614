package store

import (
	"context"

	"hubbub.internal/libs/names"
)

// Room is a room.
type Room struct {
	ID    string `bson:"_id"`
	Name  string `bson:"name"`
	Topic string `bson:"topic"`
	// Looks finds names that look alike.
	names.Looks `bson:",inline"`
	Private     bool  `bson:"private"` // only members know that it exists
	Direct      bool  `bson:"direct"`  // a direct room: of two people, or a group
	Created     int64 `bson:"created"` // UTC milliseconds

	Slow     int    `bson:"slow"`      // seconds between two messages of a member
	Announce string `bson:"announce"`  // who may send: AnnounceNo, AnnounceReact or AnnounceSilent
	Archived int64  `bson:"archived"`  // when it was archived, in UTC milliseconds; 0: not archived
	NoGuests bool   `bson:"no_guests"` // guests may not enter
	// Keep is the rule for how long messages are kept, see package retention; empty: the server's
	// rule.
	Keep string `bson:"keep"`
	// VersionsSince, in UTC milliseconds: readers see earlier versions that were written at that
	// time or later; 0: all, chat.Forever: none.
	VersionsSince int64 `bson:"versions_since"`
	// id of the user whose quotas count it; empty: it is from a release without this field
	Creator string `bson:"creator"`

	Activity `bson:",inline"`
}

// Activity is what public rooms are sorted by. It may be a minute or so old.
type Activity struct {
	// Seq of the last entry of the room's log; 0: not read yet
	Head   int64 `bson:"head"`
	Active int64 `bson:"active"` // when Head was last seen to change (UTC milliseconds)
	Size   int   `bson:"size"`   // members, up to the service's limit
}

// The orders of public rooms.
const (
	SortActive = "active"
	SortNew    = "created"
	SortSize   = "size"
)

// Who may send to a room.
const (
	AnnounceNo     = ""       // every member
	AnnounceReact  = "react"  // moderators and owners; members may react
	AnnounceSilent = "silent" // those who look after it, and members read
)

// PublicQuery asks for public rooms.
type PublicQuery struct {
	Archived bool // archived rooms, instead of the others

	Look string // a part of the name's lower case look, see names.Bare; empty: any
	// SortActive, SortNew or SortSize: the greatest first; among equals, the greatest id first
	Sort string
	// Before and BeforeID are the sort value (see At) and the id of the last room of the page
	// before; an empty id: the first page.
	Before   int64
	BeforeID string
	Limit    int
}

// At returns the value that the query sorts a room by.
func (q PublicQuery) At(r Room) int64 {
	switch q.Sort {
	case SortNew:
		return r.Created
	case SortSize:
		return int64(r.Size)
	}
	return r.Active
}

// RoomPatch changes fields of a room; a nil field stays as it is.
type RoomPatch struct {
	Name, Topic *string
	Looks       *names.Looks // of Name
	Private     *bool
	Slow        *int
	Announce    *string
	Archived    *int64
	NoGuests    *bool
	Keep        *string

	VersionsSince *int64
}

// Rooms keeps rooms.
type Rooms interface {
	// ErrConflict
	CreateRoom(ctx context.Context, r Room) error
	// ErrNotFound
	Room(ctx context.Context, id string) (Room, error)
	// ordered by id
	Rooms(ctx context.Context, ids []string) ([]Room, error)
	// ErrNotFound
	PatchRoom(ctx context.Context, id string, p RoomPatch) error
	// no error if there is none; its members stay
	DeleteRoom(ctx context.Context, id string) error
	// rooms whose names look alike, ordered by id
	PublicRoomsAlike(ctx context.Context, looks names.Looks, limit int) ([]Room, error)
	// created at this time or later, newest first
	RoomsBy(ctx context.Context, creator string, since int64, limit int) ([]Room, error)
	// FindPublic returns a page of public rooms.
	FindPublic(ctx context.Context, q PublicQuery) ([]Room, error)
	// public rooms, ordered by id, after the given one
	PublicAfter(ctx context.Context, id string, limit int) ([]Room, error)
	// no error if there is none
	SetActivity(ctx context.Context, room string, a Activity) error
}
