package directory

import (
	"context"
	"errors"
	"time"

	"github.com/alexedwards/argon2id"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/password"
	"hubbub.internal/services/directory/store"
)

const (
	// hashWait is how long a log-in waits for its turn to be hashed.
	hashWait = 5 * time.Second
)

var (
	errWrongPassword = chat.E(chat.CodeUnauthorized, "the name or the password is wrong")
	errNameTaken     = chat.E(chat.CodeConflict, "that name is taken")
)

// register makes an account with a password. address is where the request comes from.
func (s *Service) register(ctx context.Context, name, secret, address string) (store.User, error) {
	if !s.cfg.Registration {
		return store.User{}, chat.E(chat.CodeForbidden, "registration is closed here: ask whoever runs this server")
	}
	name, key, err := checkName(name)
	if err != nil {
		return store.User{}, err
	}
	if err := password.Check(secret, name); err != nil {
		return store.User{}, err
	}
	if err := s.entries.take(time.Now(), "new accounts from your network", address); err != nil {
		return store.User{}, err
	}
	if _, err := s.store.UserByName(ctx, key); err == nil {
		return store.User{}, errNameTaken
	} else if !errors.Is(err, store.ErrNotFound) {
		return store.User{}, err
	}
	u := store.User{ID: chat.NewID(), Name: name, NameKey: key, Created: time.Now().UnixMilli()}
	err = s.hash(ctx, func() (err error) {
		u.Hash, err = argon2id.CreateHash(secret, &s.params)
		return err
	})
	if err != nil {
		return store.User{}, err
	}
	if err := s.store.CreateUser(ctx, u); errors.Is(err, store.ErrConflict) {
		return store.User{}, errNameTaken
	} else if err != nil {
		return store.User{}, err
	}
	return u, nil
}

// guest makes an account without a password, which lasts as long as its session, and opens that. address is where the
// request comes from.
func (s *Service) guest(ctx context.Context, name, address string) (credentials, error) {
	if !s.cfg.Guests {
		return credentials{}, chat.E(chat.CodeForbidden, "guests are not let in here: log in")
	}
	name, _, err := checkName(name)
	if err != nil {
		return credentials{}, err
	}
	if err := s.entries.take(time.Now(), "guests from your network", address); err != nil {
		return credentials{}, err
	}
	u := store.User{ID: chat.NewID(), Name: name + guestMark, Created: time.Now().UnixMilli()}
	u.NameKey = ":" + u.ID // guests' names need not differ; no name that anybody can type begins so
	// The session first: with its end the account is removed, so there must be no account without one.
	c, err := s.open(ctx, u)
	if err != nil {
		return credentials{}, err
	}
	return c, s.store.CreateUser(ctx, u)
}

// login returns the user with the name and password. address is where the request comes from.
func (s *Service) login(ctx context.Context, name, secret, address string) (store.User, error) {
	_, key, err := checkName(name)
	if err != nil || len(secret) > password.Max {
		return store.User{}, errWrongPassword
	}
	tries := []string{"name " + key, "address " + address}
	const what = "failed log-ins"
	if err := s.failures.full(time.Now(), what, tries...); err != nil {
		return store.User{}, err
	}
	u, err := s.store.UserByName(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, err
	}
	hash := u.Hash
	if hash == "" {
		hash = s.decoy // so that the answer takes as long for a name that nobody has
	}
	err = s.hash(ctx, func() error {
		// Again: however many try at the same time, few of them are here.
		if err := s.failures.full(time.Now(), what, tries...); err != nil {
			return err
		}
		match, err := argon2id.ComparePasswordAndHash(secret, hash)
		if err == nil && (!match || u.Hash == "") {
			s.failures.count(time.Now(), tries...)
			err = errWrongPassword
		}
		return err
	})
	return u, err
}

// hash runs f when it is its turn: hashing takes memory and time on purpose, so few may do it at once.
func (s *Service) hash(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
		return f()
	case <-ctx.Done():
		return chat.Unavailable("too many people are logging in right now", retryStore)
	}
}
