package history

import (
	"context"

	"hubbub.internal/libs/api"
)

// ServiceVersions is the service that says what the text of a message was: VersionsRequest to
// Versions.
const ServiceVersions = "history.versions"

// Limits of a list of versions.
const (
	DefaultVersions = 25
	MaxVersions     = 100
)

// VersionsRequest asks for the versions of a message, the last first. The caller has checked that
// the user may read the room.
type VersionsRequest struct {
	User   string `json:"user,omitempty"` // who asks, as in PageRequest
	Room   string `json:"room"`
	Author string `json:"author"`
	ID     string `json:"id"`
	Before uint64 `json:"before,omitempty"` // only versions before this seq; 0: all
	Limit  int    `json:"limit,omitempty"`  // 1 to MaxVersions; 0: DefaultVersions
	// Since leaves out earlier versions from before this time, in UTC milliseconds; 0: none,
	// chat.Forever: all of them.
	Since int64 `json:"since,omitempty"`
}

// Versions answers VersionsRequest.
type Versions struct {
	Versions []Version `json:"versions" nullable:"false" doc:"The present one first."`
	More     bool      `json:"more" doc:"There are more: ask again with the seq of the last version as before."`
	Hidden   bool      `json:"hidden,omitempty" doc:"There are earlier ones, which the room does not show."`
}

// Version is one text of a message.
type Version struct {
	Seq  uint64 `json:"seq" doc:"Of the message, or of the edit."`
	TS   int64  `json:"ts" doc:"When it was sent, in UTC milliseconds."`
	Text string `json:"text,omitempty"`
	Lost bool   `json:"lost,omitempty" doc:"A release that kept no versions has removed the text."`
}

// Versions returns the versions of a message.
func (c *Client) Versions(ctx context.Context, r VersionsRequest) (Versions, error) {
	return api.Call[VersionsRequest, Versions](ctx, c.rpc, ServiceVersions, r)
}
