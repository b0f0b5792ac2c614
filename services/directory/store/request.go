package store

import (
	"context"
)

// Request says that the direct room with its ID has one member, From, and that To must accept
// before becoming the second.
type Request struct {
	Room     string `bson:"_id"`
	From     string `bson:"from"`
	FromName string `bson:"from_name"`
	To       string `bson:"to"`
	ToName   string `bson:"to_name"`
	// ids of From's messages; To sees the request once there is one
	Sent    []string `bson:"sent"`
	Refused bool     `bson:"refused"` // To no longer sees it, and From may send no more
	Created int64    `bson:"created"` // UTC milliseconds of the first message, or of the room
	Expires int64    `bson:"expires"` // UTC milliseconds; 0: never
}

// Visible reports whether To sees the request.
func (r Request) Visible() bool { return len(r.Sent) > 0 && !r.Refused }

// Requests keeps requests to talk in a direct room.
type Requests interface {
	// ErrConflict
	CreateRequest(ctx context.Context, r Request) error
	// ErrNotFound
	Request(ctx context.Context, room string) (Request, error)
	// SendRequest adds a message of From to a request; a message that it has already changes
	// nothing. The first message sets Created to now. ErrNotFound: no such request, or it is
	// refused or has most messages.
	SendRequest(ctx context.Context, room, from, message string, most int, now int64) (Request, error)
	// ErrNotFound
	RefuseRequest(ctx context.Context, room, to string, expires int64) error
	// no error if there is none
	DeleteRequest(ctx context.Context, room string) error
	// visible, created before the given time, newest first
	RequestsTo(ctx context.Context, to string, before int64, limit int) ([]Request, error)
	// from or to the user, ordered by room
	RequestsOf(ctx context.Context, user string, limit int) ([]Request, error)
	// that expire up to this time, oldest first
	RequestsBefore(ctx context.Context, expires int64, limit int) ([]Request, error)
}
