package sqlite

import (
	"context"
	"errors"
	"fmt"

	"hubbub.internal/services/directory/store"
)

// preferences is a store.PreferenceKeeper.
type preferences struct{ db }

// Preferences implements store.PreferenceKeeper.
func (s preferences) Preferences(ctx context.Context, user string) (store.Preferences, error) {
	p, err := first(ctx, s.db, "preferences", func(p *store.Preferences) []any { return []any{&p.User, &p.Values, &p.Version} },
		`SELECT user, "values", version FROM preferences WHERE user = ?`, user)
	if errors.Is(err, store.ErrNotFound) {
		return store.Preferences{User: user}, nil
	}
	return p, err
}

// PutPreferences implements store.PreferenceKeeper.
func (s preferences) PutPreferences(ctx context.Context, p store.Preferences) error {
	if p.Version == 0 {
		return s.run(ctx, "put preferences", `INSERT INTO preferences (user, "values", version) VALUES (?, ?, 1)`, p.User, p.Values)
	}
	r, err := s.exec(ctx, "put preferences", `UPDATE preferences SET "values" = ?, version = version + 1 WHERE user = ? AND version = ?`, p.Values, p.User, p.Version)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err == nil && n == 0 {
		return fmt.Errorf("put preferences: %w", store.ErrConflict)
	}
	return nil
}

// DeletePreferences implements store.PreferenceKeeper.
func (s preferences) DeletePreferences(ctx context.Context, user string) error {
	return s.run(ctx, "delete preferences", `DELETE FROM preferences WHERE user = ?`, user)
}
