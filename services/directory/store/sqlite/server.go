package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"hubbub.internal/services/directory/store"
)

// servers is a store.Servers.
type servers struct{ db }

// Server implements store.Store.
func (s servers) Server(ctx context.Context) (store.Server, error) {
	var one store.Server
	var text string
	err := s.Read.QueryRowContext(ctx, `SELECT version, record FROM server WHERE id = 1`).Scan(&one.Version, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Server{}, nil
	} else if err != nil {
		return store.Server{}, fmt.Errorf("server: %w", err)
	}
	if err := json.Unmarshal([]byte(text), &one); err != nil {
		return store.Server{}, fmt.Errorf("server: %w", err)
	}
	return one, nil
}

// PutServer implements store.Store.
func (s servers) PutServer(ctx context.Context, one store.Server) error {
	text, err := json.Marshal(one)
	if err != nil {
		return fmt.Errorf("put server: %w", err)
	}
	if one.Version == 0 {
		return s.run(ctx, "put server", `INSERT INTO server (id, version, record) VALUES (1, 1, ?)`, string(text))
	}
	err = s.update(ctx, "put server", `UPDATE server SET version = version + 1, record = ? WHERE id = 1 AND version = ?`, string(text), one.Version)
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("put server: %w", store.ErrConflict)
	}
	return err
}
