package directory

import (
	"context"

	"hubbub.internal/libs/api"
)

// ServiceVersions is the service that says which versions of its messages a room shows.
const ServiceVersions = "directory.versions" // VersionsRequest to Versions

// VersionsRequest asks which earlier versions of messages a room shows to those who may read it.
type VersionsRequest struct {
	Room string `json:"room"`
}

// Versions answers VersionsRequest.
type Versions struct {
	// Since: the room shows what was written then or later, in UTC milliseconds; 0: all,
	// chat.Forever: nothing.
	Since int64 `json:"since,omitempty"`
}

// VersionsSince returns since when a room shows earlier versions of messages: see Versions.
func (c *Client) VersionsSince(ctx context.Context, room string) (int64, error) {
	out, err := api.Call[VersionsRequest, Versions](ctx, c.rpc, ServiceVersions, VersionsRequest{room})
	return out.Since, err
}
