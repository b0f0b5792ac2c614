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

// ResetPath returns what is appended to the address of the page for where the holder of a ticket
// chooses a new password. The secret stands behind #, so that it is in no log of a server in
// between.
func ResetPath(secret string) string { return "#/reset/" + secret }

type resetOutput struct {
	Secret  string `json:"secret" doc:"What POST /v1/reset wants."`
	Path    string `json:"path" doc:"What is appended to the address of the page for the link."`
	Expires int64  `json:"expires" doc:"UTC milliseconds. It is good once."`
}

// resetLink lets an operator make a link with which a user chooses a new password. Operators do not
// do that to each other.
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

// makeReset makes a link with which a user chooses a new password, and writes down who did. That
// somebody may is known.
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

// reset gives the user of a ticket a new password, and ends all log-ins.
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

// tellPassword tells a user by mail that the password is another.
func (s *passwords) tellPassword(ctx context.Context, u store.User) {
	s.letters.writeTo(ctx, u, "", "Your password was changed", "the password of your account was changed just now. If it was not you, choose a new one with \"Forgot password?\", or ask whoever runs the server.")
}

// newHash returns the hash of a user's new password, which may not be a bad one.
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

// storeHash keeps a user's new password, after which the devices and links from before are good for
// nothing.
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
