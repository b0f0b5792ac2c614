package store

import "context"

// Session is a log-in.
type Session struct {
	ID      string `bson:"_id"`
	User    string `bson:"user"`
	Created int64  `bson:"created"` // UTC milliseconds
	Turn    `bson:",inline"`
}

// Turn is the part of a session that each refresh changes.
type Turn struct {
	Hash []byte `bson:"hash"` // SHA-256 of the current secret
	// SHA-256 of the beginning that all secrets of the session share; empty: a session whose secret
	// has never changed
	Family   []byte `bson:"family"`
	Previous []byte `bson:"previous"` // SHA-256 of the secret before
	Salt     []byte `bson:"salt"`     // derives the current secret from the one before
	Grace    int64  `bson:"grace"`    // until when Previous is valid (UTC milliseconds)
	Expires  int64  `bson:"expires"`  // UTC milliseconds
	Used     int64  `bson:"used"`     // when a secret was last used (UTC milliseconds); 0: never
	Device   string `bson:"device"`   // User-Agent of the client
	Address  string `bson:"address"`  // network that it was last used from
	// SHA-256 of the attempt, see the glossary; empty: the client gave none
	Attempt []byte `bson:"attempt"`
}

// Sessions keeps log-ins.
type Sessions interface {
	// ErrConflict
	CreateSession(ctx context.Context, s Session) error
	// ErrNotFound
	Session(ctx context.Context, id string) (Session, error)
	// ErrNotFound: no such session, or it has expired by now
	ExtendSession(ctx context.Context, id string, now, expires int64) error
	// ErrNotFound: no such session, its Hash is not was, or it has expired by now
	TurnSession(ctx context.Context, id string, was []byte, now int64, t Turn) error
	// newest first
	SessionsOf(ctx context.Context, user string, limit int) ([]Session, error)
	// ends the session, for good; no error if there is none
	EndSession(ctx context.Context, id string) error
	// ends all sessions of a user
	EndSessionsOf(ctx context.Context, user string) error
	// no error if there is none
	DeleteSession(ctx context.Context, id string) error
	// that expire up to this time, oldest first
	SessionsBefore(ctx context.Context, expires int64, limit int) ([]Session, error)
	// ordered by id, after the given one
	SessionsAfter(ctx context.Context, id string, limit int) ([]Session, error)
}
