package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// invitationLinks is a store.InvitationLinks.
type invitationLinks struct{ *collections }

// CreateInvitationLink implements store.Store.
func (s invitationLinks) CreateInvitationLink(ctx context.Context, i store.InvitationLink) error {
	return insert(ctx, "create invitation link", s.invitationLinks, i)
}

// InvitationLink implements store.Store.
func (s invitationLinks) InvitationLink(ctx context.Context, id string) (store.InvitationLink, error) {
	return one[store.InvitationLink](ctx, "invitation link", s.invitationLinks, by("_id", id))
}

// InvitationLinks implements store.Store.
func (s invitationLinks) InvitationLinks(ctx context.Context, before string, limit int) ([]store.InvitationLink, error) {
	filter := bson.D{}
	if before != "" {
		filter = by("_id", by("$lt", before))
	}
	return list[store.InvitationLink](ctx, "invitation links", s.invitationLinks, filter, by("_id", -1), limit)
}

// UseInvitationLink implements store.Store. Because not every server can compare two fields, uses
// and used, in a condition, the update changes the link only if it is still as it was read.
func (s invitationLinks) UseInvitationLink(ctx context.Context, id string, now int64) error {
	for {
		i, err := s.InvitationLink(ctx, id)
		if err != nil {
			return err
		}
		if i.Used >= i.Uses || i.Expires <= now || i.Revoked {
			return wrap("use invitation link", store.ErrNotFound)
		}
		r, err := s.invitationLinks.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "used", Value: i.Used}, {Key: "revoked", Value: false}},
			by("$set", by("used", i.Used+1)))
		if err != nil || r.MatchedCount > 0 {
			return wrap("use invitation link", err)
		}
	}
}

// ReturnInvitationLink implements store.Store.
func (s invitationLinks) ReturnInvitationLink(ctx context.Context, id string) error {
	_, err := s.invitationLinks.UpdateOne(ctx, append(by("_id", id), above("used", 0)...), by("$inc", by("used", -1)))
	return wrap("return invitation link", err)
}

// RevokeInvitationLink implements store.Store.
func (s invitationLinks) RevokeInvitationLink(ctx context.Context, id string) error {
	return update(ctx, "revoke invitation link", s.invitationLinks, by("_id", id), by("revoked", true))
}

// DeleteInvitationLink implements store.Store.
func (s invitationLinks) DeleteInvitationLink(ctx context.Context, id string) error {
	return remove(ctx, "delete invitation link", s.invitationLinks, by("_id", id))
}

// DeleteInvitationLinksBefore implements store.Store.
func (s invitationLinks) DeleteInvitationLinksBefore(ctx context.Context, expires int64) error {
	return removeAll(ctx, "delete invitation links", s.invitationLinks, by("expires", by("$lt", expires)))
}
