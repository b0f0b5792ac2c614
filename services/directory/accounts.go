package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/secure/precis"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	maxName     = 32  // characters of a user's name
	minPassword = 8   // characters
	maxPassword = 256 // bytes
	// guestMark ends the name of every guest. A registered name has no space, so nobody can look like a user who is
	// not.
	guestMark = " (guest)"
	// secretSize is the size of a session's secret, in bytes.
	secretSize = 32
	// hashWait is how long a log-in waits for its turn to be hashed.
	hashWait = 5 * time.Second
)

var (
	errWrongPassword = chat.E(chat.CodeUnauthorized, "the name or the password is wrong")
	errNoSession     = chat.E(chat.CodeUnauthorized, "the log-in has ended: log in again")
	errNameTaken     = chat.E(chat.CodeConflict, "that name is taken")
)

// checkName returns a name in its normal form, and the key that names are compared by (RFC 8265).
func checkName(name string) (normal, key string, err error) {
	bad := chat.E(chat.CodeBadRequest, fmt.Sprintf("a name has 1 to %d letters, digits, dots, dashes and underscores, and begins with a letter or digit", maxName))
	if len(name) > 4*maxName {
		return "", "", bad
	}
	normal, err = precis.UsernameCasePreserved.String(name)
	if err != nil || normal == "" || utf8.RuneCountInString(normal) > maxName {
		return "", "", bad
	}
	for i, r := range normal {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		if !letter && (i == 0 || !unicode.IsMark(r) && !strings.ContainsRune("._-", r)) {
			return "", "", bad
		}
	}
	if key, err = precis.UsernameCaseMapped.CompareKey(normal); err != nil {
		return "", "", bad
	}
	return normal, key, nil
}

// register makes an account with a password.
func (s *Service) register(ctx context.Context, name, password string) (store.User, error) {
	if !s.cfg.Registration {
		return store.User{}, chat.E(chat.CodeForbidden, "registration is closed here: ask whoever runs this server")
	}
	name, key, err := checkName(name)
	if err != nil {
		return store.User{}, err
	}
	if utf8.RuneCountInString(password) < minPassword || len(password) > maxPassword || !utf8.ValidString(password) {
		return store.User{}, chat.E(chat.CodeBadRequest, fmt.Sprintf("a password has at least %d characters and at most %d bytes", minPassword, maxPassword))
	}
	if _, err := s.store.UserByName(ctx, key); err == nil {
		return store.User{}, errNameTaken
	} else if !errors.Is(err, store.ErrNotFound) {
		return store.User{}, err
	}
	u := store.User{ID: chat.NewID(), Name: name, NameKey: key, Created: time.Now().UnixMilli()}
	err = s.hash(ctx, func() (err error) {
		u.Hash, err = argon2id.CreateHash(password, &s.params)
		return err
	})
	if err != nil {
		return store.User{}, err
	}
	if err := s.store.CreateUser(ctx, u); errors.Is(err, store.ErrConflict) {
		return store.User{}, errNameTaken
	} else if err != nil {
		return store.User{}, err
	}
	return u, nil
}

// guest makes an account without a password, which lasts as long as its session is used.
func (s *Service) guest(ctx context.Context, name string) (store.User, error) {
	if !s.cfg.Guests {
		return store.User{}, chat.E(chat.CodeForbidden, "guests are not let in here: log in")
	}
	name, _, err := checkName(name)
	if err != nil {
		return store.User{}, err
	}
	u := store.User{ID: chat.NewID(), Name: name + guestMark, Created: time.Now().UnixMilli()}
	u.NameKey = "guest:" + u.ID // guests' names need not differ
	return u, s.store.CreateUser(ctx, u)
}

// login returns the user with the name and password. address is where the request comes from.
func (s *Service) login(ctx context.Context, name, password, address string) (store.User, error) {
	_, key, err := checkName(name)
	if err != nil || len(password) > maxPassword {
		return store.User{}, errWrongPassword
	}
	now := time.Now()
	if wait := s.failures.wait(now, "name "+key, "address "+address); wait > 0 {
		return store.User{}, &chat.Error{Code: chat.CodeRateLimited, Message: "too many failed log-ins: wait a little", RetryAfter: wait}
	}
	u, err := s.store.UserByName(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, err
	}
	hash := u.Hash
	if hash == "" {
		hash = s.decoy // so that the answer takes as long for a name that nobody has
	}
	match := false
	err = s.hash(ctx, func() (err error) {
		match, err = argon2id.ComparePasswordAndHash(password, hash)
		return err
	})
	if err != nil {
		return store.User{}, err
	}
	if !match || u.Hash == "" {
		s.failures.fail(now, "name "+key, "address "+address)
		return store.User{}, errWrongPassword
	}
	return u, nil
}

// hash runs f when it is its turn: hashing takes memory and time on purpose, so few may do it at once.
func (s *Service) hash(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
		return f()
	case <-ctx.Done():
		return chat.Unavailable("too many people are logging in right now", retryStore)
	}
}

// credentials are what a client gets for a log-in.
type credentials struct {
	Token     string  `json:"token" doc:"Access token, for Authorization: Bearer and for hello."`
	ExpiresAt int64   `json:"expires_at" doc:"When the token ends (UTC milliseconds)."`
	Refresh   string  `json:"refresh_token" doc:"Secret that buys the next token, for as long as the log-in lasts."`
	User      account `json:"user"`
}

type account struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Guest bool   `json:"guest"`
}

func accountOf(u store.User) account { return account{ID: u.ID, Name: u.Name, Guest: u.Guest()} }

// open begins a session. Its refresh token is the session's id and a secret, of which the store has the hash only. It
// stays the same for the whole session, so that several tabs of a browser can share it.
func (s *Service) open(ctx context.Context, u store.User) (credentials, error) {
	var secret [secretSize]byte
	_, _ = rand.Read(secret[:]) // never fails
	sum := sha256.Sum256(secret[:])
	now := time.Now()
	x := store.Session{
		ID: chat.NewID(), User: u.ID, Hash: sum[:], Created: now.UnixMilli(), Expires: now.Add(s.cfg.SessionLife).UnixMilli(),
	}
	if err := s.store.CreateSession(ctx, x); err != nil {
		return credentials{}, err
	}
	return s.issue(u, x, x.ID+"."+base64.RawURLEncoding.EncodeToString(secret[:]), now)
}

// refresh returns the next token of a session, and prolongs it.
func (s *Service) refresh(ctx context.Context, refresh string) (credentials, error) {
	id, text, _ := strings.Cut(refresh, ".")
	secret, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(secret) != secretSize || !chat.ValidID(id) {
		return credentials{}, errNoSession
	}
	now := time.Now()
	x, err := s.store.Session(ctx, id)
	sum := sha256.Sum256(secret)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return credentials{}, errNoSession
	case err != nil:
		return credentials{}, err
	case subtle.ConstantTimeCompare(sum[:], x.Hash) != 1 || x.Expires <= now.UnixMilli():
		return credentials{}, errNoSession
	}
	u, err := s.store.User(ctx, x.User)
	if errors.Is(err, store.ErrNotFound) {
		return credentials{}, errNoSession
	} else if err != nil {
		return credentials{}, err
	}
	if err := s.store.ExtendSession(ctx, id, now.Add(s.cfg.SessionLife).UnixMilli()); err != nil {
		return credentials{}, err
	}
	return s.issue(u, x, refresh, now)
}

func (s *Service) issue(u store.User, x store.Session, refresh string, now time.Time) (credentials, error) {
	expires := now.Add(s.cfg.TokenLife)
	token, err := s.keys.sign(auth.Claims{User: u.ID, Name: u.Name, Session: x.ID, Guest: u.Guest(), Issued: now, Expires: expires})
	if err != nil {
		return credentials{}, err
	}
	return credentials{Token: token, ExpiresAt: expires.UnixMilli(), Refresh: refresh, User: accountOf(u)}, nil
}

// logout ends the session of a token: it is refreshed no more, and its sockets are closed.
func (s *Service) logout(ctx context.Context, c auth.Claims) error {
	return s.change(ctx, store.Intent{Kind: directoryapi.ChangeUser, User: c.User, Actor: c.User, Session: c.Session}, func() error {
		return s.store.DeleteSession(ctx, c.Session)
	})
}
