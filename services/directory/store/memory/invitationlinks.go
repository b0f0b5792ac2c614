package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

// invitationLinks is a store.InvitationLinks.
type invitationLinks struct{ *records }

// CreateInvitationLink implements store.Store.
func (s invitationLinks) CreateInvitationLink(ctx context.Context, i store.InvitationLink) error {
	return create(ctx, s.records, "CreateInvitationLink", s.invitationLinks, i.ID, i)
}

// InvitationLink implements store.Store.
func (s invitationLinks) InvitationLink(ctx context.Context, id string) (store.InvitationLink, error) {
	return one(ctx, s.records, "InvitationLink", s.invitationLinks, id)
}

// InvitationLinks implements store.Store.
func (s invitationLinks) InvitationLinks(ctx context.Context, before string, limit int) ([]store.InvitationLink, error) {
	return list(ctx, s.records, "InvitationLinks", s.invitationLinks, limit, func(a, b store.InvitationLink) int { return cmp.Compare(b.ID, a.ID) },
		func(i store.InvitationLink) bool { return before == "" || i.ID < before })
}

// UseInvitationLink implements store.Store.
func (s invitationLinks) UseInvitationLink(ctx context.Context, id string, now int64) error {
	return update(ctx, s.records, "UseInvitationLink", s.invitationLinks, id, func(i *store.InvitationLink) bool {
		good := i.Used < i.Uses && i.Expires > now && !i.Revoked
		i.Used++
		return good
	})
}

// ReturnInvitationLink implements store.Store.
func (s invitationLinks) ReturnInvitationLink(ctx context.Context, id string) error {
	return unlessMissing(update(ctx, s.records, "ReturnInvitationLink", s.invitationLinks, id, func(i *store.InvitationLink) bool {
		i.Used--
		return i.Used >= 0
	}))
}

// RevokeInvitationLink implements store.Store.
func (s invitationLinks) RevokeInvitationLink(ctx context.Context, id string) error {
	return update(ctx, s.records, "RevokeInvitationLink", s.invitationLinks, id, func(i *store.InvitationLink) bool {
		i.Revoked = true
		return true
	})
}

// DeleteInvitationLink implements store.Store.
func (s invitationLinks) DeleteInvitationLink(ctx context.Context, id string) error {
	return remove(ctx, s.records, "DeleteInvitationLink", s.invitationLinks, id)
}

// DeleteInvitationLinksBefore implements store.Store.
func (s invitationLinks) DeleteInvitationLinksBefore(ctx context.Context, expires int64) error {
	return removeAll(ctx, s.records, "DeleteInvitationLinksBefore", s.invitationLinks, func(i store.InvitationLink) bool { return i.Expires < expires })
}
