package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"hubbub.internal/services/history/store"
)

// Append implements store.Store: all of the entries or, on an error, none.
func (s *entryStore) Append(ctx context.Context, entries []store.Entry) (store.Outcome, error) {
	s.appending.Lock()
	defer s.appending.Unlock()
	var out store.Outcome
	var w *writer
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		out = store.Outcome{}
		w = s.writer(tx)
		all := context.WithoutCancel(ctx) // a statement that can be interrupted costs a goroutine
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			added, err := w.add(all, e, &out)
			if err != nil {
				return err
			}
			if added {
				if err := w.settle(all, e); err != nil {
					return err
				}
			}
		}
		if err := w.recount(all); err != nil {
			return err
		}
		return w.index(all, w.fresh, &s.vocabulary)
	})
	if err != nil {
		s.vocabulary.Forget()
		return store.Outcome{}, fmt.Errorf("append entries: %w", err)
	}
	w.committed()
	return out, nil
}

// writer returns a writer of entries in a transaction.
func (s *entryStore) writer(tx *sql.Tx) *writer {
	w := newWriter(tx, &s.rooms, &s.users, s.tops, func(ctx context.Context, text string) (*sql.Stmt, error) {
		kept, err := s.Prepared(ctx, text)
		if err != nil {
			return nil, err
		}
		return tx.StmtContext(ctx, kept), nil
	})
	w.threads = true
	return w
}

const edits = byTarget + `WHERE room = ? AND target <> '' AND target = ? AND author = ? AND past IN (0, 1) AND slot = 'edited' AND owner = 0
	AND sender = ? AND seq < ? ORDER BY seq`

// Erase implements store.Store.
func (s *entryStore) Erase(ctx context.Context, room string, name store.Name, before uint64, scrub func(store.Entry) ([]byte, error)) ([]uint64, error) {
	n, ok, err := s.find(ctx, room, name.Sender)
	if err != nil || !ok {
		return nil, err
	}
	var seqs []uint64
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		seqs = nil
		message, err := s.list(ctx, "message", tx, byID+`WHERE room = ? AND id = ? AND sender = ? AND kind <> 1 AND seq < ?`,
			n.room, packID(name.ID), n.sender, int64(before))
		if err != nil {
			return err
		}
		edits, err := s.list(ctx, "edits", tx, edits, n.room, packID(name.ID), n.sender, n.sender, int64(before))
		if err != nil {
			return err
		}
		held, err := holds(ctx, tx)
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
			if err := putAside(ctx, tx, held, []store.Entry{e}); err != nil {
				return err
			}
			data = pack(data, beginning(nil, e.Type, e.Room, e.ID, e.Sender))
			if _, err := tx.ExecContext(ctx, `UPDATE entries SET data = ? WHERE room = ? AND id = ? AND sender = ?`, data, n.room, packID(e.ID), n.sender); err != nil {
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
func (s *inboxStore) PutRead(ctx context.Context, room, user string, seq uint64) (uint64, error) {
	var largest int64
	var rooms, users numbering
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		rooms, users = numbering{of: &s.rooms, tx: tx}, numbering{of: &s.users, tx: tx}
		roomN, err := rooms.number(ctx, room)
		if err != nil {
			return err
		}
		userN, err := users.number(ctx, user)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx,
			`INSERT INTO reads (user, room, seq) VALUES (?, ?, ?) ON CONFLICT (user, room) DO UPDATE SET seq = max(seq, excluded.seq) RETURNING seq`,
			userN, roomN, int64(seq)).Scan(&largest)
	})
	if err != nil {
		return 0, fmt.Errorf("remember a read position: %w", err)
	}
	s.rooms.learn(rooms.fresh)
	s.users.learn(users.fresh)
	return uint64(largest), nil
}

func (s *file) transaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
