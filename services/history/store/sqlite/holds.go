package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"hubbub.internal/services/history/store"
)

const allHolds = `SELECT id, room, user, reason, actor, name, created FROM holds ORDER BY created, id`

// PutHold implements store.Holds.
func (s *holdStore) PutHold(ctx context.Context, h store.Hold) error {
	_, err := s.changed(ctx, "put a hold", `INSERT INTO holds (id, room, user, reason, actor, name, created) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		h.ID, h.Room, h.User, h.Reason, h.Actor, h.Name, h.Created)
	return err
}

// Holds implements store.Holds.
func (s *holdStore) Holds(ctx context.Context) ([]store.Hold, error) {
	all, err := holds(ctx, kept{s.file})
	if err != nil {
		return nil, fmt.Errorf("holds: %w", err)
	}
	return all, nil
}

func holds(ctx context.Context, db querier) (all []store.Hold, err error) {
	rows, err := db.QueryContext(ctx, allHolds)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var h store.Hold
		if err := rows.Scan(&h.ID, &h.Room, &h.User, &h.Reason, &h.Actor, &h.Name, &h.Created); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, rows.Err()
}

// DeleteHold implements store.Holds.
func (s *holdStore) DeleteHold(ctx context.Context, id string) (store.Hold, bool, error) {
	all, err := s.Holds(ctx)
	if err != nil {
		return store.Hold{}, false, err
	}
	at := slices.IndexFunc(all, func(h store.Hold) bool { return h.ID == id })
	if at < 0 {
		return store.Hold{}, false, nil
	}
	n, err := s.changed(ctx, "lift a hold", `DELETE FROM holds WHERE id = ?`, id)
	return all[at], n > 0, err
}

const (
	held         = `SELECT room, seq, sender, id, type, target, author, data FROM held `
	heldInRoom   = held + `WHERE room = ?1 AND ?1 >= ?2 AND seq > ?3 ORDER BY seq, sender, id LIMIT ?4`
	heldBySender = held + `INDEXED BY held_by_sender WHERE sender = ?1 AND (room, seq) > (?2, ?3) ORDER BY room, seq, id LIMIT ?4`
	unheld       = `DELETE FROM held WHERE (room, seq, sender, id) IN (
		SELECT room, seq, sender, id FROM held WHERE room NOT IN (SELECT room FROM holds) AND sender NOT IN (SELECT user FROM holds) LIMIT ?)`
)

// Held implements store.Holds.
func (s *holdStore) Held(ctx context.Context, h store.Hold, room string, after uint64, limit int) ([]store.Entry, error) {
	query, of := heldInRoom, h.Room
	if h.Room == "" {
		query, of = heldBySender, h.User
	}
	rows, err := s.Read.QueryContext(ctx, query, of, room, int64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("what is held: %w", err)
	}
	defer rows.Close()
	var all []store.Entry
	for rows.Next() {
		var e store.Entry
		var seq int64
		if err := rows.Scan(&e.Room, &seq, &e.Sender, &e.ID, &e.Type, &e.Target, &e.Author, &e.Data); err != nil {
			return nil, fmt.Errorf("what is held: %w", err)
		}
		e.Seq = uint64(seq)
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("what is held: %w", err)
	}
	return store.TogetherBefore(all, limit), nil
}

// DropHeld implements store.Holds.
func (s *holdStore) DropHeld(ctx context.Context, limit int) (int, error) {
	return s.changed(ctx, "drop what is not held any more", unheld, limit)
}

const putHeld = `INSERT INTO held (room, seq, sender, id, type, target, author, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

// putAside puts entries aside that holds are about, in the transaction that removes or erases them.
func putAside(ctx context.Context, tx *sql.Tx, all []store.Hold, entries []store.Entry) error {
	for _, e := range entries {
		if !slices.ContainsFunc(all, func(h store.Hold) bool { return h.About(e.Room, e.Sender) }) {
			continue
		}
		if _, err := tx.ExecContext(ctx, putHeld, e.Room, int64(e.Seq), e.Sender, e.ID, e.Type, e.Target, e.Author, e.Data); err != nil {
			return fmt.Errorf("put aside what is held: %w", err)
		}
	}
	return nil
}

const (
	goingThrough = `SELECT * FROM (` + all + `WHERE room = ?1 AND kind = 0 AND seq <= ?2 ORDER BY seq, twin LIMIT ?3)
		UNION ALL SELECT * FROM (` + all + `WHERE room = ?1 AND kind = 1 AND seq <= ?2 ORDER BY seq, twin LIMIT ?3)
		UNION ALL SELECT * FROM (` + all + `WHERE room = ?1 AND kind = 2 AND seq <= ?2 ORDER BY seq, twin LIMIT ?3) ORDER BY seq, twin LIMIT ?3`
	going      = all + `WHERE room = ? ORDER BY kind, seq, twin LIMIT ?`
	goingAbout = byTarget + `WHERE room = ? AND target <> '' AND target = ? AND author = ?`
)

// putGoingAside puts aside what a query with all columns finds and is about to be removed, with
// what is about messages among it.
func (s *holdStore) putGoingAside(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	held, err := holds(ctx, tx)
	if err != nil || len(held) == 0 {
		return err
	}
	found, err := rows(ctx, tx, query, args...)
	if err != nil {
		return err
	}
	for _, r := range found {
		group := []row{r}
		if r.number != kindOther {
			about, err := rows(ctx, tx, goingAbout, r.room, r.id, r.sender)
			if err != nil {
				return err
			}
			group = append(group, about...)
		}
		entries := make([]store.Entry, len(group))
		for i := range group {
			if err := asAppended(ctx, tx, &group[i]); err != nil {
				return err
			}
			if entries[i], err = s.entry(ctx, tx, group[i]); err != nil {
				return err
			}
		}
		if err := putAside(ctx, tx, held, entries); err != nil {
			return err
		}
	}
	return nil
}
