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
	// Looks is what look-alikes are found by.
	names.Looks `bson:",inline"`
	Private     bool  `bson:"private"` // only members may know of it
	Direct      bool  `bson:"direct"`  // of two people
	Created     int64 `bson:"created"` // UTC milliseconds

	Slow     int    `bson:"slow"`      // seconds between two messages of a member
	Announce string `bson:"announce"`  // who may send: AnnounceNo and those beside it
	Archived int64  `bson:"archived"`  // when it was archived, in UTC milliseconds; 0: it is not
	NoGuests bool   `bson:"no_guests"` // it lets no guests in
	// Keep is how long messages are kept: a rule of package retention; empty: that of the server.
	Keep string `bson:"keep"`
	// VersionsSince: earlier versions of messages are shown of what was written then or later, in
	// UTC milliseconds; 0: of everything, chat.Forever: of nothing.
	VersionsSince int64 `bson:"versions_since"`
	// whose quotas it counts against; empty: it was made before that was kept
	Creator string `bson:"creator"`

	Activity `bson:",inline"`
}

// Activity is what public rooms are sorted by, as of a minute or so ago.
type Activity struct {
	// Seq of the last entry of the room's log; 0: nobody has looked yet
	Head   int64 `bson:"head"`
	Active int64 `bson:"active"` // when Head was last seen to change (UTC milliseconds)
	Size   int   `bson:"size"`   // members, up to a number that the service counts to
}

// What public rooms are sorted by.
const (
	SortActive = "active"
	SortNew    = "created"
	SortSize   = "size"
)

// Who may send to a room.
const (
	AnnounceNo     = ""       // every member
	AnnounceReact  = "react"  // those who look after it, and members react
	AnnounceSilent = "silent" // those who look after it, and members read
)

// PublicQuery asks for public rooms.
type PublicQuery struct {
	Archived bool // only those that are archived, instead of those that are not

	Look string // what the lower case look of the name has in it, see names.Bare; empty: any
	// SortActive, SortNew or SortSize: the greatest first, and among equals the greatest id
	Sort string
	// Before and BeforeID are what is sorted by, and the id, of the last room of the page before;
	// an empty id: the first page.
	Before   int64
	BeforeID string
	Limit    int
}

// At returns what of a room is sorted by.
func (q PublicQuery) At(r Room) int64 {
	switch q.Sort {
	case SortNew:
		return r.Created
	case SortSize:
		return int64(r.Size)
	}
	return r.Active
}

// RoomPatch is what changes of a room; a nil field stays as it is.
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
	// those that there are, by id
	Rooms(ctx context.Context, ids []string) ([]Room, error)
	// ErrNotFound
	PatchRoom(ctx context.Context, id string, p RoomPatch) error
	// none is not an error; its members stay
	DeleteRoom(ctx context.Context, id string) error
	// looking so, by id
	PublicRoomsAlike(ctx context.Context, looks names.Looks, limit int) ([]Room, error)
	// made since then, newest first
	RoomsBy(ctx context.Context, creator string, since int64, limit int) ([]Room, error)
	// FindPublic returns a page of public rooms.
	FindPublic(ctx context.Context, q PublicQuery) ([]Room, error)
	// public rooms by id, after that one
	PublicAfter(ctx context.Context, id string, limit int) ([]Room, error)
	// none is not an error
	SetActivity(ctx context.Context, room string, a Activity) error
}
