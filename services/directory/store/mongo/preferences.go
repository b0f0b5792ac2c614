package mongo

import (
	"context"
	"errors"

	"hubbub.internal/services/directory/store"
)

// preferences is a store.PreferenceKeeper.
type preferences struct{ *collections }

// Preferences implements store.PreferenceKeeper.
func (s preferences) Preferences(ctx context.Context, user string) (store.Preferences, error) {
	p, err := one[store.Preferences](ctx, "preferences", s.preferences, by("_id", user))
	if errors.Is(err, store.ErrNotFound) {
		return store.Preferences{User: user}, nil
	}
	return p, err
}

// PutPreferences implements store.PreferenceKeeper.
func (s preferences) PutPreferences(ctx context.Context, p store.Preferences) error {
	version := p.Version
	p.Version++
	if version == 0 {
		return insert(ctx, "put preferences", s.preferences, p)
	}
	done, err := s.preferences.ReplaceOne(ctx, append(by("_id", p.User), by("version", version)...), p)
	if err == nil && done.MatchedCount == 0 {
		err = store.ErrConflict
	}
	return wrap("put preferences", err)
}

// DeletePreferences implements store.PreferenceKeeper.
func (s preferences) DeletePreferences(ctx context.Context, user string) error {
	return remove(ctx, "delete preferences", s.preferences, by("_id", user))
}
