package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

// intents is a store.Intents.
type intents struct{ db }

// PutIntent implements store.Store.
func (s intents) PutIntent(ctx context.Context, i store.Intent) error {
	return s.run(ctx, "put intent",
		`INSERT OR REPLACE INTO intents (id, kind, room, user, name, role, actor, session, read_from, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		i.ID, i.Kind, i.Room, i.User, i.Name, i.Role, i.Actor, i.Session, i.From, i.Created)
}

// DeleteIntent implements store.Store.
func (s intents) DeleteIntent(ctx context.Context, id string) error {
	return s.run(ctx, "delete intent", `DELETE FROM intents WHERE id = ?`, id)
}

// IntentsBefore implements store.Store.
func (s intents) IntentsBefore(ctx context.Context, created int64, limit int) ([]store.Intent, error) {
	return list(ctx, s.db, "intents", func(i *store.Intent) []any {
		return []any{&i.ID, &i.Kind, &i.Room, &i.User, &i.Name, &i.Role, &i.Actor, &i.Session, &i.From, &i.Created}
	}, `SELECT id, kind, room, user, name, role, actor, session, read_from, created FROM intents WHERE created < ? ORDER BY created, id LIMIT ?`, created, limit)
}
