package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

func invitationsByKey(a, b store.Invitation) int {
	return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User))
}

func newestInvitation(a, b store.Invitation) int {
	return cmp.Or(cmp.Compare(b.Created, a.Created), invitationsByKey(a, b))
}

// invitations is a store.Invitations.
type invitations struct{ *records }

// CreateInvitation implements store.Store.
func (s invitations) CreateInvitation(ctx context.Context, i store.Invitation) error {
	return create(ctx, s.records, "CreateInvitation", s.invitations, pair{i.Room, i.User}, i)
}

// Invitation implements store.Store.
func (s invitations) Invitation(ctx context.Context, room, user string) (store.Invitation, error) {
	return one(ctx, s.records, "Invitation", s.invitations, pair{room, user})
}

// DeclineInvitation implements store.Store.
func (s invitations) DeclineInvitation(ctx context.Context, room, user string) error {
	return update(ctx, s.records, "DeclineInvitation", s.invitations, pair{room, user}, func(i *store.Invitation) bool {
		i.Declined = true
		return true
	})
}

// DeleteInvitation implements store.Store.
func (s invitations) DeleteInvitation(ctx context.Context, room, user string) error {
	return remove(ctx, s.records, "DeleteInvitation", s.invitations, pair{room, user})
}

// InvitationsTo implements store.Store.
func (s invitations) InvitationsTo(ctx context.Context, user string, limit int) ([]store.Invitation, error) {
	return list(ctx, s.records, "InvitationsTo", s.invitations, limit, newestInvitation, func(i store.Invitation) bool { return i.User == user && !i.Declined })
}

// InvitationsBy implements store.Store.
func (s invitations) InvitationsBy(ctx context.Context, actor string, limit int) ([]store.Invitation, error) {
	return list(ctx, s.records, "InvitationsBy", s.invitations, limit, newestInvitation, func(i store.Invitation) bool { return i.Actor == actor })
}

// InvitationsIn implements store.Store.
func (s invitations) InvitationsIn(ctx context.Context, room, after string, limit int) ([]store.Invitation, error) {
	return list(ctx, s.records, "InvitationsIn", s.invitations, limit, invitationsByKey, func(i store.Invitation) bool { return i.Room == room && i.User > after })
}

// InvitationsBefore implements store.Store.
func (s invitations) InvitationsBefore(ctx context.Context, expires int64, limit int) ([]store.Invitation, error) {
	return list(ctx, s.records, "InvitationsBefore", s.invitations, limit, func(a, b store.Invitation) int {
		return cmp.Or(cmp.Compare(a.Expires, b.Expires), invitationsByKey(a, b))
	},
		func(i store.Invitation) bool { return i.Expires <= expires })
}
