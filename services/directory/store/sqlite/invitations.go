package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

const invitationColumns = `SELECT room, user, name, role, actor, actor_name, read_from, declined, created, expires FROM invites `

func invitationFields(i *store.Invitation) []any {
	return []any{&i.Room, &i.User, &i.Name, &i.Role, &i.Actor, &i.ActorName, &i.From, &i.Declined, &i.Created, &i.Expires}
}

// invitations is a store.Invitations.
type invitations struct{ db }

// CreateInvitation implements store.Store.
func (s invitations) CreateInvitation(ctx context.Context, i store.Invitation) error {
	return s.run(ctx, "create invitation",
		`INSERT INTO invites (room, user, name, role, actor, actor_name, read_from, declined, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		i.Room, i.User, i.Name, i.Role, i.Actor, i.ActorName, i.From, i.Declined, i.Created, i.Expires)
}

// Invitation implements store.Store.
func (s invitations) Invitation(ctx context.Context, room, user string) (store.Invitation, error) {
	return first(ctx, s.db, "invitation", invitationFields, invitationColumns+`WHERE room = ? AND user = ?`, room, user)
}

// DeclineInvitation implements store.Store.
func (s invitations) DeclineInvitation(ctx context.Context, room, user string) error {
	return s.update(ctx, "decline invitation", `UPDATE invites SET declined = 1 WHERE room = ? AND user = ?`, room, user)
}

// DeleteInvitation implements store.Store.
func (s invitations) DeleteInvitation(ctx context.Context, room, user string) error {
	return s.run(ctx, "delete invitation", `DELETE FROM invites WHERE room = ? AND user = ?`, room, user)
}

// InvitationsTo implements store.Store.
func (s invitations) InvitationsTo(ctx context.Context, user string, limit int) ([]store.Invitation, error) {
	return list(ctx, s.db, "invitations of a user", invitationFields,
		invitationColumns+`WHERE user = ? AND declined = 0 ORDER BY created DESC, room LIMIT ?`, user, limit)
}

// InvitationsBy implements store.Store.
func (s invitations) InvitationsBy(ctx context.Context, actor string, limit int) ([]store.Invitation, error) {
	return list(ctx, s.db, "invitations by a user", invitationFields,
		invitationColumns+`WHERE actor = ? ORDER BY created DESC, room, user LIMIT ?`, actor, limit)
}

// InvitationsIn implements store.Store.
func (s invitations) InvitationsIn(ctx context.Context, room, after string, limit int) ([]store.Invitation, error) {
	return list(ctx, s.db, "invitations to a room", invitationFields,
		invitationColumns+`WHERE room = ? AND user > ? ORDER BY user LIMIT ?`, room, after, limit)
}

// InvitationsBefore implements store.Store.
func (s invitations) InvitationsBefore(ctx context.Context, expires int64, limit int) ([]store.Invitation, error) {
	return list(ctx, s.db, "old invitations", invitationFields,
		invitationColumns+`WHERE expires <= ? ORDER BY expires, room, user LIMIT ?`, expires, limit)
}
