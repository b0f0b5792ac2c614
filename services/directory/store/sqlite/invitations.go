package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

const invitationColumns = `id, hash, actor, actor_name, note, uses, used, created, expires, revoked`

func invitationFields(i *store.Invitation) []any {
	return []any{&i.ID, &i.Hash, &i.Actor, &i.ActorName, &i.Note, &i.Uses, &i.Used, &i.Created, &i.Expires, &i.Revoked}
}

// CreateInvitation implements store.Store.
func (s *Store) CreateInvitation(ctx context.Context, i store.Invitation) error {
	return s.run(ctx, "create invitation", `INSERT INTO invitations (`+invitationColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		i.ID, i.Hash, i.Actor, i.ActorName, i.Note, i.Uses, i.Used, i.Created, i.Expires, i.Revoked)
}

// Invitation implements store.Store.
func (s *Store) Invitation(ctx context.Context, id string) (store.Invitation, error) {
	return first(ctx, s, "invitation", invitationFields, `SELECT `+invitationColumns+` FROM invitations WHERE id = ?`, id)
}

// Invitations implements store.Store.
func (s *Store) Invitations(ctx context.Context, before string, limit int) ([]store.Invitation, error) {
	return list(ctx, s, "invitations", invitationFields,
		`SELECT `+invitationColumns+` FROM invitations WHERE ?1 = '' OR id < ?1 ORDER BY id DESC LIMIT ?2`, before, limit)
}

// UseInvitation implements store.Store.
func (s *Store) UseInvitation(ctx context.Context, id string, now int64) error {
	return s.update(ctx, "use invitation",
		`UPDATE invitations SET used = used + 1 WHERE id = ? AND used < uses AND expires > ? AND revoked = 0`, id, now)
}

// ReturnInvitation implements store.Store.
func (s *Store) ReturnInvitation(ctx context.Context, id string) error {
	return s.run(ctx, "return invitation", `UPDATE invitations SET used = used - 1 WHERE id = ? AND used > 0`, id)
}

// RevokeInvitation implements store.Store.
func (s *Store) RevokeInvitation(ctx context.Context, id string) error {
	return s.update(ctx, "revoke invitation", `UPDATE invitations SET revoked = 1 WHERE id = ?`, id)
}

// DeleteInvitation implements store.Store.
func (s *Store) DeleteInvitation(ctx context.Context, id string) error {
	return s.run(ctx, "delete invitation", `DELETE FROM invitations WHERE id = ?`, id)
}

// DeleteInvitationsBefore implements store.Store.
func (s *Store) DeleteInvitationsBefore(ctx context.Context, expires int64) error {
	return s.run(ctx, "delete invitations", `DELETE FROM invitations WHERE expires < ?`, expires)
}
