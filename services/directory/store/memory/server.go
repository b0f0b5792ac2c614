package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

// Server implements store.Store.
func (s *Store) Server(ctx context.Context) (r store.Server, err error) {
	return r, s.do(ctx, "Server", func() error {
		r = s.server.Clone()
		return nil
	})
}

// PutServer implements store.Store.
func (s *Store) PutServer(ctx context.Context, r store.Server) error {
	return s.do(ctx, "PutServer", func() error {
		if s.server.Version != r.Version {
			return store.ErrConflict
		}
		r = r.Clone()
		r.Version++
		s.server = r
		return nil
	})
}

// CreateInvitation implements store.Store.
func (s *Store) CreateInvitation(ctx context.Context, i store.Invitation) error {
	return create(ctx, s, "CreateInvitation", s.invitations, i.ID, i)
}

// Invitation implements store.Store.
func (s *Store) Invitation(ctx context.Context, id string) (store.Invitation, error) {
	return one(ctx, s, "Invitation", s.invitations, id)
}

// Invitations implements store.Store.
func (s *Store) Invitations(ctx context.Context, before string, limit int) ([]store.Invitation, error) {
	return list(ctx, s, "Invitations", s.invitations, limit, func(a, b store.Invitation) int { return cmp.Compare(b.ID, a.ID) },
		func(i store.Invitation) bool { return before == "" || i.ID < before })
}

// UseInvitation implements store.Store.
func (s *Store) UseInvitation(ctx context.Context, id string, now int64) error {
	return update(ctx, s, "UseInvitation", s.invitations, id, func(i *store.Invitation) bool {
		good := i.Used < i.Uses && i.Expires > now && !i.Revoked
		i.Used++
		return good
	})
}

// ReturnInvitation implements store.Store.
func (s *Store) ReturnInvitation(ctx context.Context, id string) error {
	return unlessMissing(update(ctx, s, "ReturnInvitation", s.invitations, id, func(i *store.Invitation) bool {
		i.Used--
		return i.Used >= 0
	}))
}

// RevokeInvitation implements store.Store.
func (s *Store) RevokeInvitation(ctx context.Context, id string) error {
	return update(ctx, s, "RevokeInvitation", s.invitations, id, func(i *store.Invitation) bool {
		i.Revoked = true
		return true
	})
}

// DeleteInvitation implements store.Store.
func (s *Store) DeleteInvitation(ctx context.Context, id string) error {
	return remove(ctx, s, "DeleteInvitation", s.invitations, id)
}

// DeleteInvitationsBefore implements store.Store.
func (s *Store) DeleteInvitationsBefore(ctx context.Context, expires int64) error {
	return removeAll(ctx, s, "DeleteInvitationsBefore", s.invitations, func(i store.Invitation) bool { return i.Expires < expires })
}

// Forget removes the record of the server: stores that earlier releases have written are without
// it.
func (s *Store) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = store.Server{}
}
