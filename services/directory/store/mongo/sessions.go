package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/services/directory/store"
)

// sessions is a store.Sessions.
type sessions struct{ *collections }

// CreateSession implements store.Store.
func (s sessions) CreateSession(ctx context.Context, x store.Session) error {
	return insert(ctx, "create session", s.sessions, x)
}

// Session implements store.Store.
func (s sessions) Session(ctx context.Context, id string) (store.Session, error) {
	return one[store.Session](ctx, "session", s.sessions, by("_id", id))
}

// ExtendSession implements store.Store.
func (s sessions) ExtendSession(ctx context.Context, id string, now, expires int64) error {
	return update(ctx, "extend session", s.sessions, append(by("_id", id), above("expires", now)...), by("expires", expires))
}

// TurnSession implements store.Store.
func (s sessions) TurnSession(ctx context.Context, id string, was []byte, now int64, t store.Turn) error {
	where := bson.D{{Key: "_id", Value: id}, {Key: "hash", Value: was}}
	return update(ctx, "turn session", s.sessions, append(where, above("expires", now)...), t)
}

// SessionsOf implements store.Store.
func (s sessions) SessionsOf(ctx context.Context, user string, limit int) ([]store.Session, error) {
	return list[store.Session](ctx, "sessions of a user", s.sessions, by("user", user),
		bson.D{{Key: "created", Value: -1}, {Key: "_id", Value: -1}}, limit)
}

// EndSession implements store.Store.
func (s sessions) EndSession(ctx context.Context, id string) error {
	_, err := s.sessions.UpdateOne(ctx, by("_id", id), by("$set", by("expires", int64(0))))
	return wrap("end session", err)
}

// EndSessionsOf implements store.Store.
func (s sessions) EndSessionsOf(ctx context.Context, user string) error {
	_, err := s.sessions.UpdateMany(ctx, by("user", user), by("$set", by("expires", int64(0))))
	return wrap("end sessions", err)
}

// DeleteSession implements store.Store.
func (s sessions) DeleteSession(ctx context.Context, id string) error {
	return remove(ctx, "delete session", s.sessions, by("_id", id))
}

// SessionsAfter implements store.Store.
func (s sessions) SessionsAfter(ctx context.Context, id string, limit int) ([]store.Session, error) {
	return list[store.Session](ctx, "sessions", s.sessions, above("_id", id), by("_id", 1), limit)
}

// SessionsBefore implements store.Store.
func (s sessions) SessionsBefore(ctx context.Context, expires int64, limit int) ([]store.Session, error) {
	return list[store.Session](ctx, "old sessions", s.sessions, by("expires", by("$lte", expires)),
		bson.D{{Key: "expires", Value: 1}, {Key: "_id", Value: 1}}, limit)
}
