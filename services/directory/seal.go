package directory

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
)

// sealed is the first byte of an encrypted seed: AES-256-GCM with a random nonce in front, and the
// key's id as additional data (NIST SP 800-38D). A plain seed has the length of an Ed25519 seed.
const sealed = 1

// keySecretSize is the size of a secret that encrypts seeds, in bytes.
const keySecretSize = 32

var (
	errKeySecret = errors.New("the signing keys in the store are encrypted with a secret that is not in --key-secrets: add that secret, or remove the keys from the store, which logs everybody out")
	errNoSecret  = errors.New("the signing keys in the store are encrypted: give the secret with --key-secrets, or remove the keys from the store, which logs everybody out")
)

// seals encrypts and decrypts seeds. The first secret encrypts; the others only decrypt, after a
// change of secrets. Without any secret seeds stay plain.
type seals []cipher.AEAD

// parseSeals parses secrets in base64.
func parseSeals(secrets []string) (s seals, err error) {
	for i, text := range secrets {
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != keySecretSize { // err would show the secret
			return nil, fmt.Errorf("--key-secrets: secret %d must be %d bytes in base64: openssl rand -base64 %d prints one", i+1, keySecretSize, keySecretSize)
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

// seal returns the seed of a key as the store keeps it.
func (s seals) seal(id string, seed []byte) []byte {
	if len(s) == 0 {
		return seed
	}
	return s[0].Seal([]byte{sealed}, nil, seed, []byte(id))
}

// open returns the seed of a key, and whether seal would store it the same way today.
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
