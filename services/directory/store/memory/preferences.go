package memory

import (
	"context"

	"hubbub.internal/services/directory/store"
)

// preferences is a store.PreferenceKeeper.
type preferences struct{ *records }

// Preferences implements store.PreferenceKeeper.
func (s preferences) Preferences(ctx context.Context, user string) (p store.Preferences, err error) {
	return p, s.do(ctx, "Preferences", func() error {
		p = s.preferences[user]
		p.User = user
		return nil
	})
}

// PutPreferences implements store.PreferenceKeeper.
func (s preferences) PutPreferences(ctx context.Context, p store.Preferences) error {
	return s.do(ctx, "PutPreferences", func() error {
		if s.preferences[p.User].Version != p.Version {
			return store.ErrConflict
		}
		p.Version++
		s.preferences[p.User] = p
		return nil
	})
}

// DeletePreferences implements store.PreferenceKeeper.
func (s preferences) DeletePreferences(ctx context.Context, user string) error {
	return remove(ctx, s.records, "DeletePreferences", s.preferences, user)
}
