package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// kept is an invitation with its key.
type kept struct {
	ID           string `bson:"_id"`
	store.Invite `bson:",inline"`
}

// invites is a store.Invites.
type invites struct{ *collections }

// CreateInvite implements store.Store.
func (s invites) CreateInvite(ctx context.Context, i store.Invite) error {
	return insert(ctx, "create invitation", s.invites, kept{i.Room + ":" + i.User, i})
}

// Invite implements store.Store.
func (s invites) Invite(ctx context.Context, room, user string) (store.Invite, error) {
	return one[store.Invite](ctx, "invitation", s.invites, pairID(room, user))
}

// DeclineInvite implements store.Store.
func (s invites) DeclineInvite(ctx context.Context, room, user string) error {
	return update(ctx, "decline invitation", s.invites, pairID(room, user), by("declined", true))
}

// DeleteInvite implements store.Store.
func (s invites) DeleteInvite(ctx context.Context, room, user string) error {
	return remove(ctx, "delete invitation", s.invites, pairID(room, user))
}

// InvitesTo implements store.Store.
func (s invites) InvitesTo(ctx context.Context, user string, limit int) ([]store.Invite, error) {
	return list[store.Invite](ctx, "invitations of a user", s.invites, bson.D{{Key: "user", Value: user}, yes("declined", false)},
		bson.D{{Key: "created", Value: -1}, {Key: "room", Value: -1}}, limit)
}

// InvitesBy implements store.Store.
func (s invites) InvitesBy(ctx context.Context, actor string, limit int) ([]store.Invite, error) {
	return list[store.Invite](ctx, "invitations by a user", s.invites, by("actor", actor),
		bson.D{{Key: "created", Value: -1}, {Key: "room", Value: -1}, {Key: "user", Value: -1}}, limit)
}

// InvitesIn implements store.Store.
func (s invites) InvitesIn(ctx context.Context, room, after string, limit int) ([]store.Invite, error) {
	return list[store.Invite](ctx, "invitations to a room", s.invites, append(by("room", room), above("user", after)...), by("user", 1), limit)
}

// InvitesBefore implements store.Store.
func (s invites) InvitesBefore(ctx context.Context, expires int64, limit int) ([]store.Invite, error) {
	return list[store.Invite](ctx, "old invitations", s.invites, by("expires", by("$lte", expires)),
		bson.D{{Key: "expires", Value: 1}, {Key: "room", Value: 1}, {Key: "user", Value: 1}}, limit)
}
