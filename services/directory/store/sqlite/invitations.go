package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

const invitationColumns = `id, hash, actor, actor_name, note, uses, used, created, expires, revoked`

func invitationFields(i *store.Invitation) []any {
	return []any{&i.ID, &i.Hash, &i.Actor, &i.ActorName, &i.Note, &i.Uses, &i.Used, &i.Created, &i.Expires, &i.Revoked}
}

// invitations is a store.Invitations.
type invitations struct{ db }

// CreateInvitation implements store.Store.
func (s invitations) CreateInvitation(ctx context.Context, i store.Invitation) error {
	return s.run(ctx, "create invitation", `INSERT INTO invitations (`+invitationColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		i.ID, i.Hash, i.Actor, i.ActorName, i.Note, i.Uses, i.Used, i.Created, i.Expires, i.Revoked)
}

// Invitation implements store.Store.
func (s invitations) Invitation(ctx context.Context, id string) (store.Invitation, error) {
	return first(ctx, s.db, "invitation", invitationFields, `SELECT `+invitationColumns+` FROM invitations WHERE id = ?`, id)
}

// Invitations implements store.Store.
func (s invitations) Invitations(ctx context.Context, before string, limit int) ([]store.Invitation, error) {
	return list(ctx, s.db, "invitations", invitationFields,
		`SELECT `+invitationColumns+` FROM invitations WHERE ?1 = '' OR id < ?1 ORDER BY id DESC LIMIT ?2`, before, limit)
}

// UseInvitation implements store.Store.
func (s invitations) UseInvitation(ctx context.Context, id string, now int64) error {
	return s.update(ctx, "use invitation",
		`UPDATE invitations SET used = used + 1 WHERE id = ? AND used < uses AND expires > ? AND revoked = 0`, id, now)
}

// ReturnInvitation implements store.Store.
func (s invitations) ReturnInvitation(ctx context.Context, id string) error {
	return s.run(ctx, "return invitation", `UPDATE invitations SET used = used - 1 WHERE id = ? AND used > 0`, id)
}

// RevokeInvitation implements store.Store.
func (s invitations) RevokeInvitation(ctx context.Context, id string) error {
	return s.update(ctx, "revoke invitation", `UPDATE invitations SET revoked = 1 WHERE id = ?`, id)
}

// DeleteInvitation implements store.Store.
func (s invitations) DeleteInvitation(ctx context.Context, id string) error {
	return s.run(ctx, "delete invitation", `DELETE FROM invitations WHERE id = ?`, id)
}

// DeleteInvitationsBefore implements store.Store.
func (s invitations) DeleteInvitationsBefore(ctx context.Context, expires int64) error {
	return s.run(ctx, "delete invitations", `DELETE FROM invitations WHERE expires < ?`, expires)
}
