package spool

import (
	"context"
	"errors"
	"fmt"
)

// maxChain is how long a chain of answers to answers may be.
const maxChain = 1000

// Check ends the writing, and normalises threads: an answer to an answer moves to that one's
// thread, an answer whose root the export lacks becomes an ordinary message, and no answer comes
// before its root. A circle of answers is an error.
func (s *Spool) Check(ctx context.Context) error {
	err := errors.Join(s.put.Close(), s.tx.Commit())
	if s.tx = nil; err != nil {
		return fmt.Errorf("keep what the export has: %w", err)
	}
	orphans, err := s.db.ExecContext(ctx, `UPDATE messages SET root = '' WHERE root <> '' AND NOT EXISTS (SELECT 1 FROM messages r WHERE r.room = messages.room AND r.key = messages.root)`)
	if err != nil {
		return fmt.Errorf("look at the threads of the export: %w", err)
	}
	if n, err := orphans.RowsAffected(); err == nil && n > 0 {
		s.Skipped["threads' roots that the export lacks: their answers are ordinary messages"] += int(n)
	}
	if err := s.flatten(ctx); err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `UPDATE messages SET at = r.at FROM messages r WHERE messages.root <> '' AND r.room = messages.room AND r.key = messages.root AND messages.at < r.at`)
	if err == nil {
		_, err = s.db.ExecContext(ctx, `CREATE INDEX messages_by_time ON messages (room, at, n)`)
	}
	if err != nil {
		return fmt.Errorf("look at the threads of the export: %w", err)
	}
	return nil
}

// flatten moves answers to answers to the root of their thread.
func (s *Spool) flatten(ctx context.Context) error {
	type answer struct{ room, key, root string }
	var nested []answer
	rows, err := s.db.QueryContext(ctx, `SELECT m.room, m.key, m.root FROM messages m JOIN messages r ON r.room = m.room AND r.key = m.root WHERE m.root <> '' AND r.root <> ''`)
	if err != nil {
		return fmt.Errorf("look at the threads of the export: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a answer
		if err := rows.Scan(&a.room, &a.key, &a.root); err != nil {
			return err
		}
		nested = append(nested, a)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, a := range nested {
		root := a.root
		for hops := 0; ; hops++ {
			var next string
			if err := s.db.QueryRowContext(ctx, `SELECT root FROM messages WHERE room = ? AND key = ?`, a.room, root).Scan(&next); err != nil {
				return err
			}
			if next == "" {
				break
			}
			if hops == maxChain || next == a.key || next == root {
				return fmt.Errorf("message %s of room %s is, through others, an answer to itself: the export is damaged; get it again", a.key, s.nameOf(a.room))
			}
			root = next
		}
		if _, err := s.db.ExecContext(ctx, `UPDATE messages SET root = ? WHERE room = ? AND key = ?`, root, a.room, a.key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spool) nameOf(room string) string {
	if r := s.Room(room); r != nil && r.Name != "" {
		return r.Name
	}
	return room
}
