package store

import (
	"context"

	api "hubbub.internal/libs/api/directory"
)

// Member is a user's membership of a room.
type Member struct {
	Room  string   `bson:"room"`
	User  string   `bson:"user"`
	Name  string   `bson:"name"` // the user's name when the membership began
	Role  api.Role `bson:"role"`
	Since int64    `bson:"since"` // UTC milliseconds
	// Hidden, of a direct room: the user's list leaves it out until the other user writes again.
	Hidden bool `bson:"hidden"`
}

// Members keeps the memberships of rooms.
type Members interface {
	// adds the membership, or changes the Role of the one there is
	PutMember(ctx context.Context, m Member) error
	// ErrNotFound
	SetRole(ctx context.Context, room, user string, role api.Role) error
	// ErrNotFound
	Member(ctx context.Context, room, user string) (Member, error)
	// in all rooms; no error if there are none
	RenameMember(ctx context.Context, user, name string) error
	// no error if there is none
	DeleteMember(ctx context.Context, room, user string) error
	// ordered by user id, after the given one
	Members(ctx context.Context, room, after string, limit int) ([]Member, error)
	// oldest first
	MembersInRole(ctx context.Context, room string, role api.Role, limit int) ([]Member, error)
	// the members of all these rooms, ordered by room and user id
	MembersOf(ctx context.Context, rooms []string) ([]Member, error)
	// oldest first
	MembershipsOf(ctx context.Context, user string, limit int) ([]Member, error)
	// GroupsOf returns memberships of rooms that are not direct, oldest first.
	GroupsOf(ctx context.Context, user string, limit int) ([]Member, error)
	// DirectsOf returns memberships of direct rooms that are not hidden and began before a time,
	// newest first.
	DirectsOf(ctx context.Context, user string, before int64, limit int) ([]Member, error)
	// ErrNotFound
	SetHidden(ctx context.Context, room, user string, hidden bool) error
}
