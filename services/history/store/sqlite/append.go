package sqlite

import (
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
