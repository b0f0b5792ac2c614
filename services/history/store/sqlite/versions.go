package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"hubbub.internal/services/history/store"
)

const (
	messageNamed = byID + `WHERE room = ? AND id = ? AND sender = ? AND kind <> 1`
	edits        = byTarget + `WHERE room = ? AND target <> '' AND target = ? AND author = ? AND past IN (0, 1) AND slot = 'edited' AND owner = 0
	AND sender = ? ORDER BY seq`
	// editsBefore merges the last edit of a message and those that are past: two ranges in order.
	editsBefore = `SELECT * FROM (` + byTarget + `WHERE room = ?1 AND target <> '' AND target = ?2 AND author = ?3 AND past = 0 AND slot = 'edited' AND owner = 0
		AND seq < ?4 ORDER BY seq DESC LIMIT ?5)
	UNION ALL SELECT * FROM (` + byTarget + `WHERE room = ?1 AND target <> '' AND target = ?2 AND author = ?3 AND past = 1 AND slot = 'edited' AND owner = 0
		AND seq < ?4 ORDER BY seq DESC LIMIT ?5) ORDER BY seq DESC LIMIT ?5`
	originalOf   = `SELECT original FROM entries WHERE room = ? AND kind = ? AND seq = ? AND twin = ?`
	keepOriginal = `UPDATE entries SET original = data, data = ? WHERE room = ? AND id = ? AND sender = ? AND data = ?`
	erase        = `UPDATE entries SET data = ?, original = NULL WHERE room = ? AND id = ? AND sender = ?`
)

// asAppended gives a row the data that it had when it was appended, where KeepOriginal has kept it.
func asAppended(ctx context.Context, db querier, r *row) error {
	if r.number == kindOther {
		return nil
	}
	original, ok, err := one[[]byte](ctx, db, originalOf, r.room, r.number, r.seq, r.twin)
	if ok && original != nil {
		r.data = original
	}
	return err
}

// appended returns the entries that a query for columns finds, as they were appended.
func (s *file) appended(ctx context.Context, db querier, query string, args ...any) ([]store.Entry, error) {
	found, err := rows(ctx, db, query, args...)
	if err != nil {
		return nil, err
	}
	entries := make([]store.Entry, len(found))
	for i := range found {
		if err := asAppended(ctx, db, &found[i]); err != nil {
			return nil, err
		}
		if entries[i], err = s.entry(ctx, db, found[i]); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// KeepOriginal implements store.Store.
func (s *entryStore) KeepOriginal(ctx context.Context, room string, name store.Name, scrub func(store.Entry) ([]byte, error)) error {
	n, ok, err := s.find(ctx, room, name.Sender)
	if err != nil || !ok {
		return err
	}
	message, err := s.list(ctx, "a message that was edited", kept{s.file}, messageNamed, n.room, packID(name.ID), n.sender)
	if err != nil || len(message) == 0 {
		return err
	}
	e := message[0]
	data, err := scrub(e)
	if err != nil {
		return fmt.Errorf("keep the original of a message: %w", err)
	}
	if bytes.Equal(data, e.Data) {
		return nil // it is kept, or an earlier release has erased it
	}
	begins := beginning(nil, e.Type, e.Room, e.ID, e.Sender)
	// A deletion may have erased it meanwhile.
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		s.roomCache.change(tx, n.room, alters)
		_, err := tx.ExecContext(ctx, keepOriginal, pack(data, begins), n.room, packID(e.ID), n.sender, pack(e.Data, begins))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the original of a message: %w", err)
	}
	return nil
}

// Versions implements store.Store.
func (s *entryStore) Versions(ctx context.Context, room string, name store.Name, before uint64, limit int) ([]store.Entry, error) {
	n, ok, err := s.find(ctx, room, name.Sender)
	if err != nil || !ok {
		return nil, err
	}
	all, err := s.list(ctx, "edits of a message", kept{s.file}, editsBefore, n.room, packID(name.ID), n.sender, int64(before), limit)
	if err != nil || len(all) >= limit {
		return all, err
	}
	message, err := s.appended(ctx, kept{s.file}, messageNamed+` AND seq < ?`, n.room, packID(name.ID), n.sender, int64(before))
	if err != nil {
		return nil, fmt.Errorf("the original of a message: %w", err)
	}
	return append(all, message...), nil
}

// Erase implements store.Store.
func (s *entryStore) Erase(ctx context.Context, room string, name store.Name, scrub func(store.Entry) ([]byte, error)) ([]uint64, error) {
	n, ok, err := s.find(ctx, room, name.Sender)
	if err != nil || !ok {
		return nil, err
	}
	var seqs []uint64
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		seqs = nil
		message, err := s.appended(ctx, tx, messageNamed, n.room, packID(name.ID), n.sender)
		if err != nil {
			return err
		}
		edits, err := s.list(ctx, "edits", tx, edits, n.room, packID(name.ID), n.sender, n.sender)
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
			s.roomCache.change(tx, n.room, alters)
			data = pack(data, beginning(nil, e.Type, e.Room, e.ID, e.Sender))
			if _, err := tx.ExecContext(ctx, erase, data, n.room, packID(e.ID), n.sender); err != nil {
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
