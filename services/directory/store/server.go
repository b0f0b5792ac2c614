package store

import (
	"context"
	"maps"
	"slices"

	api "hubbub.internal/libs/api/directory"
)

// Server is the one record of who runs the server, and who may come in. PutServer replaces it as a
// whole, and only if it is still as it was read: so two changes at once cannot together do what
// neither may, such as leave the server without an operator.
type Server struct {
	Version int64 `bson:"version" json:"-"` // of the record; 0: there is none yet
	// Roles are those of users, by id: api.RoleOperator or api.RoleAuditor.
	Roles map[string]api.Role `bson:"roles" json:"roles"`
	// Setup are the set-up links that nobody has used.
	Setup []SetupLink `bson:"setup" json:"setup"`
	// SetUp is when a set-up link was used (UTC milliseconds); 0: never.
	SetUp int64 `bson:"set_up" json:"set_up"`
	// Registration is open, invited or closed, and Guests on, rooms or off; empty: as the process
	// was started.
	Registration string `bson:"registration" json:"registration"`
	Guests       string `bson:"guests" json:"guests"`
	// GuestRooms are the only rooms that guests may enter while Guests is rooms.
	GuestRooms []string `bson:"guest_rooms" json:"guest_rooms"`
	// GuestsSince is when the rules for guests changed (UTC milliseconds): those of before are
	// signed out.
	GuestsSince int64 `bson:"guests_since" json:"guests_since"`
	// Keep is how long messages are kept where a room says nothing else: a rule of package
	// retention; empty: forever. KeepLeast and KeepMost are the bounds of all rooms, in days; 0:
	// there is none.
	Keep      string `bson:"keep" json:"keep,omitempty"`
	KeepLeast int    `bson:"keep_least" json:"keep_least,omitempty"`
	KeepMost  int    `bson:"keep_most" json:"keep_most,omitempty"`
}

// SetupLink is a link whose first user runs the server.
type SetupLink struct {
	Hash    []byte `bson:"hash" json:"hash"`       // SHA-256 of its secret
	Expires int64  `bson:"expires" json:"expires"` // UTC milliseconds
}

// InRole returns the ids of the users who have a role, in order.
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

// Servers keeps the record of the server.
type Servers interface {
	Server(ctx context.Context) (Server, error) // the zero Server: there is none yet
	// PutServer replaces the record if its Version is still that of s, and raises that by one.
	// ErrConflict: it is not.
	PutServer(ctx context.Context, s Server) error
}
