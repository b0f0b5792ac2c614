package store

import (
	"context"

	api "hubbub.internal/libs/api/directory"
)

// Invitation asks a user to become a member of a room.
type Invitation struct {
	Room      string   `bson:"room"`
	User      string   `bson:"user"`  // the invited user
	Name      string   `bson:"name"`  // User's name at the time of the invitation
	Role      api.Role `bson:"role"`  // the role that the user gets
	Actor     string   `bson:"actor"` // the user who invites
	ActorName string   `bson:"actor_name"`
	From      int64    `bson:"from"`     // as in Intent, at the time of the invitation
	Declined  bool     `bson:"declined"` // kept, so that nobody invites the user again at once
	Created   int64    `bson:"created"`  // UTC milliseconds
	Expires   int64    `bson:"expires"`  // UTC milliseconds
}

// Invitations keeps invitations into rooms.
type Invitations interface {
	// ErrConflict
	CreateInvitation(ctx context.Context, i Invitation) error
	// ErrNotFound
	Invitation(ctx context.Context, room, user string) (Invitation, error)
	// ErrNotFound
	DeclineInvitation(ctx context.Context, room, user string) error
	// no error if there is none
	DeleteInvitation(ctx context.Context, room, user string) error
	// not declined, newest first
	InvitationsTo(ctx context.Context, user string, limit int) ([]Invitation, error)
	// also declined, newest first
	InvitationsBy(ctx context.Context, actor string, limit int) ([]Invitation, error)
	// also declined, ordered by user id, after the given one
	InvitationsIn(ctx context.Context, room, after string, limit int) ([]Invitation, error)
	// that expire up to this time, oldest first
	InvitationsBefore(ctx context.Context, expires int64, limit int) ([]Invitation, error)
}
