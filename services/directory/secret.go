package directory

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// The sizes of a secret in bytes. All secrets of a session begin with the same familySize bytes. By
// them the service distinguishes a used secret from one that somebody made up, and the store does
// not have to keep all used ones.
const (
	secretSize = 32
	familySize = 16
)

// secret is the part of a refresh token that gets the next access token of a session, and the next
// secret. The store has only hashes of it.
type secret [secretSize]byte

func newSecret() secret { return secret(randomBytes(secretSize)) }

// newSalt returns a salt for secret.next.
func newSalt() []byte { return randomBytes(secretSize) }

// randomBytes returns n bytes that nobody can guess.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// newLinkSecret returns the secret of a link, such as one to register or to choose a new password,
// and its hash for the store.
func newLinkSecret() (secret string, hash []byte) {
	secret = base64.RawURLEncoding.EncodeToString(randomBytes(secretSize))
	return secret, hashOfLink(secret)
}

func hashOfLink(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// sameHash compares two hashes in constant time.
func sameHash(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// parseRefresh splits a refresh token into the id of a session and a secret.
func parseRefresh(token string) (id string, s secret, ok bool) {
	id, text, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != secretSize || !chat.ValidID(id) {
		return "", s, false
	}
	return id, secret(b), true
}

func (s secret) String() string { return base64.RawURLEncoding.EncodeToString(s[:]) }

func (s secret) hash() []byte {
	sum := sha256.Sum256(s[:])
	return sum[:]
}

func (s secret) family() []byte {
	sum := sha256.Sum256(s[:familySize])
	return sum[:]
}

// next returns the secret after this one: the same one each time, so that a client without an
// answer can ask again. Computing it takes this secret, of which the store has only the hash, and
// the salt, which only the store has.
func (s secret) next(salt []byte) secret {
	mac := hmac.New(sha256.New, s[:])
	mac.Write(salt)
	return secret(slices.Concat(s[:familySize], mac.Sum(nil)[:secretSize-familySize]))
}

// attemptHash returns the hash of an attempt for the store; nil: the client gave none.
func attemptHash(attempt string) []byte {
	if attempt == "" {
		return nil
	}
	return hashOfLink(attempt)
}

// secretState says how a secret relates to a session.
type secretState int

const (
	secretForeign  secretState = iota // it was never a secret of the session
	secretStale                       // it was one, and was used
	secretPrevious                    // it was used a moment ago, or the same attempt asks again
	secretCurrent
)

// in returns how the secret relates to a session. The client that used the secret last and got no
// answer proves itself by the attempt, which nobody else knows, and gets the answer again at any
// time. Once the client has used the next secret, this one is stale.
func (s secret) in(x store.Session, now time.Time, attempt string) secretState {
	switch sum := s.hash(); {
	case sameHash(sum, x.Hash):
		return secretCurrent
	case sameHash(sum, x.Previous) && (now.UnixMilli() < x.Grace || attempt != "" && sameHash(attemptHash(attempt), x.Attempt)):
		return secretPrevious
	case sameHash(s.family(), x.Family):
		return secretStale
	}
	return secretForeign
}
