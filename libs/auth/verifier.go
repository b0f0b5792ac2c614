package auth

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// refetchEvery is how often at most the keys are fetched for tokens that name an unknown one,
	// so that garbage does not become a load on directory.
	refetchEvery = time.Second
	// fetchTimeout bounds one fetch. It does not end with the caller whose token began it: others
	// wait for it, too.
	fetchTimeout = 5 * time.Second
)

// maxToken is the greatest length of a token that is looked at, in bytes.
const maxToken = 4 << 10

// Verifier verifies tokens with the last key set that it could fetch. It fetches when a token names
// a key that it does not have, and never because time has passed: keys are added before they sign.
// Its methods are safe for concurrent use.
type Verifier struct {
	fetch  func(ctx context.Context) ([]byte, error)
	parser *jwt.Parser
	keys   atomic.Pointer[map[string]ed25519.PublicKey] // nil until they could be had

	mu   sync.Mutex
	last *fetched // the fetch under way, or the one before
}

// fetched is one fetch of the keys. done is closed when it has ended; err may be read then.
type fetched struct {
	began time.Time
	done  chan struct{}
	err   error
}

// NewVerifier returns a verifier that gets the JSON Web Key Set from fetch.
func NewVerifier(fetch func(ctx context.Context) ([]byte, error)) *Verifier {
	return &Verifier{
		fetch: fetch,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
			jwt.WithExpirationRequired(), jwt.WithLeeway(Leeway), jwt.WithStrictDecoding(),
		),
	}
}

// Verify returns the claims of a token. It blocks only for a token that names an unknown key, while
// the keys are fetched, and for a known key takes no lock. Errors wrap ErrExpired, ErrInvalid or
// ErrNoKeys.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, fmt.Errorf("%w: it is too long", ErrInvalid)
	}
	var c tokenClaims
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		return v.key(ctx, kid)
	})
	switch {
	case err == nil:
		return c.claims()
	case errors.Is(err, ErrNoKeys):
		return Claims{}, err
	case errors.Is(err, jwt.ErrTokenExpired):
		return Claims{}, ErrExpired
	}
	return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
}

// key returns the key with an id. When it is unknown, and the keys could not be had just now,
// nobody can say whether the token is good: that is ErrNoKeys.
func (v *Verifier) key(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	if key, ok := v.known(kid); ok {
		return key, nil
	}
	err := v.refetch(ctx, kid)
	if key, ok := v.known(kid); ok {
		return key, nil
	}
	if err != nil {
		return nil, errors.Join(ErrNoKeys, err)
	}
	return nil, fmt.Errorf("no key %.40q", kid)
}

func (v *Verifier) known(kid string) (ed25519.PublicKey, bool) {
	keys := v.keys.Load()
	if keys == nil {
		return nil, false
	}
	key, ok := (*keys)[kid]
	return key, ok
}

// refetch returns how the last fetch went: one that is under way, or ended a moment ago, or else
// its own.
func (v *Verifier) refetch(ctx context.Context, kid string) error {
	v.mu.Lock()
	if _, ok := v.known(kid); ok {
		v.mu.Unlock()
		return nil
	}
	f := v.last
	if f != nil && (!f.ended() || time.Since(f.began) < refetchEvery) {
		v.mu.Unlock()
		select {
		case <-f.done:
			return f.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f = &fetched{began: time.Now(), done: make(chan struct{})}
	v.last = f
	v.mu.Unlock()

	defer close(f.done)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	f.err = v.load(ctx)
	return f.err
}

func (f *fetched) ended() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

func (v *Verifier) load(ctx context.Context) error {
	doc, err := v.fetch(ctx)
	if err != nil {
		return fmt.Errorf("fetch keys: %w", err)
	}
	keys, err := decodeKeys(doc)
	if err != nil {
		return err
	}
	v.keys.Store(&keys)
	return nil
}
