package directory

import (
	"context"
	"errors"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/password"
	"hubbub.internal/services/directory/store"
)

const (
	// nameFactor and addressFactor are how many times as many failed log-ins as one address may have for one name are
	// allowed for a name from everywhere, and for an address with any names: neither may be so few that a stranger can
	// lock out a person, or a colleague an office.
	nameFactor    = 10
	addressFactor = 30
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
	err = s.hasher.Do(ctx, address, false, func() (err error) {
		u.Hash, err = s.hasher.Hash(secret)
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
	if err := s.guessing.full(time.Now(), key, address); err != nil {
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
	err = s.hasher.Do(ctx, address, false, func() error {
		// Again: however many try at the same time, few of them are here.
		if err := s.guessing.full(time.Now(), key, address); err != nil {
			return err
		}
		match, err := s.hasher.Matches(secret, hash)
		if err == nil && (!match || u.Hash == "") {
			s.guessing.count(time.Now(), key, address)
			err = errWrongPassword
		}
		return err
	})
	return u, err
}

// guessing limits failed log-ins. It is safe for concurrent use.
type guessing struct {
	pairs     *throttle // by name and address
	names     *throttle // by name, from anywhere
	addresses *throttle // by address, with any name
}

func newGuessing(limit int, per time.Duration) *guessing {
	return &guessing{
		pairs:     newThrottle(limit, per),
		names:     newThrottle(limit*nameFactor, per),
		addresses: newThrottle(limit*addressFactor, per),
	}
}

// full returns a chat.CodeRateLimited error if no more log-ins for the name may fail from the address.
func (g *guessing) full(now time.Time, name, address string) error {
	return errors.Join(
		g.pairs.full(now, "failed log-ins with this name", name+" "+address),
		g.names.full(now, "failed log-ins with this name", name),
		g.addresses.full(now, "failed log-ins from your network", address),
	)
}

// count counts a failed log-in.
func (g *guessing) count(now time.Time, name, address string) {
	g.pairs.count(now, name+" "+address)
	g.names.count(now, name)
	g.addresses.count(now, address)
}
