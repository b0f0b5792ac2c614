package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

func accountsByUser(a, b store.Account) int { return cmp.Compare(a.User, b.User) }

// accounts is a store.Accounts.
type accounts struct{ *records }

// Account implements store.Store.
func (s accounts) Account(ctx context.Context, user string) (store.Account, error) {
	a, err := one(ctx, s.records, "Account", s.accounts, user)
	a.User = user
	return a, unlessMissing(err)
}

// PatchAccount implements store.Store.
func (s accounts) PatchAccount(ctx context.Context, user string, p store.AccountPatch) error {
	return s.do(ctx, "PatchAccount", func() error {
		a := s.accounts[user]
		a.User = user
		if p.DeviceKey != nil {
			a.DeviceKey = p.DeviceKey
		}
		if p.SeenBy != nil {
			a.SeenBy = *p.SeenBy
		}
		if p.Unlisted != nil {
			a.Unlisted = *p.Unlisted
		}
		if p.InvitedBy != nil {
			a.InvitedBy = *p.InvitedBy
		}
		if p.DirectBy != nil {
			a.DirectBy = *p.DirectBy
		}
		if p.Mail != nil {
			a.Mail = *p.Mail
		}
		if p.MailKey != nil {
			a.MailKey = *p.MailKey
		}
		if p.DigestDue != nil {
			a.DigestDue = *p.DigestDue
		}
		s.accounts[user] = a
		return nil
	})
}

// AccountsOf implements store.Store.
func (s accounts) AccountsOf(ctx context.Context, users []string) ([]store.Account, error) {
	wanted := set(users)
	return list(ctx, s.records, "AccountsOf", s.accounts, everything, accountsByUser, func(a store.Account) bool { return wanted[a.User] })
}

// AccountsByMail implements store.Store.
func (s accounts) AccountsByMail(ctx context.Context, mailKey string, limit int) ([]store.Account, error) {
	return list(ctx, s.records, "AccountsByMail", s.accounts, limit, accountsByUser, func(a store.Account) bool { return mailKey != "" && a.MailKey == mailKey })
}

// BeginDigests implements store.Accounts.
func (s accounts) BeginDigests(ctx context.Context, due int64) error {
	return s.do(ctx, "BeginDigests", func() error {
		for user, a := range s.accounts {
			if a.MailKey != "" && a.DigestDue == 0 {
				a.DigestDue = due
				s.accounts[user] = a
			}
		}
		return nil
	})
}

// DigestsDue implements store.Accounts.
func (s accounts) DigestsDue(ctx context.Context, now int64, limit int) ([]store.Account, error) {
	earlier := func(a, b store.Account) int {
		return cmp.Or(cmp.Compare(a.DigestDue, b.DigestDue), accountsByUser(a, b))
	}
	return list(ctx, s.records, "DigestsDue", s.accounts, limit, earlier, func(a store.Account) bool { return a.DigestDue > 0 && a.DigestDue <= now })
}

// MoveDigest implements store.Accounts.
func (s accounts) MoveDigest(ctx context.Context, user string, was, next, sent int64) error {
	return update(ctx, s.records, "MoveDigest", s.accounts, user, func(a *store.Account) bool {
		good := a.DigestDue == was
		a.DigestDue, a.DigestSent = next, sent
		return good
	})
}

// DeleteAccount implements store.Store.
func (s accounts) DeleteAccount(ctx context.Context, user string) error {
	return remove(ctx, s.records, "DeleteAccount", s.accounts, user)
}

// SetPassword implements store.Store.
func (s accounts) SetPassword(ctx context.Context, user, was, hash string) error {
	return update(ctx, s.records, "SetPassword", s.users, user, func(u *store.User) bool {
		good := u.Hash == was
		u.Hash = hash
		return good
	})
}

// PutDeleted implements store.Store.
func (s accounts) PutDeleted(ctx context.Context, gone store.User) error {
	return update(ctx, s.records, "PutDeleted", s.users, gone.ID, func(u *store.User) bool {
		u.Name, u.Hash = gone.Name, gone.Hash
		return true
	})
}

// PutTicket implements store.Store.
func (s accounts) PutTicket(ctx context.Context, t store.Ticket) error {
	return create(ctx, s.records, "PutTicket", s.tickets, t.Hash, t)
}

// Ticket implements store.Store.
func (s accounts) Ticket(ctx context.Context, hash string) (store.Ticket, error) {
	return one(ctx, s.records, "Ticket", s.tickets, hash)
}

// SpendTicket implements store.Store.
func (s accounts) SpendTicket(ctx context.Context, hash string) error {
	return s.do(ctx, "SpendTicket", func() error {
		if _, ok := s.tickets[hash]; !ok {
			return store.ErrNotFound
		}
		delete(s.tickets, hash)
		return nil
	})
}

// DeleteTicketsOf implements store.Store.
func (s accounts) DeleteTicketsOf(ctx context.Context, user, kind string) error {
	return removeAll(ctx, s.records, "DeleteTicketsOf", s.tickets, func(t store.Ticket) bool { return t.User == user && t.Kind == kind })
}

// DeleteTicketsBefore implements store.Store.
func (s accounts) DeleteTicketsBefore(ctx context.Context, expires int64) error {
	return removeAll(ctx, s.records, "DeleteTicketsBefore", s.tickets, func(t store.Ticket) bool { return t.Expires <= expires })
}
