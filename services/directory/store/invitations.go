package store

import "context"

// Invitation is a link with which people may register.
type Invitation struct {
	ID        string `bson:"_id"`
	Hash      []byte `bson:"hash"`  // SHA-256 of its secret
	Actor     string `bson:"actor"` // id of the user who invites; empty: not a user
	ActorName string `bson:"actor_name"`
	Note      string `bson:"note"`    // for those who see the list
	Uses      int64  `bson:"uses"`    // how many may register with it
	Used      int64  `bson:"used"`    // how many have
	Created   int64  `bson:"created"` // UTC milliseconds
	Expires   int64  `bson:"expires"` // UTC milliseconds
	Revoked   bool   `bson:"revoked"`
}

// Invitations is the part of Store that keeps invitations to register.
type Invitations interface {
	CreateInvitation(ctx context.Context, i Invitation) error      // ErrConflict
	Invitation(ctx context.Context, id string) (Invitation, error) // ErrNotFound
	// by id, the newest first, before that one
	Invitations(ctx context.Context, before string, limit int) ([]Invitation, error)
	// counts one use; ErrNotFound, also: it is used up, over or revoked
	UseInvitation(ctx context.Context, id string, now int64) error
	// takes a use back; none is not an error
	ReturnInvitation(ctx context.Context, id string) error
	RevokeInvitation(ctx context.Context, id string) error // ErrNotFound
	// none is not an error
	DeleteInvitation(ctx context.Context, id string) error
	// that had ended by then
	DeleteInvitationsBefore(ctx context.Context, expires int64) error
}
