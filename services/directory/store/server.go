package store

import (
	"context"
	"maps"
	"slices"

	api "hubbub.internal/libs/api/directory"
)

// Server is the one record of the server's roles, its rules and who may come in. PutServer replaces
// it as a whole, and only if nobody has changed it since it was read. So two simultaneous changes
// cannot together do what neither may do alone, such as leave the server without an operator.
type Server struct {
	Version int64 `bson:"version" json:"-"` // of the record; 0: none is stored yet
	// Roles are the server roles by user id: api.RoleOperator or api.RoleAuditor.
	Roles map[string]api.Role `bson:"roles" json:"roles"`
	// Setup are the unused set-up links.
	Setup []SetupLink `bson:"setup" json:"setup"`
	// SetUp is when a set-up link was used (UTC milliseconds); 0: never.
	SetUp int64 `bson:"set_up" json:"set_up"`
	// Registration is open, invited or closed, and Guests on, rooms or off; empty: as the process
	// was started.
	Registration string `bson:"registration" json:"registration"`
	Guests       string `bson:"guests" json:"guests"`
	// GuestRooms are the only rooms that guests may enter when Guests is rooms.
	GuestRooms []string `bson:"guest_rooms" json:"guest_rooms"`
	// GuestsSince is when the rules for guests last changed (UTC milliseconds): guests from before
	// are signed out.
	GuestsSince int64 `bson:"guests_since" json:"guests_since"`
	// Keep is the rule for how long messages of rooms without their own rule are kept, see package
	// retention; empty: forever. KeepLeast and KeepMost bound the rules of all rooms, in days; 0:
	// no bound.
	Keep      string `bson:"keep" json:"keep,omitempty"`
	KeepLeast int    `bson:"keep_least" json:"keep_least,omitempty"`
	KeepMost  int    `bson:"keep_most" json:"keep_most,omitempty"`
}

// SetupLink is a link that makes its first user the operator.
type SetupLink struct {
	Hash    []byte `bson:"hash" json:"hash"`       // SHA-256 of its secret
	Expires int64  `bson:"expires" json:"expires"` // UTC milliseconds
}

// InRole returns the ids of the users with a role, sorted.
func (s Server) InRole(role api.Role) (users []string) {
	for user, r := range s.Roles {
		if r == role {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}

// Clone returns a copy that shares nothing with s.
func (s Server) Clone() Server {
	s.Roles, s.Setup, s.GuestRooms = maps.Clone(s.Roles), slices.Clone(s.Setup), slices.Clone(s.GuestRooms)
	return s
}

// Servers keeps the server's record.
type Servers interface {
	Server(ctx context.Context) (Server, error) // the zero Server if none is stored yet
	// PutServer replaces the record if it has s.Version, and increments that. ErrConflict: it has
	// another.
	PutServer(ctx context.Context, s Server) error
}
