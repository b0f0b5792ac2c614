package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// invitations is a store.Invitations.
type invitations struct{ *collections }

// CreateInvitation implements store.Store.
func (s invitations) CreateInvitation(ctx context.Context, i store.Invitation) error {
	return insert(ctx, "create invitation", s.invitations, i)
}

// Invitation implements store.Store.
func (s invitations) Invitation(ctx context.Context, id string) (store.Invitation, error) {
	return one[store.Invitation](ctx, "invitation", s.invitations, by("_id", id))
}

// Invitations implements store.Store.
func (s invitations) Invitations(ctx context.Context, before string, limit int) ([]store.Invitation, error) {
	filter := bson.D{}
	if before != "" {
		filter = by("_id", by("$lt", before))
	}
	return list[store.Invitation](ctx, "invitations", s.invitations, filter, by("_id", -1), limit)
}

// UseInvitation implements store.Store. That one is not used up is a condition on two fields, which
// not every server can compare: so it changes only as it was read.
func (s invitations) UseInvitation(ctx context.Context, id string, now int64) error {
	for {
		i, err := s.Invitation(ctx, id)
		if err != nil {
			return err
		}
		if i.Used >= i.Uses || i.Expires <= now || i.Revoked {
			return wrap("use invitation", store.ErrNotFound)
		}
		r, err := s.invitations.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "used", Value: i.Used}, {Key: "revoked", Value: false}},
			by("$set", by("used", i.Used+1)))
		if err != nil || r.MatchedCount > 0 {
			return wrap("use invitation", err)
		}
	}
}

// ReturnInvitation implements store.Store.
func (s invitations) ReturnInvitation(ctx context.Context, id string) error {
	_, err := s.invitations.UpdateOne(ctx, append(by("_id", id), above("used", 0)...), by("$inc", by("used", -1)))
	return wrap("return invitation", err)
}

// RevokeInvitation implements store.Store.
func (s invitations) RevokeInvitation(ctx context.Context, id string) error {
	return update(ctx, "revoke invitation", s.invitations, by("_id", id), by("revoked", true))
}

// DeleteInvitation implements store.Store.
func (s invitations) DeleteInvitation(ctx context.Context, id string) error {
	return remove(ctx, "delete invitation", s.invitations, by("_id", id))
}

// DeleteInvitationsBefore implements store.Store.
func (s invitations) DeleteInvitationsBefore(ctx context.Context, expires int64) error {
	return removeAll(ctx, "delete invitations", s.invitations, by("expires", by("$lt", expires)))
}
