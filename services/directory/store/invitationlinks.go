package store

import "context"

// InvitationLink lets a number of people register.
type InvitationLink struct {
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

// InvitationLinks keeps the links with which people register.
type InvitationLinks interface {
	CreateInvitationLink(ctx context.Context, i InvitationLink) error      // ErrConflict
	InvitationLink(ctx context.Context, id string) (InvitationLink, error) // ErrNotFound
	// by id, the newest first, before that one
	InvitationLinks(ctx context.Context, before string, limit int) ([]InvitationLink, error)
	// counts one use; ErrNotFound, also: it is used up, over or revoked
	UseInvitationLink(ctx context.Context, id string, now int64) error
	// takes a use back; none is not an error
	ReturnInvitationLink(ctx context.Context, id string) error
	RevokeInvitationLink(ctx context.Context, id string) error // ErrNotFound
	// none is not an error
	DeleteInvitationLink(ctx context.Context, id string) error
	// that had ended by then
	DeleteInvitationLinksBefore(ctx context.Context, expires int64) error
}
