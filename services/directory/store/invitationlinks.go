package store

import "context"

// InvitationLink lets a number of people register.
type InvitationLink struct {
	ID        string `bson:"_id"`
	Hash      []byte `bson:"hash"`  // SHA-256 of its secret
	Actor     string `bson:"actor"` // id of the user who invites; empty: not a user
	ActorName string `bson:"actor_name"`
	Note      string `bson:"note"`    // for readers of the list
	Uses      int64  `bson:"uses"`    // how many may register with it
	Used      int64  `bson:"used"`    // how many have registered
	Created   int64  `bson:"created"` // UTC milliseconds
	Expires   int64  `bson:"expires"` // UTC milliseconds
	Revoked   bool   `bson:"revoked"`
}

// InvitationLinks keeps the links with which people register.
type InvitationLinks interface {
	CreateInvitationLink(ctx context.Context, i InvitationLink) error      // ErrConflict
	InvitationLink(ctx context.Context, id string) (InvitationLink, error) // ErrNotFound
	// newest first, before the given id
	InvitationLinks(ctx context.Context, before string, limit int) ([]InvitationLink, error)
	// counts one use; ErrNotFound: no such link, or it is used up, expired or revoked
	UseInvitationLink(ctx context.Context, id string, now int64) error
	// takes a use back; no error if there is no such link
	ReturnInvitationLink(ctx context.Context, id string) error
	RevokeInvitationLink(ctx context.Context, id string) error // ErrNotFound
	// no error if there is none
	DeleteInvitationLink(ctx context.Context, id string) error
	// that expire up to this time
	DeleteInvitationLinksBefore(ctx context.Context, expires int64) error
}
