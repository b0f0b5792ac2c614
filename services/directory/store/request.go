package store

import (
	"context"
)

// Request says that the direct room of its ID has one member, From, and that To has to agree before
// there are two.
type Request struct {
	Room     string `bson:"_id"`
	From     string `bson:"from"`
	FromName string `bson:"from_name"`
	To       string `bson:"to"`
	ToName   string `bson:"to_name"`
	// ids of From's messages; To knows of the request when there is one
	Sent    []string `bson:"sent"`
	Refused bool     `bson:"refused"` // To does not see it any more, and From may send no more
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
	// SendRequest adds a message of From to those of a request that is not refused; one that is
	// there already changes nothing. The first sets Created to now. Errors: ErrNotFound, also: it
	// is refused, or has most messages.
	SendRequest(ctx context.Context, room, from, message string, most int, now int64) (Request, error)
	// ErrNotFound
	RefuseRequest(ctx context.Context, room, to string, expires int64) error
	// none is not an error
	DeleteRequest(ctx context.Context, room string) error
	// shown, made before then, newest first
	RequestsTo(ctx context.Context, to string, before int64, limit int) ([]Request, error)
	// from or to the user, by room
	RequestsOf(ctx context.Context, user string, limit int) ([]Request, error)
	// that had expired by then, oldest first
	RequestsBefore(ctx context.Context, expires int64, limit int) ([]Request, error)
}
