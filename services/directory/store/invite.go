package store

import (
	"context"

	api "hubbub.internal/libs/api/directory"
)

// Invite asks a user to become a member of a room.
type Invite struct {
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

// Invites keeps which users are asked into which rooms.
type Invites interface {
	// ErrConflict
	CreateInvite(ctx context.Context, i Invite) error
	// ErrNotFound
	Invite(ctx context.Context, room, user string) (Invite, error)
	// ErrNotFound
	DeclineInvite(ctx context.Context, room, user string) error
	// none is not an error
	DeleteInvite(ctx context.Context, room, user string) error
	// not declined, newest first
	InvitesTo(ctx context.Context, user string, limit int) ([]Invite, error)
	// also declined, newest first
	InvitesBy(ctx context.Context, actor string, limit int) ([]Invite, error)
	// also declined, by user id, after that one
	InvitesIn(ctx context.Context, room, after string, limit int) ([]Invite, error)
	// that had expired by then, oldest first
	InvitesBefore(ctx context.Context, expires int64, limit int) ([]Invite, error)
}
