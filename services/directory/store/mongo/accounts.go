package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/directory/store"
)

// accountIndexes are the indexes of sessions and tickets.
var accountIndexes = []mongodb.Index{
	{Collection: "sessions", Fields: []string{"user", "created"}},
	{Collection: "tickets", Fields: []string{"user", "kind"}},
	{Collection: "tickets", Fields: []string{"expires"}},
}

var digestIndexes = mongodb.Indexes("17 (digests)", mongodb.Index{Collection: "accounts", Fields: []string{"digest_due", "_id"}})

// accounts is a store.Accounts.
type accounts struct{ *collections }

// Account implements store.Store.
func (s accounts) Account(ctx context.Context, user string) (store.Account, error) {
	a, err := one[store.Account](ctx, "account", s.accounts, by("_id", user))
	if errors.Is(err, store.ErrNotFound) {
		return store.Account{User: user}, nil
	}
	return a, err
}

// PatchAccount implements store.Store.
func (s accounts) PatchAccount(ctx context.Context, user string, p store.AccountPatch) error {
	set := by("_id", user) // sets the id to itself, because $set must not be empty
	if p.DeviceKey != nil {
		set = append(set, bson.E{Key: "device_key", Value: p.DeviceKey})
	}
	set = patch(set, "seen_by", p.SeenBy)
	set = patch(set, "unlisted", p.Unlisted)
	set = patch(set, "invited_by", p.InvitedBy)
	set = patch(set, "direct_by", p.DirectBy)
	set = patch(set, "mail", p.Mail)
	set = patch(set, "mail_key", p.MailKey)
	set = patch(set, "digest_due", p.DigestDue)
	return upsert(ctx, "change account", s.accounts, by("_id", user), by("$set", set))
}

// AccountsOf implements store.Store.
func (s accounts) AccountsOf(ctx context.Context, users []string) ([]store.Account, error) {
	if len(users) == 0 {
		return nil, nil
	}
	return list[store.Account](ctx, "accounts", s.accounts, by("_id", by("$in", users)), by("_id", 1), 0)
}

// AccountsByMail implements store.Store.
func (s accounts) AccountsByMail(ctx context.Context, mailKey string, limit int) ([]store.Account, error) {
	if mailKey == "" {
		return nil, nil
	}
	return list[store.Account](ctx, "accounts by mail", s.accounts, by("mail_key", mailKey), by("_id", 1), limit)
}

// BeginDigests implements store.Accounts. Accounts from earlier releases lack the field.
func (s accounts) BeginDigests(ctx context.Context, due int64) error {
	none := append(above("mail_key", ""), by("digest_due", by("$in", bson.A{nil, 0}))...)
	_, err := s.accounts.UpdateMany(ctx, none, by("$set", by("digest_due", due)))
	return wrap("begin digests", err)
}

// DigestsDue implements store.Accounts.
func (s accounts) DigestsDue(ctx context.Context, now int64, limit int) ([]store.Account, error) {
	due := by("digest_due", bson.D{{Key: "$gt", Value: 0}, {Key: "$lte", Value: now}})
	return list[store.Account](ctx, "digests due", s.accounts, due, append(by("digest_due", 1), by("_id", 1)...), limit)
}

// MoveDigest implements store.Accounts.
func (s accounts) MoveDigest(ctx context.Context, user string, was, next, sent int64) error {
	return update(ctx, "move digest", s.accounts, append(by("_id", user), by("digest_due", was)...), append(by("digest_due", next), by("digest_sent", sent)...))
}

// DeleteAccount implements store.Store.
func (s accounts) DeleteAccount(ctx context.Context, user string) error {
	return remove(ctx, "delete account", s.accounts, by("_id", user))
}

// SetPassword implements store.Store.
func (s accounts) SetPassword(ctx context.Context, user, was, hash string) error {
	return update(ctx, "set password", s.users, append(by("_id", user), bson.E{Key: "hash", Value: was}), by("hash", hash))
}

// PutDeleted implements store.Store.
func (s accounts) PutDeleted(ctx context.Context, u store.User) error {
	return update(ctx, "delete user", s.users, by("_id", u.ID), bson.D{{Key: "name", Value: u.Name}, {Key: "hash", Value: u.Hash}})
}

// PutTicket implements store.Store.
func (s accounts) PutTicket(ctx context.Context, t store.Ticket) error {
	return insert(ctx, "put ticket", s.tickets, t)
}

// Ticket implements store.Store.
func (s accounts) Ticket(ctx context.Context, hash string) (store.Ticket, error) {
	return one[store.Ticket](ctx, "ticket", s.tickets, by("_id", hash))
}

// SpendTicket implements store.Store.
func (s accounts) SpendTicket(ctx context.Context, hash string) error {
	r, err := s.tickets.DeleteOne(ctx, by("_id", hash))
	if err == nil && r.DeletedCount == 0 {
		err = store.ErrNotFound
	}
	return wrap("take ticket", err)
}

// DeleteTicketsOf implements store.Store.
func (s accounts) DeleteTicketsOf(ctx context.Context, user, kind string) error {
	return removeAll(ctx, "delete tickets", s.tickets, append(by("user", user), by("kind", kind)...))
}

// DeleteTicketsBefore implements store.Store.
func (s accounts) DeleteTicketsBefore(ctx context.Context, expires int64) error {
	return removeAll(ctx, "delete old tickets", s.tickets, by("expires", by("$lte", expires)))
}
