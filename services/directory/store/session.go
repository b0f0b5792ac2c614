package store

import "context"

// Session is a log-in.
type Session struct {
	ID      string `bson:"_id"`
	User    string `bson:"user"`
	Created int64  `bson:"created"` // UTC milliseconds
	Turn    `bson:",inline"`
}

// Turn is the part of a session that changes with its secret.
type Turn struct {
	Hash []byte `bson:"hash"` // SHA-256 of the secret that the next token is fetched with
	// SHA-256 of the beginning that all secrets of the session share; empty: its secret never
	// changed
	Family   []byte `bson:"family"`
	Previous []byte `bson:"previous"` // SHA-256 of the secret before
	Salt     []byte `bson:"salt"`     // the secret is derived from the one before with it
	Grace    int64  `bson:"grace"`    // until when the secret before is good (UTC milliseconds)
	Expires  int64  `bson:"expires"`  // UTC milliseconds
	Used     int64  `bson:"used"`     // when the secret was last used (UTC milliseconds); 0: never
	Device   string `bson:"device"`   // what the client says it is (User-Agent)
	Address  string `bson:"address"`  // the network that it was last used from
	// SHA-256 of what the client says again if it has had no answer; empty: nothing
	Attempt []byte `bson:"attempt"`
}

// Sessions keeps log-ins.
type Sessions interface {
	// ErrConflict
	CreateSession(ctx context.Context, s Session) error
	// ErrNotFound
	Session(ctx context.Context, id string) (Session, error)
	// ErrNotFound, also: it had expired by now
	ExtendSession(ctx context.Context, id string, now, expires int64) error
	// ErrNotFound, also: Hash is another than was, or it had expired by now
	TurnSession(ctx context.Context, id string, was []byte, now int64, t Turn) error
	// those made last first
	SessionsOf(ctx context.Context, user string, limit int) ([]Session, error)
	// it has expired, for good; none is not an error
	EndSession(ctx context.Context, id string) error
	// all of them have
	EndSessionsOf(ctx context.Context, user string) error
	// none is not an error
	DeleteSession(ctx context.Context, id string) error
	// that had expired by then, oldest first
	SessionsBefore(ctx context.Context, expires int64, limit int) ([]Session, error)
	// by id, after that one
	SessionsAfter(ctx context.Context, id string, limit int) ([]Session, error)
}
