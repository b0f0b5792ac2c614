package auth

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestClocks verifies tokens of a machine whose clock is wrong by as much as there is leeway for,
// and by more.
func TestClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{}
		d.rotate(t, "k1")
		v := NewVerifier(d.fetch)
		const life, ever = 15 * time.Minute, 100 * 365 * 24 * time.Hour
		for _, tt := range []struct {
			name          string
			iat, nbf, exp time.Duration // from now; nbf of 0: none
			want          error
		}{
			{name: "issued 11 s from now", iat: 11 * time.Second, exp: life},
			{name: "issued 59 s from now", iat: 59 * time.Second, exp: life},
			{name: "issued 61 s from now", iat: 61 * time.Second, exp: life},
			{name: "issued in a century", iat: ever, exp: life},
			{name: "issued a century ago", iat: -ever, exp: life},
			{name: "begins 11 s from now", nbf: 11 * time.Second, exp: life},
			{name: "begins 59 s from now", nbf: 59 * time.Second, exp: life},
			{name: "begins 61 s from now", nbf: 61 * time.Second, exp: life, want: ErrInvalid},
			{name: "began 61 s ago", nbf: -61 * time.Second, exp: life},
			{name: "ends 11 s from now", iat: -life, exp: 11 * time.Second},
			{name: "ended 11 s ago", iat: -life, exp: -11 * time.Second},
			{name: "ended 59 s ago", iat: -life, exp: -59 * time.Second},
			{name: "ended 61 s ago", iat: -life, exp: -61 * time.Second, want: ErrExpired},
			{name: "ended before it was issued", iat: ever, exp: -61 * time.Second, want: ErrExpired},
		} {
			now := time.Now()
			c := tokenClaims{Name: "Ann", Session: "s1", RegisteredClaims: jwt.RegisteredClaims{
				Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: "u1",
				IssuedAt: jwt.NewNumericDate(now.Add(tt.iat)), ExpiresAt: jwt.NewNumericDate(now.Add(tt.exp)),
			}}
			if tt.nbf != 0 {
				c.NotBefore = jwt.NewNumericDate(now.Add(tt.nbf))
			}
			unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
			unsigned.Header["kid"] = d.kid
			token, err := unsigned.SignedString(d.private)
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(t.Context(), token)
			if !errors.Is(err, tt.want) {
				t.Errorf("a token that %s: %v, want %v", tt.name, err, tt.want)
			}
			if err == nil && !got.Issued.Equal(now.Add(tt.iat)) {
				t.Errorf("a token that %s was issued at %s", tt.name, got.Issued)
			}
		}
	})
}

// TestLifeByAnotherClock: the directory's clock goes wrong by so much: each of its tokens is good
// for its whole life by the clock of whoever verifies it, as far as the leeway goes.
func TestLifeByAnotherClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const life = 15 * time.Minute
		for _, off := range []time.Duration{-59 * time.Second, -11 * time.Second, 0, 11 * time.Second, 59 * time.Second} {
			d := &directory{}
			d.rotate(t, "k1")
			v := NewVerifier(d.fetch)
			theirs := time.Now().Add(off)
			token := d.sign(t, Claims{User: "u1", Name: "Ann", Session: "s1", Issued: theirs, Expires: theirs.Add(life)})
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Errorf("with a clock that is off by %s a fresh token: %v", off, err)
			}
			time.Sleep(life)
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Errorf("with a clock that is off by %s a token at the end of its life: %v", off, err)
			}
			time.Sleep(2*Leeway + time.Second)
			if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrExpired) {
				t.Errorf("with a clock that is off by %s a token that is too old: %v", off, err)
			}
		}
	})
}
