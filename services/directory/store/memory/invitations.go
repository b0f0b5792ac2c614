package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

// invitations is a store.Invitations.
type invitations struct{ *records }

// CreateInvitation implements store.Store.
func (s invitations) CreateInvitation(ctx context.Context, i store.Invitation) error {
	return create(ctx, s.records, "CreateInvitation", s.invitations, i.ID, i)
}

// Invitation implements store.Store.
func (s invitations) Invitation(ctx context.Context, id string) (store.Invitation, error) {
	return one(ctx, s.records, "Invitation", s.invitations, id)
}

// Invitations implements store.Store.
func (s invitations) Invitations(ctx context.Context, before string, limit int) ([]store.Invitation, error) {
	return list(ctx, s.records, "Invitations", s.invitations, limit, func(a, b store.Invitation) int { return cmp.Compare(b.ID, a.ID) },
		func(i store.Invitation) bool { return before == "" || i.ID < before })
}

// UseInvitation implements store.Store.
func (s invitations) UseInvitation(ctx context.Context, id string, now int64) error {
	return update(ctx, s.records, "UseInvitation", s.invitations, id, func(i *store.Invitation) bool {
		good := i.Used < i.Uses && i.Expires > now && !i.Revoked
		i.Used++
		return good
	})
}

// ReturnInvitation implements store.Store.
func (s invitations) ReturnInvitation(ctx context.Context, id string) error {
	return unlessMissing(update(ctx, s.records, "ReturnInvitation", s.invitations, id, func(i *store.Invitation) bool {
		i.Used--
		return i.Used >= 0
	}))
}

// RevokeInvitation implements store.Store.
func (s invitations) RevokeInvitation(ctx context.Context, id string) error {
	return update(ctx, s.records, "RevokeInvitation", s.invitations, id, func(i *store.Invitation) bool {
		i.Revoked = true
		return true
	})
}

// DeleteInvitation implements store.Store.
func (s invitations) DeleteInvitation(ctx context.Context, id string) error {
	return remove(ctx, s.records, "DeleteInvitation", s.invitations, id)
}

// DeleteInvitationsBefore implements store.Store.
func (s invitations) DeleteInvitationsBefore(ctx context.Context, expires int64) error {
	return removeAll(ctx, s.records, "DeleteInvitationsBefore", s.invitations, func(i store.Invitation) bool { return i.Expires < expires })
}
