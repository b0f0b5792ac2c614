package sqlite

import (
	"context"
	"errors"

	"hubbub.internal/services/directory/store"
)

// readers is a store.Readers.
type readers struct{ db }

// PutReader implements store.Readers.
func (s readers) PutReader(ctx context.Context, room, user string) error {
	return s.run(ctx, "put reader", `INSERT OR IGNORE INTO readers (room, user) VALUES (?, ?)`, room, user)
}

// Reader implements store.Readers.
func (s readers) Reader(ctx context.Context, room, user string) (bool, error) {
	_, err := first(ctx, s.db, "reader", func(id *string) []any { return []any{id} }, `SELECT user FROM readers WHERE room = ? AND user = ?`, room, user)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// DeleteReader implements store.Readers.
func (s readers) DeleteReader(ctx context.Context, room, user string) error {
	return s.run(ctx, "delete reader", `DELETE FROM readers WHERE room = ? AND user = ?`, room, user)
}

// DeleteReadersIn implements store.Readers.
func (s readers) DeleteReadersIn(ctx context.Context, room string) error {
	return s.run(ctx, "delete readers of a room", `DELETE FROM readers WHERE room = ?`, room)
}

// DeleteReadersOf implements store.Readers.
func (s readers) DeleteReadersOf(ctx context.Context, user string) error {
	return s.run(ctx, "delete a user's records as a reader", `DELETE FROM readers WHERE user = ?`, user)
}
