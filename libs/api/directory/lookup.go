package directory

import (
	"context"

	"hubbub.internal/libs/api"
)

// ServiceLookup answers LookupRequest with Lookup.
const ServiceLookup = "directory.lookup"

// MaxLookup is how many names of users and of rooms, each, one LookupRequest may have.
const MaxLookup = 30

// LookupRequest asks whom and which rooms a user means by names, or by ids.
type LookupRequest struct {
	User  string   `json:"user"` // who asks
	Users []string `json:"users,omitempty"`
	// Rooms are names of rooms that the user is in, or of public ones, or names of people: their
	// direct rooms with the user.
	Rooms []string `json:"rooms,omitempty"`
}

// Lookup answers LookupRequest: ids by the names that have any. That a user may read a room is for
// the caller to check.
type Lookup struct {
	Users map[string]string   `json:"users,omitempty"`
	Rooms map[string][]string `json:"rooms,omitempty"` // several rooms may have one name
}

// Lookup returns whom and which rooms a user means.
func (c *Client) Lookup(ctx context.Context, r LookupRequest) (Lookup, error) {
	return api.Call[LookupRequest, Lookup](ctx, c.rpc, ServiceLookup, r)
}
