package directory

import (
	"context"
	"errors"
	"strings"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/password"
	"hubbub.internal/services/directory/store"
)

// kindKeep is the kind of an intent to make a guest a registered user.
const kindKeep = "keep"

var errRegistered = chat.E(chat.CodeConflict, "you are registered already")

// keepGuest makes the guest of a token a registered user, who keeps id, log-in, rooms and messages.
// It takes what registering takes.
func (s *accounts) keepGuest(ctx context.Context, c auth.Claims, name, secret, link, address string) (kept store.User, err error) {
	u, err := s.records.user(ctx, c.User)
	if err != nil {
		return kept, err
	}
	if !u.Guest() {
		return kept, errRegistered
	}
	if name, err = s.checkNew(name, secret); err != nil {
		return kept, err
	}
	how, giveBack, err := s.invitationLinks.admit(ctx, link)
	if err != nil {
		return kept, err
	}
	kept, err = s.newAccount(ctx, u.ID, name, secret, address)
	if err == nil {
		kept.Created = u.Created
		act := store.Act{Action: actRegister, Subject: u.ID, SubjectName: kept.Name, Detail: strings.TrimSpace("was " + u.Name + " " + how)}
		err = s.auditLog.audit(ctx, act, func(ctx context.Context) error {
			i := store.Intent{Kind: kindKeep, User: u.ID, Name: kept.Name, Actor: u.ID}
			return s.changes.change(ctx, i, func(ctx context.Context) error { return s.replaceGuest(ctx, u, kept) })
		})
	}
	if _, known := errors.AsType[*chat.Error](err); err != nil && known {
		err = errors.Join(err, giveBack(context.WithoutCancel(ctx))) // nobody has come of it
	}
	return kept, err
}

// checkNew returns the normal form of the name of a new account, or why there can be none with that
// password.
func (s *accounts) checkNew(name, secret string) (string, error) {
	name, err := names.Person(name)
	if err != nil {
		return "", err
	}
	if s.nameRules.isReserved(name) {
		return "", errNameReserved
	}
	return name, password.Check(secret, name)
}

func (s *accounts) replaceGuest(ctx context.Context, guest, kept store.User) error {
	err := s.store.ReplaceUser(ctx, kept, guest.Hash)
	if errors.Is(err, store.ErrConflict) {
		return errNameTaken
	} else if errors.Is(err, store.ErrNotFound) {
		return errors.Join(err, errRegistered) // or gone
	} else if err != nil {
		return err
	}
	// Check again: of two users who take names that look alike at the same moment, at least one
	// sees the other now.
	if err := s.nameRules.checkFree(ctx, kept.Looks, kept.ID); err != nil {
		return errors.Join(err, s.store.ReplaceUser(ctx, guest, kept.Hash))
	}
	return nil
}

// tellKept gives a user who was a guest the new name in all rooms, and lets caches forget the
// guest's permissions. It can be done again.
func (s *accounts) tellKept(ctx context.Context, i store.Intent) error {
	u, err := s.store.User(ctx, i.User)
	if err != nil {
		return unlessMissing(err)
	}
	if err := s.store.RenameMember(ctx, u.ID, u.Name); err != nil {
		return err
	}
	return s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangePerson, User: u.ID})
}

// keep answers a guest who becomes a registered user with a token that says so.
func (s *accounts) keep(ctx context.Context, c auth.Claims, in *passwordInput) (out credentials, err error) {
	u, err := s.keepGuest(ctx, c, in.Body.Name, in.Body.Password, in.Body.Invitation, addressOf(ctx))
	s.sessions.counted("keep", err)
	if err != nil {
		return out, err
	}
	device, err := s.passwords.deviceToken(ctx, u, in.devices())
	if err != nil {
		return out, err
	}
	x, err := s.store.Session(ctx, c.Session)
	if err != nil {
		return out, unlessMissing(err)
	}
	// The refresh token stays as it is.
	out, err = s.sessions.issue(u, x, "", time.Now())
	out.Device = device
	out.cookies = append(out.cookies, keepDevice(ctx, device, deviceCookie(in.Cookie)))
	return out, err
}
