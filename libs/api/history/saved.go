package history

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/chat"
)

// ServiceUnsave is the service that forgets what a user who has deleted the account has saved, and
// which threads the user followed: UnsaveRequest to UnsaveReply.
const ServiceUnsave = "history.unsave"

// UnsaveRequest says whose saved messages and followed threads are to be forgotten.
type UnsaveRequest struct {
	User string `json:"user"`
}

// UnsaveReply says that they are.
type UnsaveReply struct{}

// Unsave forgets all that a user has saved and follows.
func (c *Client) Unsave(ctx context.Context, user string) error {
	_, err := api.Call[UnsaveRequest, UnsaveReply](ctx, c.rpc, ServiceUnsave, UnsaveRequest{User: user})
	return err
}

// Limits of a list of saved messages.
const (
	DefaultSaved = 25
	MaxSaved     = 100
)

// SavedName names a message that a user has saved.
type SavedName struct {
	Room   string `json:"room"`
	Author string `json:"author"`
	ID     string `json:"id"`
	TS     int64  `json:"saved_ts" doc:"When it was saved, in UTC milliseconds."`
}

// Saved is a list of what a user has saved.
type Saved struct {
	Saved []SavedMessage `json:"saved" nullable:"false" doc:"The one that was saved last first."`
	More  bool           `json:"more" doc:"There are more: ask again with the saved_ts of the last as before."`
}

// SavedMessage is a message that a user has saved.
type SavedMessage struct {
	SavedName
	Message chat.Message `json:"message" doc:"As it is now; it may be deleted."`
}
