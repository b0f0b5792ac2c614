package directory

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/mail"
	"hubbub.internal/services/directory/store"
)

type forgotInput struct {
	Body struct {
		Who string `json:"who" maxLength:"254" doc:"The name or the mail address of the account."`
	}
}

type mailInput struct {
	Body struct {
		Address  string `json:"address" maxLength:"254" doc:"Such as ann@example.org."`
		Password string `json:"password" doc:"Your current password, again, because whoever reads mail at this address can choose a new one."`
	}
}

type confirmInput struct {
	Body struct {
		Secret string `json:"secret" doc:"The secret that the link carries." maxLength:"128"`
	}
}

type provenInput struct {
	Body struct {
		Password string `json:"password"`
	}
}

// addresses keeps the mail address of each account and confirms it.
type addresses struct {
	*core
	records   *records
	tickets   *tickets
	auditLog  *auditLog
	letters   *letters
	passwords *passwords
}

// mailRoutes registers the routes of mail addresses and of the links that are mailed.
func (s *addresses) mailRoutes(api huma.API) {
	route(s.core, api, public(http.MethodPost, "/v1/forgot", "forgot", "Ask for a mail with a link to choose a new password; the answer does not say whether the account exists"),
		func(ctx context.Context, in *forgotInput) (empty, error) {
			return empty{}, s.letters.forgot(ctx, in.Body.Who, addressOf(ctx))
		})
	route(s.core, api, guarded(http.MethodGet, "/v1/mail", "mail", "Your mail address"),
		func(ctx context.Context, _ *struct{}) (mailView, error) {
			return s.myMail(ctx, httpapi.User(ctx))
		})
	route(s.core, api, guarded(http.MethodPut, "/v1/mail", "change-mail", "Give your account a mail address: a link is sent there to confirm it"),
		limited(s.core, func(ctx context.Context, in *mailInput) (empty, error) {
			return empty{}, s.askMail(ctx, httpapi.User(ctx), in.Body.Password, in.Body.Address)
		}))
	route(s.core, api, public(http.MethodPost, "/v1/mail/confirm", "confirm-mail", "Confirm a mail address by the link that was sent there"),
		func(ctx context.Context, in *confirmInput) (mailView, error) {
			return s.confirmMail(ctx, in.Body.Secret)
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/mail/remove", "remove-mail", "Take the mail address from your account"),
		limited(s.core, func(ctx context.Context, in *provenInput) (empty, error) {
			return empty{}, s.removeMail(ctx, httpapi.User(ctx), in.Body.Password)
		}))
}

func (s *addresses) view(address string) mailView {
	v := mailView{Address: address, Possible: s.letters.mailing != nil}
	if v.Possible {
		v.Digest = s.cfg.Digest
	}
	return v
}

func (s *addresses) myMail(ctx context.Context, c auth.Claims) (mailView, error) {
	a, err := s.store.Account(ctx, c.User)
	return s.view(a.Mail), err
}

// askMail mails a link to an address. Opening it makes the address that of the token's user.
func (s *addresses) askMail(ctx context.Context, c auth.Claims, password, address string) error {
	if s.letters.mailing == nil {
		return errNoMail
	}
	if err := mail.CheckAddress(address); err != nil {
		return chat.E(chat.CodeBadRequest, err.Error())
	}
	u, err := s.records.user(ctx, c.User)
	if err != nil {
		return err
	}
	if err := s.passwords.proveAgain(ctx, u, c, password); err != nil {
		return err
	}
	if err := s.letters.mailing.accounts.count(time.Now(), "letters", "user "+u.ID, "to "+mailKey(address)); err != nil {
		return err
	}
	return s.letters.post(ctx, store.Letter{Kind: store.LetterConfirm, User: u.ID, To: address}, confirmLife)
}

// confirmMail gives an account the address that its ticket was mailed to.
func (s *addresses) confirmMail(ctx context.Context, secret string) (mailView, error) {
	t, u, err := s.tickets.ticket(ctx, secret, ticketMail)
	if err != nil {
		return mailView{}, err
	}
	if err := s.tickets.spendTicket(ctx, t); err != nil {
		return mailView{}, err
	}
	act := store.Act{Action: actMail, Actor: u.ID, ActorName: u.Name, Subject: u.ID, SubjectName: u.Name, Detail: "confirmed"}
	return s.view(t.Detail), s.setMail(ctx, act, u, t.Detail)
}

// removeMail removes the mail address of the token's user.
func (s *addresses) removeMail(ctx context.Context, c auth.Claims, password string) error {
	u, err := s.records.user(ctx, c.User)
	if err != nil {
		return err
	}
	if err := s.passwords.proveAgain(ctx, u, c, password); err != nil {
		return err
	}
	if err := errors.Join(s.store.DeleteTicketsOf(ctx, u.ID, ticketMail), s.store.DeleteTicketsOf(ctx, u.ID, ticketForgot)); err != nil {
		return err
	}
	return s.setMail(ctx, store.Act{Action: actMail, Subject: u.ID, SubjectName: u.Name, Detail: "removed"}, u, "")
}

// setMail changes an account's mail address, and writes to the old address that it did.
func (s *addresses) setMail(ctx context.Context, act store.Act, u store.User, address string) error {
	a, err := s.store.Account(ctx, u.ID)
	if err != nil {
		return err
	}
	err = s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		return s.store.PatchAccount(ctx, u.ID, store.AccountPatch{Mail: &address, MailKey: new(mailKey(address)), DigestDue: new(s.firstDigest(address))})
	})
	if err == nil && a.Mail != "" && a.Mail != address {
		s.letters.writeTo(ctx, u, a.Mail, "Your mail address was changed", "this is no longer the mail address of your account. If it was not you who changed that, ask whoever runs the server.")
	}
	return err
}
