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

// refetchEvery is how often at most the keys are fetched for a token that names an unknown one, so that garbage does
// not become a load on directory.
const refetchEvery = time.Second

// maxToken is the greatest length of a token that is looked at, in bytes.
const maxToken = 4 << 10

// Verifier verifies tokens with the last key set that it could fetch. It fetches when a token names a key that it does
// not have, and never because time has passed: keys are added before they sign. Its methods are safe for concurrent
// use.
type Verifier struct {
	fetch  func(ctx context.Context) ([]byte, error)
	parser *jwt.Parser
	keys   atomic.Pointer[map[string]ed25519.PublicKey]

	mu      sync.Mutex // held while the keys are fetched
	fetched time.Time  // when they were last asked for
}

// NewVerifier returns a verifier that gets the JSON Web Key Set from fetch.
func NewVerifier(fetch func(ctx context.Context) ([]byte, error)) *Verifier {
	return &Verifier{
		fetch: fetch,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding(),
		),
	}
}

// Verify returns the claims of a token. It blocks only for a token that names an unknown key, while the keys are
// fetched. Errors wrap ErrExpired, ErrInvalid or ErrNoKeys.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	if token == "" || len(token) > maxToken {
		return Claims{}, fmt.Errorf("%w: it is empty or too long", ErrInvalid)
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

func (v *Verifier) key(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	if key, ok := v.known(kid); ok {
		return key, nil
	}
	err := v.refetch(ctx, kid)
	if key, ok := v.known(kid); ok {
		return key, nil
	}
	if v.keys.Load() == nil {
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

// refetch gets the keys again, one caller at a time; the others find what that one got.
func (v *Verifier) refetch(ctx context.Context, kid string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.known(kid); ok {
		return nil
	}
	if v.keys.Load() != nil && time.Since(v.fetched) < refetchEvery {
		return nil
	}
	v.fetched = time.Now()
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
