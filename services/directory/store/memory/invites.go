package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

func invitesByKey(a, b store.Invite) int {
	return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User))
}

func newestInvite(a, b store.Invite) int {
	return cmp.Or(cmp.Compare(b.Created, a.Created), invitesByKey(a, b))
}

// invites is a store.Invites.
type invites struct{ *records }

// CreateInvite implements store.Store.
func (s invites) CreateInvite(ctx context.Context, i store.Invite) error {
	return create(ctx, s.records, "CreateInvite", s.invited, pair{i.Room, i.User}, i)
}

// Invite implements store.Store.
func (s invites) Invite(ctx context.Context, room, user string) (store.Invite, error) {
	return one(ctx, s.records, "Invite", s.invited, pair{room, user})
}

// DeclineInvite implements store.Store.
func (s invites) DeclineInvite(ctx context.Context, room, user string) error {
	return update(ctx, s.records, "DeclineInvite", s.invited, pair{room, user}, func(i *store.Invite) bool {
		i.Declined = true
		return true
	})
}

// DeleteInvite implements store.Store.
func (s invites) DeleteInvite(ctx context.Context, room, user string) error {
	return remove(ctx, s.records, "DeleteInvite", s.invited, pair{room, user})
}

// InvitesTo implements store.Store.
func (s invites) InvitesTo(ctx context.Context, user string, limit int) ([]store.Invite, error) {
	return list(ctx, s.records, "InvitesTo", s.invited, limit, newestInvite, func(i store.Invite) bool { return i.User == user && !i.Declined })
}

// InvitesBy implements store.Store.
func (s invites) InvitesBy(ctx context.Context, actor string, limit int) ([]store.Invite, error) {
	return list(ctx, s.records, "InvitesBy", s.invited, limit, newestInvite, func(i store.Invite) bool { return i.Actor == actor })
}

// InvitesIn implements store.Store.
func (s invites) InvitesIn(ctx context.Context, room, after string, limit int) ([]store.Invite, error) {
	return list(ctx, s.records, "InvitesIn", s.invited, limit, invitesByKey, func(i store.Invite) bool { return i.Room == room && i.User > after })
}

// InvitesBefore implements store.Store.
func (s invites) InvitesBefore(ctx context.Context, expires int64, limit int) ([]store.Invite, error) {
	return list(ctx, s.records, "InvitesBefore", s.invited, limit, func(a, b store.Invite) int {
		return cmp.Or(cmp.Compare(a.Expires, b.Expires), invitesByKey(a, b))
	},
		func(i store.Invite) bool { return i.Expires <= expires })
}
