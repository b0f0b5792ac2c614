package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"hubbub.internal/services/history/store"
)

const insert = `INSERT INTO entries (key, room, seq, sender, id, type, target, author, slot, past, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

// Append implements store.Store: all of the entries or, on an error, none.
func (s *Store) Append(ctx context.Context, entries []store.Entry) (store.Outcome, error) {
	var out store.Outcome
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		out = store.Outcome{}
		add, err := tx.PrepareContext(ctx, insert)
		if err != nil {
			return err
		}
		defer add.Close()
		for _, e := range entries {
			added, err := put(ctx, add, store.Key(e.Room, e.Seq), e)
			if err != nil {
				return err
			}
			if added {
				if err := supersede(ctx, tx, e); err != nil {
					return err
				}
				continue
			}
			if err := explain(ctx, tx, add, e, &out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return store.Outcome{}, fmt.Errorf("append entries: %w", err)
	}
	return out, nil
}

func put(ctx context.Context, add *sql.Stmt, key string, e store.Entry) (bool, error) {
	r, err := add.ExecContext(ctx, key, e.Room, int64(e.Seq), e.Sender, e.ID, e.Type, e.Target, e.Author, e.Slot, e.Past, e.Data)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// supersede marks what an entry that was just added has made past, and the entry itself if a later
// one has its slot.
func supersede(ctx context.Context, tx *sql.Tx, e store.Entry) error {
	if e.Slot == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE entries SET past = 1 WHERE room = ? AND target <> '' AND target = ? AND author = ? AND slot = ? AND past = 0
		AND seq < (SELECT max(seq) FROM entries WHERE room = ? AND target <> '' AND target = ? AND author = ? AND slot = ?)`,
		e.Room, e.Target, e.Author, e.Slot, e.Room, e.Target, e.Author, e.Slot)
	return err
}

// explain finds out why an entry could not be added.
func explain(ctx context.Context, tx *sql.Tx, add *sql.Stmt, e store.Entry, out *store.Outcome) error {
	var seq int64
	err := tx.QueryRowContext(ctx, `SELECT seq FROM entries WHERE room = ? AND sender = ? AND id = ?`, e.Room, e.Sender, e.ID).Scan(&seq)
	switch {
	case err == nil && uint64(seq) == e.Seq:
		return nil // it is there
	case err == nil:
		out.Repeats = append(out.Repeats, store.Repeat{Entry: e, First: uint64(seq)})
		return nil
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	if _, err := put(ctx, add, store.ConflictKey(e), e); err != nil {
		return err
	}
	if err := supersede(ctx, tx, e); err != nil {
		return err
	}
	out.Conflicts = append(out.Conflicts, e)
	return nil
}

// Erase implements store.Store.
func (s *Store) Erase(ctx context.Context, room string, name store.Name, before uint64, scrub func(store.Entry) ([]byte, error)) ([]uint64, error) {
	var seqs []uint64
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		seqs = nil
		message, err := list(ctx, tx, columns+`WHERE room = ? AND sender = ? AND id = ? AND type = 'msg' AND seq < ?`, room, name.Sender, name.ID, int64(before))
		if err != nil {
			return err
		}
		edits, err := list(ctx, tx, columns+`WHERE room = ? AND target <> '' AND target = ? AND author = ? AND slot = 'edited' AND sender = ? AND seq < ? ORDER BY seq`,
			room, name.ID, name.Sender, name.Sender, int64(before))
		if err != nil {
			return err
		}
		for _, e := range append(message, edits...) {
			data, err := scrub(e)
			if err != nil {
				return err
			}
			seqs = append(seqs, e.Seq)
			if bytes.Equal(data, e.Data) {
				continue
			}
			if _, err := tx.ExecContext(ctx, `UPDATE entries SET data = ? WHERE room = ? AND sender = ? AND id = ?`, data, room, e.Sender, e.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("erase a message: %w", err)
	}
	return seqs, nil
}

// PutRead implements store.Store.
func (s *Store) PutRead(ctx context.Context, room, user string, seq uint64) (uint64, error) {
	var largest int64
	err := s.Write.QueryRowContext(ctx,
		`INSERT INTO reads (user, room, seq) VALUES (?, ?, ?) ON CONFLICT (user, room) DO UPDATE SET seq = max(seq, excluded.seq) RETURNING seq`,
		user, room, int64(seq)).Scan(&largest)
	if err != nil {
		return 0, fmt.Errorf("remember a read position: %w", err)
	}
	return uint64(largest), nil
}

func (s *Store) transaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
