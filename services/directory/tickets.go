package directory

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// ticketReset is the kind of a ticket that lets its holder choose a new password.
const ticketReset = "reset"

// resetLife is how long a link from an operator works.
const resetLife = 24 * time.Hour

// errTicket does not say which, so that nobody can probe links.
var errTicket = chat.E(chat.CodeForbidden, "this link was used, is too old, or was followed by a newer one: ask for another")

// tickets makes and redeems the secrets of links to choose a new password and to confirm an
// address.
type tickets struct {
	*core
}

// newTicket makes a ticket and voids the user's older ones of the same kind. The store has only a
// hash of the secret.
func (s *tickets) newTicket(ctx context.Context, t store.Ticket, life time.Duration) (secret string, expires time.Time, err error) {
	if err := s.store.DeleteTicketsOf(ctx, t.User, t.Kind); err != nil {
		return "", expires, err
	}
	secret, hash := newLinkSecret()
	now := time.Now()
	expires = now.Add(life)
	t.Hash, t.Created, t.Expires = hex.EncodeToString(hash), now.UnixMilli(), expires.UnixMilli()
	return secret, expires, s.store.PutTicket(ctx, t)
}

// ticketHash returns the hash of a ticket's secret as the store has it.
func ticketHash(secret string) string { return hex.EncodeToString(hashOfLink(secret)) }

// ticket returns a valid ticket of one of the kinds, and its user. spendTicket uses it up.
func (s *tickets) ticket(ctx context.Context, secret string, kinds ...string) (t store.Ticket, u store.User, err error) {
	t, err = s.store.Ticket(ctx, ticketHash(secret))
	if errors.Is(err, store.ErrNotFound) || err == nil && (!slices.Contains(kinds, t.Kind) || time.Now().UnixMilli() >= t.Expires) {
		return t, u, errTicket
	} else if err != nil {
		return t, u, err
	}
	u, err = s.store.User(ctx, t.User)
	if errors.Is(err, store.ErrNotFound) || err == nil && (u.Guest() || u.Deleted()) {
		err = errTicket
	}
	return t, u, err
}

// spendTicket uses a ticket up: of simultaneous requests one succeeds.
func (s *tickets) spendTicket(ctx context.Context, t store.Ticket) error {
	err := s.store.SpendTicket(ctx, t.Hash)
	if errors.Is(err, store.ErrNotFound) {
		return errTicket
	}
	return err
}

// dropTickets voids all links of a user.
func (s *tickets) dropTickets(ctx context.Context, user string) error {
	var errs []error
	for _, kind := range []string{ticketReset, ticketForgot, ticketMail} {
		errs = append(errs, s.store.DeleteTicketsOf(ctx, user, kind))
	}
	return errors.Join(errs...)
}

// removeOldTickets removes expired tickets.
func (s *tickets) removeOldTickets(ctx context.Context) error {
	return s.store.DeleteTicketsBefore(ctx, time.Now().UnixMilli())
}
