package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"hubbub.internal/services/directory/store"
)

const putSeen = `INSERT INTO seen (user, at) SELECT id, ? FROM users WHERE id = ? ON CONFLICT (user) DO UPDATE SET at = max(at, excluded.at)`

// lastSeen is a store.LastSeen.
type lastSeen struct{ db }

// PutSeen implements store.Store.
func (s lastSeen) PutSeen(ctx context.Context, seen []store.Seen) error {
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("put last seen: %w", err)
	}
	for _, one := range seen {
		_, err := tx.ExecContext(ctx, putSeen, one.At, one.User)
		if err != nil {
			return fmt.Errorf("put last seen: %w", errors.Join(err, tx.Rollback()))
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("put last seen: %w", err)
	}
	return nil
}

// Seen implements store.Store.
func (s lastSeen) Seen(ctx context.Context, user string) (int64, error) {
	var at int64
	err := s.Read.QueryRowContext(ctx, `SELECT at FROM seen WHERE user = ?`, user).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("last seen: %w", err)
	}
	return at, nil
}
