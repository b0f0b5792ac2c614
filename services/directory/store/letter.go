package store

import "context"

// The kinds of letters.
const (
	LetterNotice  = "notice"  // tells the user of what has happened
	LetterForgot  = "forgot"  // a link for a new password, to whoever Key names
	LetterConfirm = "confirm" // a link to confirm the mail address To
	LetterDigest  = "digest"  // what waits for the user, of after Since
)

// Letter is a mail that is to be sent. It has no secret: a link is made when the letter is written.
type Letter struct {
	ID      string `bson:"_id"` // UUIDv7: in the order in which they were made
	Kind    string `bson:"kind"`
	User    string `bson:"user"`
	To      string `bson:"to"` // mail address; empty: that of the user's account
	Subject string `bson:"subject"`
	Text    string `bson:"text"`
	Key     string `bson:"key"`     // of LetterForgot: the name, or the mail address
	ByMail  bool   `bson:"by_mail"` // Key is a mail address
	Address string `bson:"address"` // of LetterForgot: from where it was asked for
	Since   int64  `bson:"since"`   // of LetterDigest: UTC milliseconds
	Expires int64  `bson:"expires"` // UTC milliseconds: after that it is of no use
	Holder  string `bson:"holder"`  // the process that sends it
	Until   int64  `bson:"until"`   // until when no other process does, in UTC milliseconds
}

// Letters keeps the letters that wait to be sent; see Store for what holds of its methods.
type Letters interface {
	PutLetter(ctx context.Context, l Letter) error
	// that nobody holds now, by ID
	FreeLetters(ctx context.Context, now int64, limit int) ([]Letter, error)
	// gives a letter to a process; ErrNotFound: another has it, or it is gone
	HoldLetter(ctx context.Context, id, holder string, now, until int64) error
	// changes until when a process holds its letters
	KeepLetters(ctx context.Context, holder string, until int64) error
	DeleteLetter(ctx context.Context, id string) error // none is not an error
	// removes a letter that a process holds; ErrNotFound: another has it, or it is gone
	RemoveHeldLetter(ctx context.Context, id, holder string) error
	DeleteLettersBefore(ctx context.Context, expires int64) error
	DeleteLettersOf(ctx context.Context, user string) error
}
