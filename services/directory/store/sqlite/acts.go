package sqlite

import (
	"context"
	"fmt"
	"strings"

	"hubbub.internal/services/directory/store"
)

const actColumns = `id, at, action, actor, actor_name, subject, subject_name, room, address, detail, outcome`

func actFields(a *store.Act) []any {
	return []any{&a.ID, &a.At, &a.Action, &a.Actor, &a.ActorName, &a.Subject, &a.SubjectName, &a.Room, &a.Address, &a.Detail, &a.Outcome}
}

// acts is a store.Acts.
type acts struct{ db }

// PutAct implements store.Store.
func (s acts) PutAct(ctx context.Context, a store.Act) error {
	return s.run(ctx, "put act", `INSERT INTO acts (`+actColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.At, a.Action, a.Actor, a.ActorName, a.Subject, a.SubjectName, a.Room, a.Address, a.Detail, a.Outcome)
}

// EndAct implements store.Store.
func (s acts) EndAct(ctx context.Context, id, outcome string) error {
	return s.run(ctx, "end act", `UPDATE acts SET outcome = ? WHERE id = ? AND outcome = ?`, outcome, id, store.OutcomeUnknown)
}

// Acts implements store.Store.
func (s acts) Acts(ctx context.Context, f store.ActFilter, limit int) ([]store.Act, error) {
	from, before := f.Span()
	where, args := []string{"id >= ?"}, []any{from}
	for _, c := range []struct{ condition, value string }{
		{"id < ?", before},
		{"actor = ?", f.Actor},
		// the first condition lets SQLite use the partial index
		{"subject <> '' AND subject = ?", f.Subject},
		{"room <> '' AND room = ?", f.Room},
		{"action = ?", f.Action},
	} {
		if c.value != "" {
			where, args = append(where, c.condition), append(args, c.value)
		}
	}
	return list(ctx, s.db, "acts", actFields,
		`SELECT `+actColumns+` FROM acts WHERE `+strings.Join(where, " AND ")+` ORDER BY id DESC LIMIT ?`, append(args, limit)...)
}

// DeleteActsBefore implements store.Store.
func (s acts) DeleteActsBefore(ctx context.Context, id string) (int64, error) {
	r, err := s.exec(ctx, "delete acts", `DELETE FROM acts WHERE id < ?`, id)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("delete acts: %w", err)
	}
	return n, nil
}
