package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/password"
	"hubbub.internal/services/directory/store"
)

const (
	// setupLife is how long a set-up link works.
	setupLife = 24 * time.Hour
	// maxSetupLinks limits the set-up links: each replica makes one when it starts, and the first
	// use ends all of them.
	maxSetupLinks = 8
)

var (
	errSetupUsed  = chat.E(chat.CodeForbidden, "the set-up link was used already: ask an operator for the role, or use hubbub admin promote")
	errSetupEnded = chat.E(chat.CodeForbidden, "this set-up link has expired: restart the server for a new one")
	errSetupWrong = chat.E(chat.CodeForbidden, "this is not a set-up link of this server: its console or log has the right one")
)

// SetupPath returns what to append to the page's address for the set-up link with a secret.
// Browsers never send the part after #.
func SetupPath(secret string) string { return "#/setup/" + secret }

// setup offers the set-up link, which makes its first user the operator.
type setup struct {
	*core
	serverRecord *serverRecord
	nameRules    *nameRules
	auditLog     *auditLog
	passwords    *passwords
	admissions   *admissions
	operators    *operators
	accounts     *accounts

	announce func(secret string, life time.Duration)
	attempts *throttle // tries with bad set-up links, by address
}

// offerSetup makes a set-up link and announces it, if the server has no operator.
func (s *setup) offerSetup(ctx context.Context) error {
	secret, hash := newLinkSecret()
	now := time.Now()
	needed := false
	err := s.serverRecord.changeServer(ctx, func(r *store.Server) error {
		if needed = len(r.InRole(directoryapi.RoleOperator)) == 0; !needed {
			return errSetupUsed
		}
		r.Setup = slices.DeleteFunc(r.Setup, func(l store.SetupLink) bool { return l.Expires <= now.Add(-setupLife).UnixMilli() })
		if n := len(r.Setup); n >= maxSetupLinks {
			r.Setup = r.Setup[n-maxSetupLinks+1:]
		}
		r.Setup = append(r.Setup, store.SetupLink{Hash: hash, Expires: now.Add(setupLife).UnixMilli()})
		return nil
	})
	if !needed && errors.Is(err, errSetupUsed) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.announce != nil {
		s.announce(secret, setupLife)
		return nil
	}
	s.log.Warn("this server has no operator yet: whoever opens this page first becomes the operator", zap.String("page", SetupPath(secret)),
		zap.Duration("for", setupLife))
	return nil
}

// checkSetup returns an error unless a set-up link is valid.
func checkSetup(r store.Server, secret string, now time.Time) error {
	hash := hashOfLink(secret)
	for _, l := range r.Setup {
		if !sameHash(l.Hash, hash) {
			continue
		}
		if l.Expires <= now.UnixMilli() {
			return errSetupEnded
		}
		return nil
	}
	if r.SetUp > 0 || len(r.InRole(directoryapi.RoleOperator)) > 0 {
		return errSetupUsed
	}
	return errSetupWrong
}

// setUp makes the holder of a set-up link the operator, with a new account or, by its password, an
// existing one.
func (s *setup) setUp(ctx context.Context, link, name, secret, address string) (store.User, error) {
	r, err := s.store.Server(ctx)
	if err == nil {
		err = checkSetup(r, link, time.Now())
	}
	if err != nil {
		if chat.CodeOf(err) == chat.CodeForbidden {
			if err := s.attempts.count(time.Now(), "links that are not good", address); err != nil {
				return store.User{}, err // without a log line, so that nobody can fill the log
			}
			s.log.Warn("somebody used an invalid set-up link", zap.String("address", peerOf(ctx)), zap.Error(err))
		}
		return store.User{}, err
	}
	u, made, err := s.setupAccount(ctx, name, secret, address)
	if err != nil {
		return store.User{}, err
	}
	act := store.Act{Action: actSetup, Actor: u.ID, ActorName: u.Name, Subject: u.ID, SubjectName: u.Name, Detail: string(directoryapi.RoleOperator)}
	err = s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		now := time.Now()
		return s.serverRecord.changeServer(ctx, func(r *store.Server) error {
			if err := checkSetup(*r, link, now); err != nil {
				return err // another request was faster
			}
			r.Setup, r.SetUp = nil, now.UnixMilli()
			return giveRole(r, u.ID, directoryapi.RoleOperator)
		})
	})
	if err != nil {
		if _, known := errors.AsType[*chat.Error](err); made && known {
			err = errors.Join(err, s.store.DeleteUser(ctx, u.ID))
		}
		return store.User{}, err
	}
	s.log.Info("the set-up link was used: this user is the operator now", zap.String("user", u.ID), zap.String("name", u.Name),
		zap.String("address", peerOf(ctx)))
	return u, s.operators.ownDefaultRooms(ctx, u, true)
}

// setupAccount returns the account with a name and a password, and makes it if there is none.
func (s *setup) setupAccount(ctx context.Context, name, secret, address string) (u store.User, made bool, err error) {
	name, err = names.Person(name)
	if err != nil {
		return u, false, err
	}
	if _, err = s.store.UserByName(ctx, names.Key(name)); err == nil {
		if u, err = s.passwords.login(ctx, name, secret, address, nil); err == nil {
			err = s.admissions.checkEntry(ctx, u.ID)
		}
		return u, false, err
	} else if !errors.Is(err, store.ErrNotFound) {
		return u, false, err
	}
	if s.nameRules.isReserved(name) && !s.nameRules.isOwnersName(name) {
		return u, false, errNameReserved
	}
	if err := password.Check(secret, name); err != nil {
		return u, false, err
	}
	u, err = s.accounts.makeAccount(ctx, name, secret, address, "by the set-up link")
	return u, true, err
}
