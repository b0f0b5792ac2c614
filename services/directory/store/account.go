package store

import "context"

// Account has the settings of a user, and the key of the devices that the user is known by. A user
// without one has the zero Account.
type Account struct {
	User string `bson:"_id"`
	// of the MACs that known devices show; empty: no device is known
	DeviceKey []byte `bson:"device_key"`
	// who may know when the user was here last; empty: everybody
	SeenBy    string `bson:"seen_by"`
	Unlisted  bool   `bson:"unlisted"`   // others do not find the user by name
	InvitedBy string `bson:"invited_by"` // who may add the user to rooms; empty: everybody
	DirectBy  string `bson:"direct_by"`  // who may begin direct messages; empty: everybody
	Mail      string `bson:"mail"`       // the address that was confirmed; empty: none
	MailKey   string `bson:"mail_key"`   // what it is found by
	// when it is looked at next whether to write a digest, in UTC milliseconds; 0: never
	DigestDue int64 `bson:"digest_due"`
	// when a digest was written last, in UTC milliseconds; 0: never
	DigestSent int64 `bson:"digest_sent"`
}

// AccountPatch is what changes of an Account; a nil field stays as it is.
type AccountPatch struct {
	DeviceKey []byte
	SeenBy    *string
	Unlisted  *bool
	InvitedBy *string
	DirectBy  *string
	Mail      *string
	MailKey   *string
	DigestDue *int64
}

// Ticket is a secret that can be used once, such as that of a link to choose a new password.
type Ticket struct {
	Hash    string `bson:"_id"`     // hex SHA-256 of the secret
	Kind    string `bson:"kind"`    // what it is good for
	User    string `bson:"user"`    // whose it is
	Created int64  `bson:"created"` // UTC milliseconds
	Expires int64  `bson:"expires"` // UTC milliseconds
	Detail  string `bson:"detail"`  // what it is about
}

// Accounts is the part of Store that keeps what users may do with their own accounts.
type Accounts interface {
	// the zero Account of a user who has none
	Account(ctx context.Context, user string) (Account, error)
	PatchAccount(ctx context.Context, user string, p AccountPatch) error // adds it if need be
	// those that there are, by user id
	AccountsOf(ctx context.Context, users []string) ([]Account, error)
	// AccountsByMail returns those with a mail address, by user id.
	AccountsByMail(ctx context.Context, mailKey string, limit int) ([]Account, error)
	DeleteAccount(ctx context.Context, user string) error // none is not an error
	// BeginDigests sets DigestDue of the accounts that have a mail address and no DigestDue: what
	// a release without digests has left.
	BeginDigests(ctx context.Context, due int64) error
	// DigestsDue returns accounts whose DigestDue is now or before, the earliest first.
	DigestsDue(ctx context.Context, now int64, limit int) ([]Account, error)
	// MoveDigest changes DigestDue from was to next, and DigestSent; ErrNotFound: DigestDue is
	// another, or there is no such account.
	MoveDigest(ctx context.Context, user string, was, next, sent int64) error
	// ErrNotFound, also: the hash is another than was
	SetPassword(ctx context.Context, user, was, hash string) error
	// keeps Name and Hash of a user; ErrNotFound
	PutDeleted(ctx context.Context, u User) error
	PutTicket(ctx context.Context, t Ticket) error           // ErrConflict
	Ticket(ctx context.Context, hash string) (Ticket, error) // ErrNotFound
	// removes it; ErrNotFound: another has
	SpendTicket(ctx context.Context, hash string) error
	DeleteTicketsOf(ctx context.Context, user, kind string) error // none is not an error
	DeleteTicketsBefore(ctx context.Context, expires int64) error // that had expired by then
}
