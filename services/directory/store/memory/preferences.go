package memory

import (
	"context"

	"hubbub.internal/services/directory/store"
)

// Preferences implements store.PreferenceKeeper.
func (s *Store) Preferences(ctx context.Context, user string) (p store.Preferences, err error) {
	return p, s.do(ctx, "Preferences", func() error {
		p = s.preferences[user]
		p.User = user
		return nil
	})
}

// PutPreferences implements store.PreferenceKeeper.
func (s *Store) PutPreferences(ctx context.Context, p store.Preferences) error {
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
func (s *Store) DeletePreferences(ctx context.Context, user string) error {
	return remove(ctx, s, "DeletePreferences", s.preferences, user)
}
