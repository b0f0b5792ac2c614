package sqlite

import (
	"context"
	"fmt"

	"hubbub.internal/services/history/store"
)

// PutSaved implements store.Saves.
func (s *saveStore) PutSaved(ctx context.Context, m store.Saved) error {
	_, err := s.changed(ctx, "save a message", `INSERT INTO saved (user, ts, room, author, id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, m.User, m.TS, m.Room, m.Author, m.ID)
	return err
}

// DropSaved implements store.Saves.
func (s *saveStore) DropSaved(ctx context.Context, user, room string, name store.Name) error {
	_, err := s.changed(ctx, "forget a saved message", `DELETE FROM saved WHERE user = ? AND room = ? AND author = ? AND id = ?`, user, room, name.Sender, name.ID)
	return err
}

const savedBefore = `SELECT user, room, author, id, ts FROM saved INDEXED BY saved_by_time WHERE user = ? AND ts < ? ORDER BY ts DESC LIMIT ?`

// Saved implements store.Saves.
func (s *saveStore) Saved(ctx context.Context, user string, before int64, limit int) ([]store.Saved, error) {
	all, err := s.saved(ctx, user, before, limit)
	if err != nil {
		return nil, fmt.Errorf("saved messages: %w", err)
	}
	return all, nil
}

func (s *saveStore) saved(ctx context.Context, user string, before int64, limit int) (all []store.Saved, err error) {
	rows, err := kept{s.file}.QueryContext(ctx, savedBefore, user, before, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m store.Saved
		if err := rows.Scan(&m.User, &m.Room, &m.Author, &m.ID, &m.TS); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// RemoveSavedBy implements store.Saves.
func (s *saveStore) RemoveSavedBy(ctx context.Context, user string) error {
	_, err := s.changed(ctx, "forget what a user has saved", `DELETE FROM saved WHERE user = ?`, user)
	return err
}

// RemoveSavedIn implements store.Saves.
func (s *saveStore) RemoveSavedIn(ctx context.Context, room string) error {
	_, err := s.changed(ctx, "forget what is saved of a room", `DELETE FROM saved WHERE room = ?`, room)
	return err
}
