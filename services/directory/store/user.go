package store

import (
	"context"

	"hubbub.internal/libs/names"
)

// User is an account.
type User struct {
	ID      string `bson:"_id"`
	Name    string `bson:"name"`
	NameKey string `bson:"name_key"` // unique; what names are compared by
	// Looks is what look-alikes are found by. Guests have none.
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

// What users a UserQuery asks for. None has deleted accounts.
const (
	UsersAny        = ""
	UsersRegistered = "registered"
	UsersGuests     = "guests"
	UsersDisabled   = "disabled"
)

// UserQuery asks for users, in the order of NameKey.
type UserQuery struct {
	Part  string // what NameKey has in it; empty: any
	Look  string // the same of a guest, whose NameKey is a colon and the lower case look
	Kind  string // UsersAny and those beside it
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
	// whose NameKey begins so, in its order
	Users(ctx context.Context, prefix string, limit int) ([]User, error)
	// those that there are, by id
	UsersOf(ctx context.Context, ids []string) ([]User, error)
	// those that there are, by name key
	UsersByNames(ctx context.Context, nameKeys []string) ([]User, error)
	// by id, after that one
	UsersAfter(ctx context.Context, id string, limit int) ([]User, error)
	// a page of them
	FindUsers(ctx context.Context, q UserQuery) ([]User, error)
	// registered, and looking so, by id
	UsersAlike(ctx context.Context, looks names.Looks, limit int) ([]User, error)
	// registered, and having this in the lower case look of the name, see names.Bare, by id
	UsersLike(ctx context.Context, look string, limit int) ([]User, error)
	// a user and its session; ErrConflict: the name is taken
	CreateGuest(ctx context.Context, u User, s Session) error
	// its name and password; ErrNotFound, also: Hash is another than was; ErrConflict: the name is
	// taken
	ReplaceUser(ctx context.Context, u User, was string) error
	// and when the user was seen; none is not an error
	DeleteUser(ctx context.Context, id string) error
	// ErrNotFound
	SetDisabled(ctx context.Context, user string, disabled bool) error
}
