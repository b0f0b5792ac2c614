package directory

import (
	"context"
	"errors"
	"time"

	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/password"
	"hubbub.internal/services/directory/store"
)

const (
	// nameFactor and addressFactor multiply the number of failed log-ins that one address may have
	// for one name: the products limit one name from all addresses, and one address with all names.
	// They are large enough that a stranger cannot lock a person out, nor a colleague an office.
	nameFactor    = 10
	addressFactor = 30
	// successFactor multiplies the same number to limit an account's log-ins that succeed, from all
	// addresses: each hashes a password and leaves a session.
	successFactor = 3
)

// attempt is one try to show a password.
type attempt struct {
	name, address string // what it is counted by if it fails
	client        string // who takes a turn with it
	known         bool   // it comes from a known device, and goes first
}

// stranger is an attempt from a device that is not known.
func stranger(name, address string) attempt {
	return attempt{name: name, address: address, client: address}
}

// familiar is an attempt from one of the user's devices, or with a token: only its own wrong
// passwords delay it.
func familiar(user, device string) attempt {
	return attempt{name: "of " + user, address: device, client: user, known: true}
}

// login returns the user with the name and password. address is where the request comes from, and
// devices are the secrets of devices that it shows; see deviceToken.
func (s *passwords) login(ctx context.Context, name, secret, address string, devices []string) (store.User, error) {
	name, err := names.Normal(name)
	if err != nil || len(secret) > password.Max {
		return store.User{}, errWrongPassword
	}
	key := names.Key(name)
	try := stranger(key, address)
	if len(devices) == 0 {
		if err := s.guessing.full(time.Now(), try); err != nil {
			return store.User{}, err
		}
	}
	u, err := s.store.UserByName(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, err
	}
	if device, err := s.knownDevice(ctx, u, devices); err != nil {
		return store.User{}, err
	} else if device != "" {
		try = familiar(u.ID, device)
	}
	return u, s.prove(ctx, u, secret, try, s.succeeded)
}

// prove returns an error unless the password is the user's; the user may not exist. It counts
// failures, and successes by the throttle, if there is one.
func (s *passwords) prove(ctx context.Context, u store.User, secret string, try attempt, successes *throttle) error {
	full := func(now time.Time) error {
		err := s.guessing.full(now, try)
		if err == nil && successes != nil && u.ID != "" {
			err = successes.full(now, "log-ins with this name", u.ID)
		}
		return err
	}
	if err := full(time.Now()); err != nil {
		return err
	}
	hash := u.Hash
	if hash == "" || u.Deleted() {
		hash = s.decoy // so that the answer takes as long for a name that nobody has
	}
	return s.hasher.Do(ctx, try.client, try.known, func() error {
		// The attempt counts as a failure and as a success until the outcome is known, so that
		// concurrent attempts compare no more passwords than are allowed.
		now := time.Now()
		if err := s.guessing.count(now, try); err != nil {
			return err
		}
		counted := successes != nil && u.ID != ""
		if counted {
			if err := successes.count(now, "log-ins with this name", u.ID); err != nil {
				s.guessing.giveBack(try)
				return err
			}
		}
		match, err := s.hasher.Matches(secret, hash)
		if match = match && u.Hash != "" && !u.Deleted(); err != nil || match {
			s.guessing.giveBack(try)
		}
		if counted && (err != nil || !match) {
			successes.giveBack(u.ID)
		}
		if err == nil && !match {
			err = errWrongPassword
		}
		return err
	})
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

// full returns a chat.CodeRateLimited error if no more attempts such as this one may fail.
func (g *guessing) full(now time.Time, a attempt) error {
	return errors.Join(
		g.pairs.full(now, "failed log-ins with this name", a.name+" "+a.address),
		g.names.full(now, "failed log-ins with this name", a.name),
		g.addresses.full(now, "failed log-ins from your network", a.address),
	)
}

// count counts an attempt as one that fails, or returns full's error.
func (g *guessing) count(now time.Time, a attempt) error {
	if err := g.pairs.count(now, "failed log-ins with this name", a.name+" "+a.address); err != nil {
		return err
	}
	if err := g.names.count(now, "failed log-ins with this name", a.name); err != nil {
		g.pairs.giveBack(a.name + " " + a.address)
		return err
	}
	err := g.addresses.count(now, "failed log-ins from your network", a.address)
	if err != nil {
		g.pairs.giveBack(a.name + " " + a.address)
		g.names.giveBack(a.name)
	}
	return err
}

// giveBack counts an attempt no more: it did not fail.
func (g *guessing) giveBack(a attempt) {
	g.pairs.giveBack(a.name + " " + a.address)
	g.names.giveBack(a.name)
	g.addresses.giveBack(a.address)
}
