package directory

import (
	"context"
	"errors"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/password"
	"hubbub.internal/services/directory/store"
)

// ResetPath returns what to append to the page's address for a link by which the holder of a ticket
// chooses a new password. The secret stands behind #, so that no server in between logs it.
func ResetPath(secret string) string { return "#/reset/" + secret }

type resetOutput struct {
	Secret  string `json:"secret" doc:"The secret for POST /v1/reset."`
	Path    string `json:"path" doc:"Append this to the page's address for the link."`
	Expires int64  `json:"expires" doc:"UTC milliseconds. The link works once."`
}

// resetLink lets an operator make a link with which a user chooses a new password. It refuses to
// for other operators.
func (s *passwords) resetLink(ctx context.Context, c auth.Claims, user string) (out resetOutput, err error) {
	mine, err := s.rights.permittedOnServer(ctx, directoryapi.ActionBan, c.User)
	if err != nil {
		return out, err
	}
	u, err := s.records.user(ctx, user)
	if err != nil {
		return out, err
	}
	theirs, err := s.serverRecord.serverRole(ctx, user)
	if err != nil {
		return out, err
	}
	if !directoryapi.MayTo(mine, directoryapi.ActionBan, directoryapi.WholeServer, theirs) {
		return out, chat.E(chat.CodeForbidden, "an operator's password cannot be reset by another operator: use hubbub admin reset, or take the role away first")
	}
	return s.makeReset(ctx, u)
}

// makeReset makes a link with which a user chooses a new password, and an entry in the audit log.
// The caller has checked that this is allowed.
func (s *passwords) makeReset(ctx context.Context, u store.User) (out resetOutput, err error) {
	if u.Guest() {
		return out, chat.E(chat.CodeConflict, "a guest has no password")
	}
	err = s.auditLog.audit(ctx, store.Act{Action: actResetLink, Subject: u.ID, SubjectName: u.Name}, func(ctx context.Context) error {
		secret, expires, err := s.tickets.newTicket(ctx, store.Ticket{Kind: ticketReset, User: u.ID}, resetLife)
		out = resetOutput{Secret: secret, Path: ResetPath(secret), Expires: expires.UnixMilli()}
		return err
	})
	return out, err
}

// reset gives the user of a ticket a new password, and ends all of the user's log-ins.
func (s *passwords) reset(ctx context.Context, secret, next string) error {
	t, u, err := s.tickets.ticket(ctx, secret, ticketReset, ticketForgot)
	if err != nil {
		return err
	}
	if err := password.Check(next, u.Name); err != nil {
		return err // before the link is used up
	}
	act := store.Act{Action: actReset, Actor: u.ID, ActorName: u.Name, Subject: u.ID, SubjectName: u.Name}
	err = s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		hash, err := s.newHash(ctx, u, next)
		if err != nil {
			return err
		}
		if err := s.tickets.spendTicket(ctx, t); err != nil {
			return err
		}
		i := store.Intent{Kind: directoryapi.ChangeUser, User: u.ID, Name: u.Name, Actor: u.ID}
		return s.changes.change(ctx, i, func(ctx context.Context) error {
			if err := s.storeHash(ctx, u, hash); err != nil {
				return err
			}
			return s.store.EndSessionsOf(ctx, u.ID)
		})
	})
	if err == nil {
		s.tellPassword(ctx, u)
	}
	return err
}

// tellPassword tells a user by mail that the password was changed.
func (s *passwords) tellPassword(ctx context.Context, u store.User) {
	s.letters.writeTo(ctx, u, "", "Your password was changed", "the password of your account was changed just now. If it was not you, choose a new one with \"Forgot password?\", or ask whoever runs the server.")
}

// newHash returns the hash of a user's new password, or an error if the password is too weak.
func (s *passwords) newHash(ctx context.Context, u store.User, next string) (hash string, err error) {
	if err := password.Check(next, u.Name); err != nil {
		return "", err
	}
	err = s.hasher.Do(ctx, u.ID, true, func() (err error) {
		hash, err = s.hasher.Hash(next)
		return err
	})
	return hash, err
}

// storeHash stores the hash of a user's new password, and voids the user's known devices and links.
func (s *passwords) storeHash(ctx context.Context, u store.User, hash string) error {
	err := s.store.SetPassword(ctx, u.ID, u.Hash, hash)
	if errors.Is(err, store.ErrNotFound) {
		return errPasswordRace
	} else if err != nil {
		return err
	}
	return errors.Join(
		s.store.PatchAccount(ctx, u.ID, store.AccountPatch{DeviceKey: newDeviceKey()}),
		s.tickets.dropTickets(ctx, u.ID),
	)
}
