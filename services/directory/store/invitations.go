package store

import (
	"context"

	api "hubbub.internal/libs/api/directory"
)

// Invitation asks a user to become a member of a room.
type Invitation struct {
	Room      string   `bson:"room"`
	User      string   `bson:"user"`  // who is asked
	Name      string   `bson:"name"`  // that user's, at the time
	Role      api.Role `bson:"role"`  // what the user becomes
	Actor     string   `bson:"actor"` // who asks
	ActorName string   `bson:"actor_name"`
	From      int64    `bson:"from"`     // as in Intent, when the user was asked
	Declined  bool     `bson:"declined"` // stays, so that the user is not asked again at once
	Created   int64    `bson:"created"`  // UTC milliseconds
	Expires   int64    `bson:"expires"`  // UTC milliseconds
}

// Invitations keeps which users are asked into which rooms.
type Invitations interface {
	// ErrConflict
	CreateInvitation(ctx context.Context, i Invitation) error
	// ErrNotFound
	Invitation(ctx context.Context, room, user string) (Invitation, error)
	// ErrNotFound
	DeclineInvitation(ctx context.Context, room, user string) error
	// none is not an error
	DeleteInvitation(ctx context.Context, room, user string) error
	// not declined, newest first
	InvitationsTo(ctx context.Context, user string, limit int) ([]Invitation, error)
	// also declined, newest first
	InvitationsBy(ctx context.Context, actor string, limit int) ([]Invitation, error)
	// also declined, by user id, after that one
	InvitationsIn(ctx context.Context, room, after string, limit int) ([]Invitation, error)
	// that had expired by then, oldest first
	InvitationsBefore(ctx context.Context, expires int64, limit int) ([]Invitation, error)
}
