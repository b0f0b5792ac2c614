package directory

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
)

// sealed is the first byte of a seed that is kept encrypted: AES-256-GCM with a random nonce in
// front, and the key's id as additional data (NIST SP 800-38D). A seed that is not is as long as an
// Ed25519 seed.
const sealed = 1

// keySecretSize is the size of a secret that seeds are encrypted with, in bytes.
const keySecretSize = 32

var (
	errKeySecret = errors.New("the signing keys in the store are encrypted with another secret than those of --key-secrets: give the one that they were encrypted with, or remove the keys from the store, which logs everybody out")
	errNoSecret  = errors.New("the signing keys in the store are encrypted: give the secret with --key-secrets, or remove the keys from the store, which logs everybody out")
)

// seals encrypts and decrypts seeds. The first secret encrypts; the others are those of before.
// Without any it encrypts nothing.
type seals []cipher.AEAD

// parseSeals reads secrets in base64.
func parseSeals(secrets []string) (s seals, err error) {
	for i, text := range secrets {
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != keySecretSize { // err would show the secret
			return nil, fmt.Errorf("--key-secrets: secret %d has to be %d bytes in base64, such as openssl rand -base64 %d prints", i+1, keySecretSize, keySecretSize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("--key-secrets: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("--key-secrets: %w", err)
		}
		s = append(s, aead)
	}
	return s, nil
}

// seal returns what is kept of the seed of a key.
func (s seals) seal(id string, seed []byte) []byte {
	if len(s) == 0 {
		return seed
	}
	return s[0].Seal([]byte{sealed}, nil, seed, []byte(id))
}

// open returns the seed of a key, and whether it is kept as seal would keep it.
func (s seals) open(id string, kept []byte) (seed []byte, current bool, err error) {
	switch {
	case len(kept) == ed25519.SeedSize:
		return kept, len(s) == 0, nil
	case len(kept) == 0 || kept[0] != sealed:
		return nil, false, fmt.Errorf("key %s in the store is damaged: remove it", id)
	case len(s) == 0:
		return nil, false, errNoSecret
	}
	for i, aead := range s {
		if seed, err := aead.Open(nil, nil, kept[1:], []byte(id)); err == nil && len(seed) == ed25519.SeedSize {
			return seed, i == 0, nil
		}
	}
	return nil, false, errKeySecret
}
