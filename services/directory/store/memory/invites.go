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

// CreateInvite implements store.Store.
func (s *Store) CreateInvite(ctx context.Context, i store.Invite) error {
	return create(ctx, s, "CreateInvite", s.invited, pair{i.Room, i.User}, i)
}

// Invite implements store.Store.
func (s *Store) Invite(ctx context.Context, room, user string) (store.Invite, error) {
	return one(ctx, s, "Invite", s.invited, pair{room, user})
}

// DeclineInvite implements store.Store.
func (s *Store) DeclineInvite(ctx context.Context, room, user string) error {
	return update(ctx, s, "DeclineInvite", s.invited, pair{room, user}, func(i *store.Invite) bool {
		i.Declined = true
		return true
	})
}

// DeleteInvite implements store.Store.
func (s *Store) DeleteInvite(ctx context.Context, room, user string) error {
	return remove(ctx, s, "DeleteInvite", s.invited, pair{room, user})
}

// InvitesTo implements store.Store.
func (s *Store) InvitesTo(ctx context.Context, user string, limit int) ([]store.Invite, error) {
	return list(ctx, s, "InvitesTo", s.invited, limit, newestInvite, func(i store.Invite) bool { return i.User == user && !i.Declined })
}

// InvitesBy implements store.Store.
func (s *Store) InvitesBy(ctx context.Context, actor string, limit int) ([]store.Invite, error) {
	return list(ctx, s, "InvitesBy", s.invited, limit, newestInvite, func(i store.Invite) bool { return i.Actor == actor })
}

// InvitesIn implements store.Store.
func (s *Store) InvitesIn(ctx context.Context, room, after string, limit int) ([]store.Invite, error) {
	return list(ctx, s, "InvitesIn", s.invited, limit, invitesByKey, func(i store.Invite) bool { return i.Room == room && i.User > after })
}

// InvitesBefore implements store.Store.
func (s *Store) InvitesBefore(ctx context.Context, expires int64, limit int) ([]store.Invite, error) {
	return list(ctx, s, "InvitesBefore", s.invited, limit, func(a, b store.Invite) int {
		return cmp.Or(cmp.Compare(a.Expires, b.Expires), invitesByKey(a, b))
	},
		func(i store.Invite) bool { return i.Expires <= expires })
}
