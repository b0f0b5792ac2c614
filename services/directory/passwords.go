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

// passwords checks passwords, changes and resets them, and recognises the devices that users
// have logged in from.
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

	decoy     string // a hash that is compared with when there is no user
	guessing  *guessing
	hasher    *password.Hasher
	succeeded *throttle // log-ins that succeed, by user
}

// proveAgain returns errNotCurrent unless the password is that of the user of a token. It asks for
// more than a token where one that was stolen would do too much harm.
func (s *passwords) proveAgain(ctx context.Context, u store.User, c auth.Claims, secret string) error {
	if u.Guest() {
		return errNoPassword
	}
	if len(secret) > password.Max {
		return errNotCurrent
	}
	err := s.prove(ctx, u, secret, familiar(u.ID, c.Session), nil)
	if errors.Is(err, errWrongPassword) {
		return errNotCurrent // the token is good: 401 would have the client fetch another
	}
	return err
}

// changePassword gives the user of a token another password, and ends all other sessions if asked.
// It returns how many.
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
