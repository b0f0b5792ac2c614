package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hubbub.internal/libs/auth"
)

// tokens are the access tokens of clients, one user for each.
type tokens struct {
	of     []string
	keys   json.RawMessage // Hubbub: the JWKS that they are checked with
	public string          // Centrifugo: the same in PEM
}

const tokenLife = time.Hour

// userID has the form that the directory gives to ids.
func userID(i int) string { return fmt.Sprintf("0192f3c0-1a2b-7c3d-8e4f-%012d", i) }

func (b *bench) hubbubTokens() (*tokens, error) {
	if b.ours != nil {
		return b.ours, nil
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &tokens{}
	if t.keys, err = auth.EncodeKeys([]auth.PublicKey{{ID: "bench", Key: public}}); err != nil {
		return nil, err
	}
	now := time.Now()
	for i := range b.opts.Sockets {
		token, err := auth.Sign(private, "bench", auth.Claims{
			User: userID(i), Name: "Ada Lovelace", Session: fmt.Sprintf("0192f3c5-1a2b-7c3d-8e4f-%012d", i), Issued: now, Expires: now.Add(tokenLife),
		})
		if err != nil {
			return nil, err
		}
		t.of = append(t.of, token)
	}
	b.ours = t
	return t, nil
}

func (b *bench) centrifugoTokens() (*tokens, error) {
	if b.theirs != nil {
		return b.theirs, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	t := &tokens{public: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
	expires := time.Now().Add(tokenLife).Unix()
	for i := range b.opts.Sockets {
		token, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"sub": userID(i), "exp": expires}).SignedString(key)
		if err != nil {
			return nil, err
		}
		t.of = append(t.of, token)
	}
	b.theirs = t
	return t, nil
}
