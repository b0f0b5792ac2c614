package store

import "context"

// The kinds of letters.
const (
	LetterNotice  = "notice"  // tells the user what happened
	LetterForgot  = "forgot"  // a link for a new password, to whoever Key names
	LetterConfirm = "confirm" // a link to confirm the mail address To
	LetterDigest  = "digest"  // what waits for the user since Since
)

// Letter is a mail to send. It contains no secret: the service makes a link only when it writes the
// mail.
type Letter struct {
	ID      string `bson:"_id"` // UUIDv7: the order of ids is that of creation
	Kind    string `bson:"kind"`
	User    string `bson:"user"`
	To      string `bson:"to"` // mail address; empty: that of the user's account
	Subject string `bson:"subject"`
	Text    string `bson:"text"`
	Key     string `bson:"key"`     // of LetterForgot: the name, or the mail address
	ByMail  bool   `bson:"by_mail"` // Key is a mail address
	Address string `bson:"address"` // of LetterForgot: the client's address
	Since   int64  `bson:"since"`   // of LetterDigest: UTC milliseconds
	Expires int64  `bson:"expires"` // UTC milliseconds: then it is too late to send it
	Holder  string `bson:"holder"`  // the process that sends it
	Until   int64  `bson:"until"`   // UTC milliseconds: then another process may
}

// Letters keeps the letters that wait to be sent. See Store for what holds for its methods.
type Letters interface {
	PutLetter(ctx context.Context, l Letter) error
	// that no process holds now, ordered by ID
	FreeLetters(ctx context.Context, now int64, limit int) ([]Letter, error)
	// gives a letter to a process; ErrNotFound: another process has it, or it is gone
	HoldLetter(ctx context.Context, id, holder string, now, until int64) error
	// sets Until of all letters that a process holds
	KeepLetters(ctx context.Context, holder string, until int64) error
	DeleteLetter(ctx context.Context, id string) error // no error if there is none
	// removes a letter that a process holds; ErrNotFound: another process has it, or it is gone
	RemoveHeldLetter(ctx context.Context, id, holder string) error
	DeleteLettersBefore(ctx context.Context, expires int64) error
	DeleteLettersOf(ctx context.Context, user string) error
}
