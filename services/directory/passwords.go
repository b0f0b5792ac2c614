package directory

import (
	"context"
	"errors"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/password"
	"hubbub.internal/services/directory/store"
)

var (
	errNoPassword   = chat.E(chat.CodeForbidden, "a guest has no password: register")
	errNotCurrent   = chat.E(chat.CodeForbidden, "the current password is wrong")
	errPasswordRace = chat.E(chat.CodeConflict, "the password was changed a moment ago: try again with that one")
)

// passwords checks, changes and resets passwords, and recognises the devices that users have logged
// in from.
type passwords struct {
	*core
	records      *records
	serverRecord *serverRecord
	tickets      *tickets
	changes      *changes
	rights       *rights
	auditLog     *auditLog
	logins       *logins
	letters      *letters

	decoy     string // the hash to compare with for an unknown user, so that the time does not tell
	guessing  *guessing
	hasher    *password.Hasher
	succeeded *throttle // successful log-ins, by user
}

// proveAgain returns errNotCurrent unless the password is that of the token's user. It guards what
// would do too much harm with a stolen token.
func (s *passwords) proveAgain(ctx context.Context, u store.User, c auth.Claims, secret string) error {
	if u.Guest() {
		return errNoPassword
	}
	if len(secret) > password.Max {
		return errNotCurrent
	}
	err := s.prove(ctx, u, secret, familiar(u.ID, c.Session), nil)
	if errors.Is(err, errWrongPassword) {
		return errNotCurrent // not 401: the token is good, and the client would fetch another
	}
	return err
}

// changePassword changes the password of the token's user and, if asked, ends all other sessions.
// It returns how many it ended.
func (s *passwords) changePassword(ctx context.Context, c auth.Claims, current, next string, others bool) (ended int, err error) {
	u, err := s.records.user(ctx, c.User)
	if err != nil {
		return 0, err
	}
	if err := s.proveAgain(ctx, u, c, current); err != nil {
		return 0, err
	}
	hash, err := s.newHash(ctx, u, next)
	if err != nil {
		return 0, err
	}
	err = s.auditLog.audit(ctx, store.Act{Action: actPassword, Subject: u.ID, SubjectName: u.Name}, func(ctx context.Context) error {
		return s.storeHash(ctx, u, hash)
	})
	if err == nil {
		s.tellPassword(ctx, u)
	}
	if err != nil || !others {
		return 0, err
	}
	return s.logins.endOthers(ctx, u, c.Session)
}
