package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

const inviteColumns = `SELECT room, user, name, role, actor, actor_name, read_from, declined, created, expires FROM invites `

func inviteFields(i *store.Invite) []any {
	return []any{&i.Room, &i.User, &i.Name, &i.Role, &i.Actor, &i.ActorName, &i.From, &i.Declined, &i.Created, &i.Expires}
}

// invites is a store.Invites.
type invites struct{ db }

// CreateInvite implements store.Store.
func (s invites) CreateInvite(ctx context.Context, i store.Invite) error {
	return s.run(ctx, "create invitation",
		`INSERT INTO invites (room, user, name, role, actor, actor_name, read_from, declined, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		i.Room, i.User, i.Name, i.Role, i.Actor, i.ActorName, i.From, i.Declined, i.Created, i.Expires)
}

// Invite implements store.Store.
func (s invites) Invite(ctx context.Context, room, user string) (store.Invite, error) {
	return first(ctx, s.db, "invitation", inviteFields, inviteColumns+`WHERE room = ? AND user = ?`, room, user)
}

// DeclineInvite implements store.Store.
func (s invites) DeclineInvite(ctx context.Context, room, user string) error {
	return s.update(ctx, "decline invitation", `UPDATE invites SET declined = 1 WHERE room = ? AND user = ?`, room, user)
}

// DeleteInvite implements store.Store.
func (s invites) DeleteInvite(ctx context.Context, room, user string) error {
	return s.run(ctx, "delete invitation", `DELETE FROM invites WHERE room = ? AND user = ?`, room, user)
}

// InvitesTo implements store.Store.
func (s invites) InvitesTo(ctx context.Context, user string, limit int) ([]store.Invite, error) {
	return list(ctx, s.db, "invitations of a user", inviteFields,
		inviteColumns+`WHERE user = ? AND declined = 0 ORDER BY created DESC, room LIMIT ?`, user, limit)
}

// InvitesBy implements store.Store.
func (s invites) InvitesBy(ctx context.Context, actor string, limit int) ([]store.Invite, error) {
	return list(ctx, s.db, "invitations by a user", inviteFields,
		inviteColumns+`WHERE actor = ? ORDER BY created DESC, room, user LIMIT ?`, actor, limit)
}

// InvitesIn implements store.Store.
func (s invites) InvitesIn(ctx context.Context, room, after string, limit int) ([]store.Invite, error) {
	return list(ctx, s.db, "invitations to a room", inviteFields,
		inviteColumns+`WHERE room = ? AND user > ? ORDER BY user LIMIT ?`, room, after, limit)
}

// InvitesBefore implements store.Store.
func (s invites) InvitesBefore(ctx context.Context, expires int64, limit int) ([]store.Invite, error) {
	return list(ctx, s.db, "old invitations", inviteFields,
		inviteColumns+`WHERE expires <= ? ORDER BY expires, room, user LIMIT ?`, expires, limit)
}
