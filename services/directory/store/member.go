package store

import (
	"context"

	api "hubbub.internal/libs/api/directory"
)

// Member is a user's membership of a room.
type Member struct {
	Room  string   `bson:"room"`
	User  string   `bson:"user"`
	Name  string   `bson:"name"` // the user's, when the membership began
	Role  api.Role `bson:"role"`
	Since int64    `bson:"since"` // UTC milliseconds
	// Hidden is of a direct room that its user does not want to see until the other writes again.
	Hidden bool `bson:"hidden"`
}

// Members keeps who is a member of which rooms.
type Members interface {
	// adds it or changes its Role
	PutMember(ctx context.Context, m Member) error
	// ErrNotFound
	SetRole(ctx context.Context, room, user string, role api.Role) error
	// ErrNotFound
	Member(ctx context.Context, room, user string) (Member, error)
	// in all rooms; none is not an error
	RenameMember(ctx context.Context, user, name string) error
	// none is not an error
	DeleteMember(ctx context.Context, room, user string) error
	// by user id, after that one
	Members(ctx context.Context, room, after string, limit int) ([]Member, error)
	// oldest first
	MembersInRole(ctx context.Context, room string, role api.Role, limit int) ([]Member, error)
	// of all of them, by room and user id
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
