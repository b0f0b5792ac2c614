package store

import "context"

// Account has the settings of a user, and the key that the user's known devices prove themselves
// by. A user without a record has the zero Account.
type Account struct {
	User string `bson:"_id"`
	// key of the MACs that known devices send; empty: no device is known
	DeviceKey []byte `bson:"device_key"`
	// who may know when the user was here last; empty: everybody
	SeenBy    string `bson:"seen_by"`
	Unlisted  bool   `bson:"unlisted"`   // searches by name leave the user out
	InvitedBy string `bson:"invited_by"` // who may add the user to rooms; empty: everybody
	DirectBy  string `bson:"direct_by"`  // who may begin direct messages; empty: everybody
	Mail      string `bson:"mail"`       // the address that was confirmed; empty: none
	MailKey   string `bson:"mail_key"`   // Mail in the form that it is compared in
	// when to check next whether a digest is due, in UTC milliseconds; 0: never
	DigestDue int64 `bson:"digest_due"`
	// when the last digest was written, in UTC milliseconds; 0: never
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
	Kind    string `bson:"kind"`    // what it permits
	User    string `bson:"user"`    // its holder
	Created int64  `bson:"created"` // UTC milliseconds
	Expires int64  `bson:"expires"` // UTC milliseconds
	Detail  string `bson:"detail"`  // such as the address to confirm
}

// Accounts keeps the accounts, passwords and tickets of users. See Store for what holds for its
// methods.
type Accounts interface {
	// the zero Account for a user without a record
	Account(ctx context.Context, user string) (Account, error)
	PatchAccount(ctx context.Context, user string, p AccountPatch) error
	// ordered by user id
	AccountsOf(ctx context.Context, users []string) ([]Account, error)
	// AccountsByMail returns the accounts with a mail address, ordered by user id.
	AccountsByMail(ctx context.Context, mailKey string, limit int) ([]Account, error)
	DeleteAccount(ctx context.Context, user string) error // no error if there is none
	// BeginDigests sets DigestDue of the accounts with a mail address and no DigestDue, which a
	// release without digests has written.
	BeginDigests(ctx context.Context, due int64) error
	// DigestsDue returns accounts whose DigestDue is not after now, the earliest first.
	DigestsDue(ctx context.Context, now int64, limit int) ([]Account, error)
	// MoveDigest changes DigestDue from was to next, and sets DigestSent. ErrNotFound: DigestDue is
	// not was, or there is no such account.
	MoveDigest(ctx context.Context, user string, was, next, sent int64) error
	// ErrNotFound: no such user, or the hash is not was
	SetPassword(ctx context.Context, user, was, hash string) error
	// keeps Name and Hash of a user; ErrNotFound
	PutDeleted(ctx context.Context, u User) error
	PutTicket(ctx context.Context, t Ticket) error           // ErrConflict
	Ticket(ctx context.Context, hash string) (Ticket, error) // ErrNotFound
	// removes the ticket; ErrNotFound: it was removed already
	SpendTicket(ctx context.Context, hash string) error
	DeleteTicketsOf(ctx context.Context, user, kind string) error // no error if there is none
	DeleteTicketsBefore(ctx context.Context, expires int64) error // that expire up to this time
}
