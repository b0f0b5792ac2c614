package directory

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

var (
	errWrongPassword = chat.E(chat.CodeUnauthorized, "the name or the password is wrong")
	errNameTaken     = chat.E(chat.CodeConflict, "that name is taken")
)

// accounts makes accounts and guests, and registers guests.
type accounts struct {
	*core
	keys            *keys
	records         *records
	serverRecord    *serverRecord
	nameRules       *nameRules
	changes         *changes
	privacy         *privacy
	auditLog        *auditLog
	logins          *logins
	invitationLinks *invitationLinks
	networks        *networks
	passwords       *passwords
	sessions        *sessions

	daily   *throttle // new accounts of a day, by address
	entries *throttle // new accounts, by address
}

// register makes an account with a password. link is what an invitation link says, if there is one;
// address is where the request comes from.
func (s *accounts) register(ctx context.Context, name, secret, link, address string) (store.User, error) {
	name, err := s.checkNew(name, secret)
	if err != nil {
		return store.User{}, err
	}
	how, giveBack, err := s.invitationLinks.admit(ctx, link)
	if err != nil {
		return store.User{}, err
	}
	u, err := s.makeAccount(ctx, name, secret, address, how)
	if _, known := errors.AsType[*chat.Error](err); err != nil && known {
		err = errors.Join(err, giveBack(context.WithoutCancel(ctx))) // nobody has come of it
	}
	return u, err
}

// makeAccount makes an account of a name and a password that have been checked. how says for the
// audit log what let it in.
func (s *accounts) makeAccount(ctx context.Context, name, secret, address, how string) (store.User, error) {
	u, err := s.newAccount(ctx, chat.NewID(), name, secret, address)
	if err != nil {
		return store.User{}, err
	}
	act := store.Act{Action: actRegister, Subject: u.ID, SubjectName: u.Name, Detail: how}
	if httpapi.User(ctx).User == "" && consoleOf(ctx) == "" {
		act.Actor, act.ActorName = u.ID, u.Name
	}
	return u, s.auditLog.audit(ctx, act, func(ctx context.Context) error { return s.createUser(ctx, u) })
}

// newAccount returns the record of an account, with a name and a password that have been checked.
// It is still to be stored.
func (s *accounts) newAccount(ctx context.Context, id, name, secret, address string) (store.User, error) {
	if err := s.countEntry(ctx, "new accounts from your network", address); err != nil {
		return store.User{}, err
	}
	u := store.User{ID: id, Name: name, NameKey: names.Key(name), Looks: names.LooksOf(name), Created: time.Now().UnixMilli()}
	if _, err := s.store.UserByName(ctx, u.NameKey); err == nil {
		return store.User{}, errNameTaken
	} else if !errors.Is(err, store.ErrNotFound) {
		return store.User{}, err
	}
	if err := s.nameRules.checkFree(ctx, u.Looks, u.ID); err != nil {
		return store.User{}, err
	}
	err := s.passwords.hasher.Do(ctx, address, false, func() (err error) {
		u.Hash, err = s.passwords.hasher.Hash(secret)
		return err
	})
	return u, err
}

// countEntry counts a new account or guest. It returns an error if the network is banned, or too
// many came from it.
func (s *accounts) countEntry(ctx context.Context, what, address string) error {
	if err := s.networks.checkNetwork(ctx, address, newcomer); err != nil {
		return err
	}
	now := time.Now()
	if err := s.daily.count(now, what+" today", address); err != nil {
		return err
	}
	err := s.entries.count(now, what, address)
	if err != nil {
		s.daily.giveBack(address)
	}
	return err
}

// createUser makes an account, unless somebody has its name or one that looks like it.
func (s *accounts) createUser(ctx context.Context, u store.User) error {
	if err := s.store.CreateUser(ctx, u); errors.Is(err, store.ErrConflict) {
		return errNameTaken
	} else if err != nil {
		return err
	}
	// Check again: of two users who register names that look alike at the same moment, at least one
	// sees the other now.
	if err := s.nameRules.checkFree(ctx, u.Looks, u.ID); err != nil {
		return errors.Join(err, s.store.DeleteUser(ctx, u.ID))
	}
	return nil
}

// guest makes an account without a password and opens its only session: the account ends with it.
// address is where the request comes from.
func (s *accounts) guest(ctx context.Context, name, address string) (credentials, error) {
	r, err := s.store.Server(ctx)
	if err != nil {
		return credentials{}, err
	}
	if s.serverRecord.admission(r).Guests == guestsOff {
		return credentials{}, errNoGuests
	}
	name, err = names.Person(name)
	if err != nil {
		return credentials{}, err
	}
	if s.nameRules.isReserved(name) {
		return credentials{}, errNameReserved
	}
	if err := s.countEntry(ctx, "guests from your network", address); err != nil {
		return credentials{}, err
	}
	now := time.Now()
	u := store.User{ID: chat.NewID(), Created: now.UnixMilli()} // whom nobody can have banned
	x, refresh := s.sessions.newSession(ctx, u, now)
	for n := 1; ; n++ {
		number := n
		if n > maxNumbered { // many have this name: one of the others is found by chance
			number = maxNumbered + rand.IntN(1_000_000)
		}
		u.Name = numbered(name, number)
		// No name that anybody can type begins so: guests are told from each other, and their mark
		// tells them from the rest.
		u.NameKey = guestKey(u.Name)
		u.Name += guestMark
		err := s.store.CreateGuest(ctx, u, x)
		if err == nil {
			return s.sessions.issue(u, x, refresh, now)
		}
		if !errors.Is(err, store.ErrConflict) || n == 2*maxNumbered {
			return credentials{}, err
		}
	}
}

// maxNumbered is how many guests of one name are numbered one after the other.
const maxNumbered = 10
