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

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// secretSize is the size of a session's secret, in bytes.
	secretSize = 32
	// endedBatch is how many sessions that have expired are removed at a time.
	endedBatch = 100
)

// credentials are what a client gets for a log-in.
type credentials struct {
	Token     string  `json:"token" doc:"Access token, for Authorization: Bearer and for hello."`
	ExpiresAt int64   `json:"expires_at" doc:"When the token ends (UTC milliseconds)."`
	ExpiresIn int64   `json:"expires_in" doc:"In how many seconds that is (RFC 6749, section 5.1): what a client goes by whose clock may be wrong."`
	Refresh   string  `json:"refresh_token" doc:"Secret that buys the next token, for as long as the log-in lasts."`
	User      account `json:"user"`
}

type account struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Guest bool   `json:"guest"`
}

func accountOf(u store.User) account { return account{ID: u.ID, Name: u.Name, Guest: u.Guest()} }

// open begins a session of a user that there is.
func (s *Service) open(ctx context.Context, u store.User) (credentials, error) {
	now := time.Now()
	if err := s.checkBan(ctx, u.ID); err != nil { // after the time: see tellBan
		return credentials{}, err
	}
	x, refresh := s.newSession(u.ID, now)
	if err := s.store.CreateSession(ctx, x); err != nil {
		return credentials{}, err
	}
	return s.issue(u, x, refresh, now)
}

// newSession returns a session, which is still to be kept, and its refresh token: its id and a secret, of which the store
// has the hash only. The token stays the same for the whole session, so that several tabs of a browser can share it.
func (s *Service) newSession(user string, now time.Time) (x store.Session, refresh string) {
	var secret [secretSize]byte
	_, _ = rand.Read(secret[:]) // never fails
	sum := sha256.Sum256(secret[:])
	x = store.Session{
		ID: chat.NewID(), User: user, Hash: sum[:], Created: now.UnixMilli(), Expires: now.Add(s.cfg.SessionLife).UnixMilli(),
	}
	return x, x.ID + "." + base64.RawURLEncoding.EncodeToString(secret[:])
}

// refresh returns the next token of a session, and prolongs it.
func (s *Service) refresh(ctx context.Context, refresh string) (credentials, error) {
	id, text, _ := strings.Cut(refresh, ".")
	secret, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(secret) != secretSize || !chat.ValidID(id) {
		return credentials{}, httpapi.ErrEnded
	}
	now := time.Now()
	x, err := s.store.Session(ctx, id)
	sum := sha256.Sum256(secret)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return credentials{}, httpapi.ErrEnded
	case err != nil:
		return credentials{}, err
	case subtle.ConstantTimeCompare(sum[:], x.Hash) != 1 || over(x, now):
		return credentials{}, httpapi.ErrEnded
	}
	u, err := s.store.User(ctx, x.User)
	if errors.Is(err, store.ErrNotFound) {
		return credentials{}, httpapi.ErrEnded
	} else if err != nil {
		return credentials{}, err
	}
	if err := s.checkBan(ctx, u.ID); err != nil {
		return credentials{}, err
	}
	err = s.store.ExtendSession(ctx, id, endedBy(now), now.Add(s.cfg.SessionLife).UnixMilli())
	if errors.Is(err, store.ErrNotFound) {
		return credentials{}, httpapi.ErrEnded // just now
	} else if err != nil {
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
	return credentials{
		Token: token, ExpiresAt: expires.UnixMilli(), ExpiresIn: int64(s.cfg.TokenLife / time.Second), Refresh: refresh, User: accountOf(u),
	}, nil
}

// endedBy returns when, in UTC milliseconds, a session ends that is over now. Another replica, whose clock may be another,
// has set its end: so it has the leeway that tokens have. A log-out sets an end long ago, and is at once.
func endedBy(now time.Time) int64 { return now.Add(-auth.Leeway).UnixMilli() }

func over(x store.Session, now time.Time) bool { return x.Expires <= endedBy(now) }

// checkSession returns httpapi.ErrEnded for the token of a log-in that has ended: here that counts at once, and not when
// the token expires.
func (s *Service) checkSession(ctx context.Context, c auth.Claims) error {
	x, err := s.store.Session(ctx, c.Session)
	if errors.Is(err, store.ErrNotFound) || err == nil && over(x, time.Now()) {
		return httpapi.ErrEnded
	}
	if err == nil {
		err = s.checkBan(ctx, c.User)
	}
	return s.fail(err)
}

// answerSessions answers directoryapi.ServiceSessions.
func (s *Service) answerSessions(ctx context.Context, r directoryapi.SessionsRequest) (reply directoryapi.SessionsReply, err error) {
	if len(r.Sessions) > directoryapi.MaxSessions {
		return reply, chat.E(chat.CodeBadRequest, fmt.Sprintf("at most %d sessions may be asked for at a time", directoryapi.MaxSessions))
	}
	for i, x := range r.Sessions {
		if !chat.ValidID(x.ID) || !chat.ValidID(x.User) {
			return reply, chat.E(chat.CodeBadRequest, "that is not an id")
		}
		// A session outlives its user's ban, and perhaps its user: both are looked at.
		err := s.checkSession(ctx, auth.Claims{User: x.User, Session: x.ID})
		switch code := chat.CodeOf(err); {
		case err == nil:
		case code == chat.CodeUnauthorized || code == chat.CodeForbidden:
			reply.Ended = append(reply.Ended, i)
		default:
			return reply, err
		}
	}
	return reply, nil
}

// logout ends the session of a token: it is refreshed no more, and its sockets are closed.
func (s *Service) logout(ctx context.Context, c auth.Claims) error {
	i := store.Intent{Kind: directoryapi.ChangeUser, User: c.User, Name: c.Name, Actor: c.User, Session: c.Session}
	return s.change(ctx, i, func(ctx context.Context) error {
		return s.store.EndSession(ctx, c.Session) // removing it, and the guest whose it is, is housekeeping
	})
}

// removeEnded removes sessions that have ended. A guest has no way back, and is removed with the session.
func (s *Service) removeEnded(ctx context.Context) error {
	ended, err := s.store.SessionsBefore(ctx, endedBy(time.Now()), endedBatch)
	if err != nil {
		return err
	}
	for _, x := range ended {
		u, err := s.store.User(ctx, x.User)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && u.Guest() {
			if err := s.departs(ctx, u); err != nil {
				return err
			}
		}
		// Last, so that a crash leaves something to begin again with.
		if err := s.store.DeleteSession(ctx, x.ID); err != nil {
			return err
		}
	}
	return nil
}
