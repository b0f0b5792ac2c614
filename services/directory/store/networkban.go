package store

import (
	"context"
)

// NetworkBan keeps the clients of a network out.
type NetworkBan struct {
	Network string `bson:"_id"` // such as 192.0.2.0/24
	Reason  string `bson:"reason"`
	Actor   string `bson:"actor"`   // id of the user who banned
	User    string `bson:"user"`    // the banned guest it was made for; empty: none
	Created int64  `bson:"created"` // UTC milliseconds
	Until   int64  `bson:"until"`   // UTC milliseconds; 0: until somebody ends it
}

// NetworkBans keeps which networks are banned.
type NetworkBans interface {
	// adds or replaces the ban
	PutNetworkBan(ctx context.Context, b NetworkBan) error
	NetworkBans(ctx context.Context, limit int) ([]NetworkBan, error) // ordered by network
	// no error if there is none
	DeleteNetworkBan(ctx context.Context, network string) error
}
