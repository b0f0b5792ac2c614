package auth

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestForeignTokens signs with the right key what is not a token of ours: made for another, by
// another, without an end, or without what a token has to say.
func TestForeignTokens(t *testing.T) {
	d := &directory{}
	d.rotate(t, "k1")
	v := NewVerifier(d.fetch)
	now := time.Now().Truncate(time.Second)
	for _, tt := range []struct {
		name   string
		change func(*tokenClaims)
		want   error
	}{
		{"ours", func(*tokenClaims) {}, nil},
		{"for another", func(c *tokenClaims) { c.Audience = jwt.ClaimStrings{"another"} }, ErrInvalid},
		{"for nobody", func(c *tokenClaims) { c.Audience = nil }, ErrInvalid},
		{"for us and another", func(c *tokenClaims) { c.Audience = jwt.ClaimStrings{"another", "hubbub"} }, nil},
		{"by another", func(c *tokenClaims) { c.Issuer = "another" }, ErrInvalid},
		{"by nobody", func(c *tokenClaims) { c.Issuer = "" }, ErrInvalid},
		{"without an end", func(c *tokenClaims) { c.ExpiresAt = nil }, ErrInvalid},
		{"without a user", func(c *tokenClaims) { c.Subject = "" }, ErrInvalid},
		{"of a user who is none", func(c *tokenClaims) { c.Subject = "a b" }, ErrInvalid},
		{"without a log-in", func(c *tokenClaims) { c.Session = "" }, ErrInvalid},
		{"of a log-in that is none", func(c *tokenClaims) { c.Session = "a b" }, ErrInvalid},
		{"without a name", func(c *tokenClaims) { c.Name = "" }, ErrInvalid},
		{"made a second after when it was made", func(c *tokenClaims) { c.IssuedMS = 1000 }, ErrInvalid},
		{"made before when it was made", func(c *tokenClaims) { c.IssuedMS = -1 }, ErrInvalid},
		{"without when it was made", func(c *tokenClaims) { c.IssuedAt = nil }, ErrInvalid},
	} {
		c := tokenClaims{
			RegisteredClaims: jwt.RegisteredClaims{
				Issuer: "hubbub", Audience: jwt.ClaimStrings{"hubbub"}, Subject: "u1",
				IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
			},
			Name: "Ann", Session: "s1",
		}
		tt.change(&c)
		token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
		token.Header["kid"] = "k1"
		signed, err := token.SignedString(d.private)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Verify(t.Context(), signed)
		if !errors.Is(err, tt.want) || tt.want == nil && (err != nil || got.User != "u1" || got.Session != "s1" || got.Guest || !got.Issued.Equal(now)) {
			t.Errorf("%s: %+v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

// TestTokenLength: a token may be as long as the limit, and no longer.
func TestTokenLength(t *testing.T) {
	d := &directory{}
	d.rotate(t, "k1")
	v := NewVerifier(d.fetch)
	c := claims()
	seen := map[bool]int{} // the longest that is good, and the shortest that is not
	for n := 2500; n < 3100; n++ {
		c.Name = strings.Repeat("x", n)
		token := d.sign(t, c)
		if len(token) < maxToken-4 || len(token) > maxToken+4 {
			continue
		}
		_, err := v.Verify(t.Context(), token)
		if good := len(token) <= maxToken; good != (err == nil) {
			t.Errorf("a token of %d bytes: %v", len(token), err)
		} else if good {
			seen[true] = max(seen[true], len(token))
		} else if seen[false] == 0 {
			seen[false] = len(token)
		}
	}
	if seen[true] < maxToken-1 || seen[false] > maxToken+2 {
		t.Errorf("tried were %v", seen)
	}
}

func TestKeySets(t *testing.T) {
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := EncodeKeys([]PublicKey{{"k1", public}})
	if err != nil {
		t.Fatal(err)
	}
	var set jwks
	if err := json.Unmarshal(ours, &set); err != nil || len(set.Keys) != 1 {
		t.Fatal(err, set)
	}
	key := set.Keys[0]
	with := func(change func(*jwk)) jwk {
		k := key
		change(&k)
		return k
	}
	rsa, curve, unnamed := with(func(k *jwk) { k.Kty = "RSA" }), with(func(k *jwk) { k.Crv = "X25519" }), with(func(k *jwk) { k.Kid = "" })
	for _, tt := range []struct {
		name string
		keys []jwk
		good bool
	}{
		{"ours", []jwk{key}, true},
		{"ours among others", []jwk{rsa, curve, unnamed, key}, true},
		{"others", []jwk{rsa, curve, unnamed}, false},
		{"none", nil, false},
		{"one cut short", []jwk{key, with(func(k *jwk) { k.Kid, k.X = "k2", k.X[:20] })}, false},
		{"one that is no text", []jwk{key, with(func(k *jwk) { k.Kid, k.X = "k2", "!" })}, false},
	} {
		doc, err := json.Marshal(jwks{tt.keys})
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeKeys(doc)
		if (err == nil) != tt.good || tt.good && (len(got) != 1 || !got["k1"].Equal(public)) {
			t.Errorf("%s: %d keys, %v", tt.name, len(got), err)
		}
	}
	if _, err := decodeKeys([]byte("[")); err == nil {
		t.Error("what is no key set has keys")
	}
	if empty, err := EncodeKeys(nil); err != nil || string(empty) != `{"keys":[]}` {
		t.Errorf("no keys are %s, %v", empty, err)
	}
}

// TestRefetch: keys are fetched once a second at most, and a fetch that hangs ends.
func TestRefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{}
		d.rotate(t, "k1")
		hang := false
		v := NewVerifier(func(ctx context.Context) ([]byte, error) {
			if hang {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return d.fetch(ctx)
		})
		stranger := &directory{}
		stranger.rotate(t, "k9")
		bad := stranger.sign(t, claims())
		for i, tt := range []struct {
			wait    time.Duration
			fetches int
		}{{0, 1}, {refetchEvery - time.Millisecond, 1}, {time.Millisecond, 2}, {0, 2}, {10 * time.Second, 3}} {
			time.Sleep(tt.wait)
			if _, err := v.Verify(t.Context(), bad); !errors.Is(err, ErrInvalid) || d.fetches != tt.fetches {
				t.Errorf("step %d: %d fetches, %v", i, d.fetches, err)
			}
		}
		time.Sleep(refetchEvery)
		hang = true
		began := time.Now()
		if _, err := v.Verify(t.Context(), bad); !errors.Is(err, ErrNoKeys) || time.Since(began) != fetchTimeout {
			t.Errorf("a fetch that hangs: %v after %s", err, time.Since(began))
		}
		hang = false
		if _, err := v.Verify(t.Context(), d.sign(t, claims())); err != nil {
			t.Errorf("a key that is known, after a fetch that failed: %v", err)
		}
	})
}
