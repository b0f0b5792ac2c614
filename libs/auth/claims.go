// Package auth makes and verifies access tokens: JSON Web Tokens (RFC 7519) signed with Ed25519
// (RFC 8037), verified by anybody who has the public keys.
//
// It owns the form of the token and of the key set; it stores nothing and asks nobody but the
// function that it is given.
package auth

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hubbub.internal/libs/chat"
)

// issuer and audience are in every token: one for another system is refused.
const (
	issuer   = "hubbub"
	audience = "hubbub"
)

// Leeway is how far the clocks of two machines may differ: so long before its beginning (nbf) and
// after its end (exp) a token is good. When it says that it was issued (iat) decides nothing: a
// fresh token of a clock that is ahead is good.
const Leeway = time.Minute

var (
	// ErrExpired says that the token was good and is too old.
	ErrExpired = errors.New("token has expired")
	// ErrInvalid says that the token is not one that a known key has signed for Hubbub.
	ErrInvalid = errors.New("token is not valid")
	// ErrNoKeys says that the public keys could not be had yet: nothing can be said of any token.
	ErrNoKeys = errors.New("the keys that tokens are verified with are not there yet")
)

// Claims is what a token says.
type Claims struct {
	User    string    // id
	Name    string    // the user's name when the token was made
	Session string    // id of the log-in that it stems from
	Guest   bool      // an account without a password
	Issued  time.Time // to the millisecond; to the second in tokens of earlier releases
	Expires time.Time
}

// tokenClaims is the payload of a token.
type tokenClaims struct {
	jwt.RegisteredClaims
	Name    string `json:"name"`
	Session string `json:"sid"`
	Guest   bool   `json:"guest,omitempty"`
	// IssuedMS is the milliseconds within the second of iat, which the library and other readers of
	// tokens take for a whole number: a revocation and the log-in after it may fall into one
	// second.
	IssuedMS int `json:"iat_ms,omitempty"`
}

// Sign returns a token with the claims. kid is the id under which the key set has the public half
// of key.
func Sign(key ed25519.PrivateKey, kid string, c Claims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, tokenClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: c.User,
			IssuedAt: jwt.NewNumericDate(c.Issued), ExpiresAt: jwt.NewNumericDate(c.Expires),
		},
		Name: c.Name, Session: c.Session, Guest: c.Guest, IssuedMS: c.Issued.Nanosecond() / int(time.Millisecond),
	})
	t.Header["kid"] = kid
	s, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return s, nil
}

func (c *tokenClaims) claims() (Claims, error) {
	if !chat.ValidID(c.Subject) || !chat.ValidID(c.Session) || c.Name == "" || c.IssuedAt == nil {
		return Claims{}, fmt.Errorf("%w: a claim is missing", ErrInvalid)
	}
	if c.IssuedMS < 0 || c.IssuedMS > 999 {
		return Claims{}, fmt.Errorf("%w: iat_ms is 0 to 999", ErrInvalid)
	}
	return Claims{
		User: c.Subject, Name: c.Name, Session: c.Session, Guest: c.Guest,
		Issued: c.IssuedAt.Add(time.Duration(c.IssuedMS) * time.Millisecond), Expires: c.ExpiresAt.Time,
	}, nil
}
