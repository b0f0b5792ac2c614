package store

import "context"

// Preferences are what users choose for how clients show them things, which follows them from one
// device to the next. The directory keeps them and does not read them.
type Preferences struct {
	User    string `bson:"_id"`
	Values  string `bson:"values"`  // a JSON object
	Version int64  `bson:"version"` // goes up by one with each change; 0: there are none yet
}

// PreferenceKeeper keeps preferences. See Store for what holds of its methods.
type PreferenceKeeper interface {
	// the zero Preferences, but for the User, where there are none
	Preferences(ctx context.Context, user string) (Preferences, error)
	// Puts them in place of those of the version that they have, and counts it up. ErrConflict:
	// they are of another version by now
	PutPreferences(ctx context.Context, p Preferences) error
	// none is not an error
	DeletePreferences(ctx context.Context, user string) error
}
