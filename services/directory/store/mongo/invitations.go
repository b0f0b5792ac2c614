package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// kept is an invitation with its key.
type kept struct {
	ID               string `bson:"_id"`
	store.Invitation `bson:",inline"`
}

// invitations is a store.Invitations.
type invitations struct{ *collections }

// CreateInvitation implements store.Store.
func (s invitations) CreateInvitation(ctx context.Context, i store.Invitation) error {
	return insert(ctx, "create invitation", s.invitations, kept{i.Room + ":" + i.User, i})
}

// Invitation implements store.Store.
func (s invitations) Invitation(ctx context.Context, room, user string) (store.Invitation, error) {
	return one[store.Invitation](ctx, "invitation", s.invitations, pairID(room, user))
}

// DeclineInvitation implements store.Store.
func (s invitations) DeclineInvitation(ctx context.Context, room, user string) error {
	return update(ctx, "decline invitation", s.invitations, pairID(room, user), by("declined", true))
}

// DeleteInvitation implements store.Store.
func (s invitations) DeleteInvitation(ctx context.Context, room, user string) error {
	return remove(ctx, "delete invitation", s.invitations, pairID(room, user))
}

// InvitationsTo implements store.Store.
func (s invitations) InvitationsTo(ctx context.Context, user string, limit int) ([]store.Invitation, error) {
	return list[store.Invitation](ctx, "invitations of a user", s.invitations, bson.D{{Key: "user", Value: user}, yes("declined", false)},
		bson.D{{Key: "created", Value: -1}, {Key: "room", Value: -1}}, limit)
}

// InvitationsBy implements store.Store.
func (s invitations) InvitationsBy(ctx context.Context, actor string, limit int) ([]store.Invitation, error) {
	return list[store.Invitation](ctx, "invitations by a user", s.invitations, by("actor", actor),
		bson.D{{Key: "created", Value: -1}, {Key: "room", Value: -1}, {Key: "user", Value: -1}}, limit)
}

// InvitationsIn implements store.Store.
func (s invitations) InvitationsIn(ctx context.Context, room, after string, limit int) ([]store.Invitation, error) {
	return list[store.Invitation](ctx, "invitations to a room", s.invitations, append(by("room", room), above("user", after)...), by("user", 1), limit)
}

// InvitationsBefore implements store.Store.
func (s invitations) InvitationsBefore(ctx context.Context, expires int64, limit int) ([]store.Invitation, error) {
	return list[store.Invitation](ctx, "old invitations", s.invitations, by("expires", by("$lte", expires)),
		bson.D{{Key: "expires", Value: 1}, {Key: "room", Value: 1}, {Key: "user", Value: 1}}, limit)
}
