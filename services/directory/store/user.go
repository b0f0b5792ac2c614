package store

import (
	"context"

	"hubbub.internal/libs/names"
)

// User is an account.
type User struct {
	ID      string `bson:"_id"`
	Name    string `bson:"name"`
	NameKey string `bson:"name_key"` // unique; the form that names are compared in
	// Looks finds names that look alike. Guests have none.
	names.Looks `bson:",inline"`
	Hash        string `bson:"hash"`               // argon2id of the password; empty: a guest
	Created     int64  `bson:"created"`            // UTC milliseconds
	Disabled    bool   `bson:"disabled,omitempty"` // by an operator: the user cannot log in
}

// DeletedHash is the Hash of a deleted account: no password has it.
const DeletedHash = "-"

// Deleted reports whether the account was deleted. Its record stays, so that nobody else gets its
// name.
func (u User) Deleted() bool { return u.Hash == DeletedHash }

// AsDeleted returns what is left of a user who deletes the account, who is called name from then
// on.
func (u User) AsDeleted(name string) User {
	u.Name, u.Hash = name, DeletedHash
	return u
}

// Guest reports whether the account has no password.
func (u User) Guest() bool { return u.Hash == "" }

// The kinds of users that a UserQuery can ask for. Deleted accounts are in none.
const (
	UsersAny        = ""
	UsersRegistered = "registered"
	UsersGuests     = "guests"
	UsersDisabled   = "disabled"
)

// UserQuery asks for users, ordered by NameKey.
type UserQuery struct {
	Part  string // a part of NameKey; empty: any
	Look  string // the same for guests, whose NameKey is a colon and the lower case look
	Kind  string // UsersAny, UsersRegistered, UsersGuests or UsersDisabled
	After string // only greater NameKeys
	Limit int
}

// Users keeps users.
type Users interface {
	// ErrConflict: the name is taken
	CreateUser(ctx context.Context, u User) error
	// ErrNotFound
	User(ctx context.Context, id string) (User, error)
	// ErrNotFound
	UserByName(ctx context.Context, nameKey string) (User, error)
	// whose NameKey begins with prefix, ordered by it
	Users(ctx context.Context, prefix string, limit int) ([]User, error)
	// ordered by id
	UsersOf(ctx context.Context, ids []string) ([]User, error)
	// ordered by name key
	UsersByNames(ctx context.Context, nameKeys []string) ([]User, error)
	// ordered by id, after the given one
	UsersAfter(ctx context.Context, id string, limit int) ([]User, error)
	// a page
	FindUsers(ctx context.Context, q UserQuery) ([]User, error)
	// registered users whose names look alike, ordered by id
	UsersAlike(ctx context.Context, looks names.Looks, limit int) ([]User, error)
	// registered users with this in the lower case look of their name, see names.Bare, ordered by
	// id
	UsersLike(ctx context.Context, look string, limit int) ([]User, error)
	// adds a user and a session; ErrConflict: the name is taken
	CreateGuest(ctx context.Context, u User, s Session) error
	// changes the name and the password; ErrNotFound: no such user, or Hash is not was;
	// ErrConflict: the name is taken
	ReplaceUser(ctx context.Context, u User, was string) error
	// also when the user was last seen; no error if there is none
	DeleteUser(ctx context.Context, id string) error
	// ErrNotFound
	SetDisabled(ctx context.Context, user string, disabled bool) error
}
