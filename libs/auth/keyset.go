package auth

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// jwk is an Ed25519 public key as RFC 8037 section 2 writes it.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Kid string `json:"kid"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
	X   string `json:"x"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

// PublicKey is a key that tokens are verified with, and the id that they name it by.
type PublicKey struct {
	ID  string
	Key ed25519.PublicKey
}

// EncodeKeys returns the JSON Web Key Set (RFC 7517 section 5) of the keys.
func EncodeKeys(keys []PublicKey) ([]byte, error) {
	set := jwks{Keys: []jwk{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, jwk{
			Kty: "OKP", Crv: "Ed25519", Kid: k.ID, Use: "sig", Alg: "EdDSA", X: base64.RawURLEncoding.EncodeToString(k.Key),
		})
	}
	b, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("encode key set: %w", err)
	}
	return b, nil
}

// decodeKeys returns the Ed25519 keys of a key set by their id; others are not ours and are left
// out.
func decodeKeys(doc []byte) (map[string]ed25519.PublicKey, error) {
	var set jwks
	if err := json.Unmarshal(doc, &set); err != nil {
		return nil, fmt.Errorf("decode key set: %w", err)
	}
	keys := make(map[string]ed25519.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		if k.Kty != "OKP" || k.Crv != "Ed25519" || k.Kid == "" {
			continue
		}
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("decode key set: key %.40q is not an Ed25519 key", k.Kid)
		}
		keys[k.Kid] = x
	}
	if len(keys) == 0 {
		return nil, errors.New("decode key set: it has no Ed25519 key")
	}
	return keys, nil
}
