package store

import "context"

// Preferences are what a user has chosen on one device and finds on all. Most of it is for clients;
// the directory reads only what package attention knows.
type Preferences struct {
	User    string `bson:"_id"`
	Values  string `bson:"values"`  // a JSON object
	Version int64  `bson:"version"` // grows by one with each change; 0: none are stored yet
}

// PreferenceKeeper keeps preferences. See Store for what holds for its methods.
type PreferenceKeeper interface {
	// only User is set if none are stored
	Preferences(ctx context.Context, user string) (Preferences, error)
	// replaces the stored preferences if they have p.Version, and increments it; ErrConflict: they
	// have another version
	PutPreferences(ctx context.Context, p Preferences) error
	// no error if there are none
	DeletePreferences(ctx context.Context, user string) error
}
