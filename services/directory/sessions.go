package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// endedBatch is how many expired sessions a task removes at a time.
const endedBatch = 100

// credentials are what a client gets for a log-in.
type credentials struct {
	Token     string  `json:"token" doc:"Access token, for Authorization: Bearer and for hello."`
	ExpiresAt int64   `json:"expires_at" doc:"When the token expires (UTC milliseconds)."`
	ExpiresIn int64   `json:"expires_in" doc:"Seconds until then (RFC 6749, section 5.1), for clients whose clock may be wrong."`
	Device    string  `json:"device_token,omitempty" doc:"The device secret, which this device sends with its next log-in."`
	Refresh   string  `json:"refresh_token,omitempty" doc:"Gets the next token, once: the answer has the next secret. Using it again more than a minute later ends the log-in. A page that sends Hubbub-Cookie gets it in a cookie instead."`
	User      account `json:"user"`

	cookies []http.Cookie // for a browser
	life    time.Duration // of an unused log-in
}

type account struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Guest bool   `json:"guest"`
}

func accountOf(u store.User) account { return account{ID: u.ID, Name: u.Name, Guest: u.Guest()} }

// sessions opens log-ins, issues tokens and refreshes them.
type sessions struct {
	*core
	keys       *keys
	auditLog   *auditLog
	logins     *logins
	networks   *networks
	admissions *admissions
}

// open begins a session of an existing user for the request of ctx.
func (s *sessions) open(ctx context.Context, u store.User) (credentials, error) {
	now := time.Now()
	if err := s.admissions.checkEntry(ctx, u.ID); err != nil { // after taking the time: see tellBan
		return credentials{}, err
	}
	if err := s.networks.checkNetworkOf(ctx, u); err != nil {
		return credentials{}, err
	}
	x, refresh := s.newSession(ctx, u, now)
	if err := s.store.CreateSession(ctx, x); err != nil {
		return credentials{}, err
	}
	// Check again: a ban or a new password at the same moment may have ended the user's sessions
	// just before this one existed.
	if err := s.stillMay(ctx, u); err != nil {
		return credentials{}, errors.Join(err, s.store.DeleteSession(ctx, x.ID))
	}
	if err := s.logins.endOldest(ctx, u); err != nil {
		return credentials{}, err
	}
	return s.issue(u, x, refresh, now)
}

// stillMay returns an error if the user was banned, disabled or deleted, or has another password
// now.
func (s *sessions) stillMay(ctx context.Context, u store.User) error {
	now, err := s.store.User(ctx, u.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && now.Hash != u.Hash {
		return errWrongPassword
	} else if err != nil {
		return err
	}
	return errors.Join(s.admissions.checkEntry(ctx, u.ID), s.networks.checkNetworkOf(ctx, u))
}

// lifeOf returns how long a session of a user lasts after its last use.
func (s *sessions) lifeOf(u store.User) time.Duration {
	if u.Guest() {
		return min(s.cfg.GuestLife, s.cfg.SessionLife)
	}
	return s.cfg.SessionLife
}

// newSession returns a session, which the caller must store, and its first refresh token.
func (s *sessions) newSession(ctx context.Context, u store.User, now time.Time) (x store.Session, refresh string) {
	secret := newSecret()
	x = store.Session{ID: chat.NewID(), User: u.ID, Created: now.UnixMilli(), Turn: store.Turn{
		Hash: secret.hash(), Family: secret.family(), Expires: now.Add(s.lifeOf(u)).UnixMilli(), Used: now.UnixMilli(),
		Device: agentOf(ctx), Address: addressOf(ctx),
	}}
	return x, x.ID + "." + secret.String()
}

// refresh returns the next access token of a session and its next secret, and prolongs the session.
// attempt is a text that the client made up for this use of the secret, and repeats if it gets no
// answer; empty: the client gives none.
func (s *sessions) refresh(ctx context.Context, refresh, attempt string) (credentials, error) {
	id, given, ok := parseRefresh(refresh)
	if !ok {
		return credentials{}, httpapi.ErrEnded
	}
	for range maxTurns {
		now := time.Now()
		x, err := s.store.Session(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return credentials{}, httpapi.ErrEnded
		} else if err != nil {
			return credentials{}, err
		}
		state := given.in(x, now, attempt)
		if state == secretForeign {
			return credentials{}, httpapi.ErrEnded
		}
		u, err := s.store.User(ctx, x.User)
		if errors.Is(err, store.ErrNotFound) {
			return credentials{}, httpapi.ErrEnded
		} else if err != nil {
			return credentials{}, err
		}
		if err := s.admissions.checkEntry(ctx, u.ID); err != nil {
			return credentials{}, err
		}
		if over(x, now) {
			return credentials{}, httpapi.ErrEnded
		}
		if err := s.networks.checkNetworkOf(ctx, u); err != nil {
			return credentials{}, err
		}
		if state == secretStale {
			return credentials{}, errors.Join(httpapi.ErrEnded, s.endStolen(ctx, u, x))
		}
		// This limits writes to the store; only a client with the secret counts.
		if err := s.changeRate.count(now, "new tokens of this log-in", "refresh "+x.ID); err != nil {
			return credentials{}, err
		}
		next, err := s.turn(ctx, u, x, given, state, attempt, now)
		if errors.Is(err, store.ErrNotFound) {
			// another request with the same secret was faster, or the session ended just now
			continue
		} else if err != nil {
			return credentials{}, err
		}
		return s.issue(u, x, x.ID+"."+next.String(), now)
	}
	return credentials{}, chat.Unavailable("too many requests refresh this log-in at once: try again", time.Second)
}

// maxTurns is how often refresh tries while other requests refresh the same session.
const maxTurns = 4

// turn returns the secret that follows the given one, and stores it if it is new.
// store.ErrNotFound: the session has changed; read it again.
func (s *sessions) turn(ctx context.Context, u store.User, x store.Session, given secret, state secretState, attempt string, now time.Time) (secret, error) {
	expires := now.Add(s.lifeOf(u)).UnixMilli()
	if state == secretPrevious {
		return given.next(x.Salt), s.store.ExtendSession(ctx, x.ID, endedBy(now), expires)
	}
	salt := newSalt()
	next := given.next(salt)
	grace := s.cfg.RefreshGrace
	if x.Family == nil {
		// The session is from a release whose secrets stayed the same: its client may not store the
		// new one.
		grace = s.cfg.SessionLife
	}
	return next, s.store.TurnSession(ctx, x.ID, x.Hash, endedBy(now), store.Turn{
		Hash: next.hash(), Family: next.family(), Previous: x.Hash, Salt: salt, Grace: now.Add(grace).UnixMilli(), Expires: expires,
		Used: now.UnixMilli(), Device: cmp.Or(agentOf(ctx), x.Device), Address: addressOf(ctx), Attempt: attemptHash(attempt),
	})
}

// endStolen ends a session when a used secret comes back: two clients have the secret, and one of
// them stole it. The service cannot tell which (RFC 9700, section 4.14.2).
func (s *sessions) endStolen(ctx context.Context, u store.User, x store.Session) error {
	s.log.Warn("ended a log-in whose refresh token was used twice: somebody may have stolen it", zap.String("user", u.ID),
		zap.String("session", x.ID), zap.String("address", addressOf(ctx)), zap.String("last address", x.Address))
	s.metrics.stolen.Inc()
	a := store.Act{Action: actStolen, ActorName: sender, Subject: u.ID, SubjectName: u.Name, Detail: x.ID}
	return s.auditLog.audit(ctx, a, func(ctx context.Context) error { return s.logins.endSession(ctx, u, x.ID, u.ID) })
}

func (s *sessions) issue(u store.User, x store.Session, refresh string, now time.Time) (credentials, error) {
	expires := now.Add(s.cfg.TokenLife)
	token, err := s.keys.sign(auth.Claims{User: u.ID, Name: u.Name, Session: x.ID, Guest: u.Guest(), Issued: now, Expires: expires})
	if err != nil {
		return credentials{}, err
	}
	return credentials{
		Token: token, ExpiresAt: expires.UnixMilli(), ExpiresIn: int64(s.cfg.TokenLife / time.Second), Refresh: refresh, User: accountOf(u),
		life: s.lifeOf(u),
	}, nil
}

// endedBy returns the end, in UTC milliseconds, up to which a session counts as ended now. Because
// another replica with another clock may have set the end, it gets the same leeway as tokens. A
// log-out sets an end far in the past, and so takes effect at once.
func endedBy(now time.Time) int64 { return now.Add(-auth.Leeway).UnixMilli() }

func over(x store.Session, now time.Time) bool { return x.Expires <= endedBy(now) }

// checkSession returns httpapi.ErrEnded for the token of a log-in that has ended. So an ended
// log-in loses its rights here at once, and not when its token expires.
func (s *sessions) checkSession(ctx context.Context, c auth.Claims) error {
	if err := s.admissions.checkBan(ctx, c.User); err != nil {
		return s.fail(ctx, err)
	}
	x, err := s.store.Session(ctx, c.Session)
	if errors.Is(err, store.ErrNotFound) || err == nil && over(x, time.Now()) {
		return httpapi.ErrEnded
	}
	return s.fail(ctx, err)
}

// answerSessions answers directoryapi.ServiceSessions.
func (s *sessions) answerSessions(ctx context.Context, r directoryapi.SessionsRequest) (reply directoryapi.SessionsReply, err error) {
	if len(r.Sessions) > directoryapi.MaxSessions {
		return reply, chat.E(chat.CodeBadRequest, fmt.Sprintf("ask for at most %d sessions at a time", directoryapi.MaxSessions))
	}
	for i, x := range r.Sessions {
		if !chat.ValidID(x.ID) || !chat.ValidID(x.User) {
			return reply, chat.E(chat.CodeBadRequest, "that is not an id")
		}
		// A session may outlive a ban of its user, or the user: check both.
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

// logoutBy ends the session of a refresh token. That needs no access token, because it may have
// expired.
func (s *sessions) logoutBy(ctx context.Context, refresh string) error {
	id, given, ok := parseRefresh(refresh)
	if !ok {
		return httpapi.ErrEnded
	}
	now := time.Now()
	x, err := s.store.Session(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && over(x, now) {
		return nil // the session is gone already
	} else if err != nil {
		return err
	}
	if given.in(x, now, "") == secretForeign {
		return httpapi.ErrEnded
	}
	u, err := s.store.User(ctx, x.User)
	if err != nil {
		return unlessMissing(err)
	}
	return s.logins.endSession(ctx, u, x.ID, u.ID)
}

// counted counts a log-in by its outcome.
func (s *sessions) counted(kind string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = chat.CodeOf(err)
	}
	s.metrics.logins.WithLabelValues(kind, outcome).Inc()
}
