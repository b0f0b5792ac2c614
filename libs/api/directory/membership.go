package directory

import (
	"context"

	"hubbub.internal/libs/api"
)

// ServiceMemberships answers MembershipsRequest with Memberships.
const ServiceMemberships = "directory.memberships"

// MembershipsRequest asks for the rooms that a user is in.
type MembershipsRequest struct {
	User string `json:"user"`
}

// Memberships are the rooms that a user is in and may read, as GET /v1/rooms lists them.
type Memberships struct {
	Rooms []Membership `json:"rooms"` // by room
	// whose messages the user does not want to see: those whom the user blocks or ignores
	Hidden []string `json:"hidden,omitempty"`
}

// Membership is a room that a user is in.
type Membership struct {
	Room string `json:"room"`
	// since when, in UTC milliseconds: in a room that everybody is in, since there is the account
	Since int64 `json:"since"`
}

// Memberships returns the rooms that a user is in.
func (c *Client) Memberships(ctx context.Context, user string) (Memberships, error) {
	return api.Call[MembershipsRequest, Memberships](ctx, c.rpc, ServiceMemberships, MembershipsRequest{User: user})
}
