package memory

import (
	"bytes"
	"cmp"
	"context"
	"errors"

	"hubbub.internal/services/directory/store"
)

// sessions is a store.Sessions.
type sessions struct{ *records }

// CreateSession implements store.Store.
func (s sessions) CreateSession(ctx context.Context, x store.Session) error {
	return create(ctx, s.records, "CreateSession", s.sessions, x.ID, x)
}

// Session implements store.Store.
func (s sessions) Session(ctx context.Context, id string) (store.Session, error) {
	return one(ctx, s.records, "Session", s.sessions, id)
}

// ExtendSession implements store.Store.
func (s sessions) ExtendSession(ctx context.Context, id string, now, expires int64) error {
	return update(ctx, s.records, "ExtendSession", s.sessions, id, func(x *store.Session) bool {
		good := x.Expires > now
		x.Expires = expires
		return good
	})
}

// TurnSession implements store.Store.
func (s sessions) TurnSession(ctx context.Context, id string, was []byte, now int64, t store.Turn) error {
	return update(ctx, s.records, "TurnSession", s.sessions, id, func(x *store.Session) bool {
		if !bytes.Equal(x.Hash, was) || x.Expires <= now {
			return false
		}
		x.Turn = t
		return true
	})
}

// SessionsOf implements store.Store.
func (s sessions) SessionsOf(ctx context.Context, user string, limit int) ([]store.Session, error) {
	return list(ctx, s.records, "SessionsOf", s.sessions, limit, func(a, b store.Session) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
	}, func(x store.Session) bool { return x.User == user })
}

// EndSessionsOf implements store.Store.
func (s sessions) EndSessionsOf(ctx context.Context, user string) error {
	return s.do(ctx, "EndSessionsOf", func() error {
		for id, x := range s.sessions {
			if x.User == user {
				x.Expires = 0
				s.sessions[id] = x
			}
		}
		return nil
	})
}

// EndSession implements store.Store.
func (s sessions) EndSession(ctx context.Context, id string) error {
	err := update(ctx, s.records, "EndSession", s.sessions, id, func(x *store.Session) bool {
		x.Expires = 0
		return true
	})
	return unlessMissing(err)
}

// unlessMissing returns err, or nil for store.ErrNotFound.
func unlessMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// DeleteSession implements store.Store.
func (s sessions) DeleteSession(ctx context.Context, id string) error {
	return remove(ctx, s.records, "DeleteSession", s.sessions, id)
}

// SessionsAfter implements store.Store.
func (s sessions) SessionsAfter(ctx context.Context, id string, limit int) ([]store.Session, error) {
	return list(ctx, s.records, "SessionsAfter", s.sessions, limit, func(a, b store.Session) int { return cmp.Compare(a.ID, b.ID) },
		func(x store.Session) bool { return x.ID > id })
}

// SessionsBefore implements store.Store.
func (s sessions) SessionsBefore(ctx context.Context, expires int64, limit int) ([]store.Session, error) {
	return list(ctx, s.records, "SessionsBefore", s.sessions, limit, func(a, b store.Session) int {
		return cmp.Or(cmp.Compare(a.Expires, b.Expires), cmp.Compare(a.ID, b.ID))
	},
		func(x store.Session) bool { return x.Expires <= expires })
}
