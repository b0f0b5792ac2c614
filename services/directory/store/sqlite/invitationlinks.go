package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

const invitationLinkColumns = `id, hash, actor, actor_name, note, uses, used, created, expires, revoked`

func invitationLinkFields(i *store.InvitationLink) []any {
	return []any{&i.ID, &i.Hash, &i.Actor, &i.ActorName, &i.Note, &i.Uses, &i.Used, &i.Created, &i.Expires, &i.Revoked}
}

// invitationLinks is a store.InvitationLinks.
type invitationLinks struct{ db }

// CreateInvitationLink implements store.Store.
func (s invitationLinks) CreateInvitationLink(ctx context.Context, i store.InvitationLink) error {
	return s.run(ctx, "create invitation link", `INSERT INTO invitations (`+invitationLinkColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		i.ID, i.Hash, i.Actor, i.ActorName, i.Note, i.Uses, i.Used, i.Created, i.Expires, i.Revoked)
}

// InvitationLink implements store.Store.
func (s invitationLinks) InvitationLink(ctx context.Context, id string) (store.InvitationLink, error) {
	return first(ctx, s.db, "invitation link", invitationLinkFields, `SELECT `+invitationLinkColumns+` FROM invitations WHERE id = ?`, id)
}

// InvitationLinks implements store.Store.
func (s invitationLinks) InvitationLinks(ctx context.Context, before string, limit int) ([]store.InvitationLink, error) {
	return list(ctx, s.db, "invitation links", invitationLinkFields,
		`SELECT `+invitationLinkColumns+` FROM invitations WHERE ?1 = '' OR id < ?1 ORDER BY id DESC LIMIT ?2`, before, limit)
}

// UseInvitationLink implements store.Store.
func (s invitationLinks) UseInvitationLink(ctx context.Context, id string, now int64) error {
	return s.update(ctx, "use invitation link",
		`UPDATE invitations SET used = used + 1 WHERE id = ? AND used < uses AND expires > ? AND revoked = 0`, id, now)
}

// ReturnInvitationLink implements store.Store.
func (s invitationLinks) ReturnInvitationLink(ctx context.Context, id string) error {
	return s.run(ctx, "return invitation link", `UPDATE invitations SET used = used - 1 WHERE id = ? AND used > 0`, id)
}

// RevokeInvitationLink implements store.Store.
func (s invitationLinks) RevokeInvitationLink(ctx context.Context, id string) error {
	return s.update(ctx, "revoke invitation link", `UPDATE invitations SET revoked = 1 WHERE id = ?`, id)
}

// DeleteInvitationLink implements store.Store.
func (s invitationLinks) DeleteInvitationLink(ctx context.Context, id string) error {
	return s.run(ctx, "delete invitation link", `DELETE FROM invitations WHERE id = ?`, id)
}

// DeleteInvitationLinksBefore implements store.Store.
func (s invitationLinks) DeleteInvitationLinksBefore(ctx context.Context, expires int64) error {
	return s.run(ctx, "delete invitation links", `DELETE FROM invitations WHERE expires < ?`, expires)
}
