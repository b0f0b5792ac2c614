package sqlite

import (
	"context"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

const (
	selectAccounts = `SELECT user, device_key, seen_by, unlisted, mail, mail_key, invited_by, direct_by, digest_due, digest_sent FROM accounts `
	patchAccount   = `INSERT INTO accounts (user, device_key, seen_by, unlisted, mail, mail_key, invited_by, direct_by, digest_due)
		VALUES (?1, ?2, coalesce(?3, ''), coalesce(?4, 0), coalesce(?5, ''), coalesce(?6, ''), coalesce(?7, ''), coalesce(?8, ''), coalesce(?9, 0))
		ON CONFLICT (user) DO UPDATE SET device_key = coalesce(?2, device_key), seen_by = coalesce(?3, seen_by), unlisted = coalesce(?4, unlisted),
		mail = coalesce(?5, mail), mail_key = coalesce(?6, mail_key), invited_by = coalesce(?7, invited_by), direct_by = coalesce(?8, direct_by),
		digest_due = coalesce(?9, digest_due)`
)

func accountFields(a *store.Account) []any {
	return []any{&a.User, &a.DeviceKey, &a.SeenBy, &a.Unlisted, &a.Mail, &a.MailKey, &a.InvitedBy, &a.DirectBy, &a.DigestDue, &a.DigestSent}
}

// accounts is a store.Accounts.
type accounts struct{ db }

// Account implements store.Store.
func (s accounts) Account(ctx context.Context, user string) (store.Account, error) {
	all, err := list(ctx, s.db, "account", accountFields, selectAccounts+`WHERE user = ?`, user)
	if err != nil || len(all) == 0 {
		return store.Account{User: user}, err
	}
	return all[0], nil
}

// PatchAccount implements store.Store.
func (s accounts) PatchAccount(ctx context.Context, user string, p store.AccountPatch) error {
	return s.run(ctx, "change account", patchAccount, user, p.DeviceKey, p.SeenBy, p.Unlisted, p.Mail, p.MailKey, p.InvitedBy, p.DirectBy, p.DigestDue)
}

// AccountsOf implements store.Store.
func (s accounts) AccountsOf(ctx context.Context, users []string) ([]store.Account, error) {
	return list(ctx, s.db, "accounts", accountFields, selectAccounts+`WHERE user IN (SELECT value FROM json_each(?)) ORDER BY user`, sqlitedb.List(users))
}

// AccountsByMail implements store.Store.
func (s accounts) AccountsByMail(ctx context.Context, mailKey string, limit int) ([]store.Account, error) {
	return list(ctx, s.db, "accounts by mail", accountFields, selectAccounts+`WHERE mail_key = ? AND mail_key <> '' ORDER BY user LIMIT ?`, mailKey, limit)
}

// BeginDigests implements store.Accounts.
func (s accounts) BeginDigests(ctx context.Context, due int64) error {
	return s.run(ctx, "begin digests", `UPDATE accounts SET digest_due = ? WHERE mail_key <> '' AND digest_due = 0`, due)
}

// DigestsDue implements store.Accounts.
func (s accounts) DigestsDue(ctx context.Context, now int64, limit int) ([]store.Account, error) {
	return list(ctx, s.db, "digests due", accountFields, selectAccounts+`WHERE digest_due > 0 AND digest_due <= ? ORDER BY digest_due, user LIMIT ?`, now, limit)
}

// MoveDigest implements store.Accounts.
func (s accounts) MoveDigest(ctx context.Context, user string, was, next, sent int64) error {
	return s.update(ctx, "move digest", `UPDATE accounts SET digest_due = ?, digest_sent = ? WHERE user = ? AND digest_due = ?`, next, sent, user, was)
}

// DeleteAccount implements store.Store.
func (s accounts) DeleteAccount(ctx context.Context, user string) error {
	return s.run(ctx, "delete account", `DELETE FROM accounts WHERE user = ?`, user)
}

// SetPassword implements store.Store.
func (s accounts) SetPassword(ctx context.Context, user, was, hash string) error {
	return s.update(ctx, "set password", `UPDATE users SET hash = ? WHERE id = ? AND hash = ?`, hash, user, was)
}

// PutDeleted implements store.Store.
func (s accounts) PutDeleted(ctx context.Context, u store.User) error {
	return s.update(ctx, "delete user", `UPDATE users SET name = ?, hash = ? WHERE id = ?`, u.Name, u.Hash, u.ID)
}

// PutTicket implements store.Store.
func (s accounts) PutTicket(ctx context.Context, t store.Ticket) error {
	return s.run(ctx, "put ticket", `INSERT INTO tickets (hash, kind, user, created, expires, detail) VALUES (?, ?, ?, ?, ?, ?)`,
		t.Hash, t.Kind, t.User, t.Created, t.Expires, t.Detail)
}

// Ticket implements store.Store.
func (s accounts) Ticket(ctx context.Context, hash string) (store.Ticket, error) {
	return first(ctx, s.db, "ticket", func(t *store.Ticket) []any {
		return []any{&t.Hash, &t.Kind, &t.User, &t.Created, &t.Expires, &t.Detail}
	},
		`SELECT hash, kind, user, created, expires, detail FROM tickets WHERE hash = ?`, hash)
}

// SpendTicket implements store.Store.
func (s accounts) SpendTicket(ctx context.Context, hash string) error {
	return s.update(ctx, "take ticket", `DELETE FROM tickets WHERE hash = ?`, hash)
}

// DeleteTicketsOf implements store.Store.
func (s accounts) DeleteTicketsOf(ctx context.Context, user, kind string) error {
	return s.run(ctx, "delete tickets", `DELETE FROM tickets WHERE user = ? AND kind = ?`, user, kind)
}

// DeleteTicketsBefore implements store.Store.
func (s accounts) DeleteTicketsBefore(ctx context.Context, expires int64) error {
	return s.run(ctx, "delete old tickets", `DELETE FROM tickets WHERE expires <= ?`, expires)
}
