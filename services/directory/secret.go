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

// The sizes of a secret in bytes. All secrets of a session begin with the same familySize bytes. So
// one that was good once is told from one that never was, which anybody can make up, without the
// store having to keep them all.
const (
	secretSize = 32
	familySize = 16
)

// secret is what buys the next token of a session, and with it the next secret. The store has only
// hashes of it.
type secret [secretSize]byte

func newSecret() secret { return secret(randomBytes(secretSize)) }

// newSalt returns what makes a secret out of the one before.
func newSalt() []byte { return randomBytes(secretSize) }

// randomBytes returns so many bytes that nobody can guess.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// newLinkSecret returns the secret of a link that is good for a time, such as one to register or to
// choose a new password, and the hash of it that is kept.
func newLinkSecret() (secret string, hash []byte) {
	secret = base64.RawURLEncoding.EncodeToString(randomBytes(secretSize))
	return secret, hashOfLink(secret)
}

func hashOfLink(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// sameHash compares two hashes in a time that does not depend on them.
func sameHash(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// parseRefresh takes a refresh token apart: the id of a session and a secret.
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

// next returns the secret after this one. Who has this one and not the salt, which is in the store,
// cannot tell it; and the store, which has the salt, has this one's hash only. So whoever comes
// with the same secret gets the same next one.
func (s secret) next(salt []byte) secret {
	mac := hmac.New(sha256.New, s[:])
	mac.Write(salt)
	return secret(slices.Concat(s[:familySize], mac.Sum(nil)[:secretSize-familySize]))
}

// attemptHash returns what is kept of an attempt; nil: there was none.
func attemptHash(attempt string) []byte {
	if attempt == "" {
		return nil
	}
	return hashOfLink(attempt)
}

// secretState is what a secret is to a session.
type secretState int

const (
	secretForeign  secretState = iota // it never was one of the session's
	secretStale                       // it was, and has been used
	secretPrevious                    // it has been used a moment ago
	secretCurrent
)

// in returns what the secret is to a session. Whoever used it last and had no answer is known by
// the attempt, and gets the answer again at any time: nobody else can say it, and once the next
// secret has been used, this one is stale.
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
