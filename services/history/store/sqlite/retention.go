package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"hubbub.internal/services/history/store"
)

const (
	removableThrough = `SELECT * FROM (SELECT kind, seq, twin, sender, id FROM entries WHERE room = ?1 AND kind = 0 AND seq <= ?2 ORDER BY seq, twin LIMIT ?3)
		UNION ALL SELECT * FROM (SELECT kind, seq, twin, sender, id FROM entries WHERE room = ?1 AND kind = 1 AND seq <= ?2 ORDER BY seq, twin LIMIT ?3)
		UNION ALL SELECT * FROM (SELECT kind, seq, twin, sender, id FROM entries WHERE room = ?1 AND kind = 2 AND seq <= ?2 ORDER BY seq, twin LIMIT ?3)
		ORDER BY seq, twin LIMIT ?3`
	removeEntry      = `DELETE FROM entries WHERE room = ? AND kind = ? AND seq = ? AND twin = ?`
	removeAbout      = `DELETE FROM entries INDEXED BY entries_by_target WHERE room = ? AND target <> '' AND target = ? AND author = ?`
	removeMentions   = `DELETE FROM mentions INDEXED BY mentions_message WHERE room = ? AND seq = ? AND sender = ?`
	removeMentioned  = `DELETE FROM mentioned WHERE room = ? AND seq = ? AND sender = ?`
	removeUnresolved = `DELETE FROM unresolved WHERE room = ? AND sender = ? AND id = ?`
	removeAnswer     = `DELETE FROM answers INDEXED BY answers_by_seq WHERE room = ? AND seq = ? AND twin = ? RETURNING author, root`
	removeRoot       = `UPDATE threads SET at = 0 WHERE room = ? AND author = ? AND root = ?`
	putRemoved       = `INSERT INTO removed (room, seq, messages, told) VALUES (?1, ?2, ?3, 0) ON CONFLICT (room) DO UPDATE SET seq = max(seq, ?2), messages = messages + ?3`
	removedOf        = `SELECT seq, messages, told FROM removed WHERE room = ?`
	untold           = `SELECT r.id FROM removed d JOIN rooms r ON r.n = d.room WHERE d.told < d.messages AND d.reset = 0 AND r.id > ? ORDER BY r.id LIMIT ?`
	nthNewest        = `SELECT seq FROM entries WHERE room = ? AND kind = 0 ORDER BY seq DESC, twin DESC LIMIT 1 OFFSET ?`
)

var removals = []string{
	removableThrough, removeEntry, removeAbout, removeMentions, removeMentioned, removeUnresolved, removeAnswer, removeRoot, putRemoved,
}

// RemoveThrough implements store.Removals, in one transaction.
func (s *retentionStore) RemoveThrough(ctx context.Context, room string, through uint64, limit int) (found int, err error) {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return 0, err
	}
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		s.roomCache.change(tx, n, loses)
		w := s.entryStore.writer(tx)
		all := context.WithoutCancel(ctx) // as in Append
		if err := s.holdStore.putGoingAside(all, tx, goingThrough, n, int64(through), limit); err != nil {
			return err
		}
		gone, err := w.removable(all, n, int64(through), limit)
		if err != nil {
			return err
		}
		found = len(gone)
		var documents []document
		for _, r := range gone {
			if r.number != kindOther {
				documents = append(documents, document{room: n, seq: r.seq, twin: r.twin})
				if err := w.removeMessage(all, r); err != nil {
					return err
				}
			}
			if _, err := w.exec(all, removeEntry, n, r.number, r.seq, r.twin); err != nil {
				return err
			}
		}
		if err := w.recount(all); err != nil {
			return err
		}
		if err := w.index(all, documents, &s.vocabulary); err != nil {
			return err
		}
		_, err = w.exec(all, putRemoved, n, int64(through), len(documents))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove the beginning of a room: %w", err)
	}
	return found, nil
}

// removable returns the first entries of a room through a Seq: their places, senders and ids.
func (w *writer) removable(ctx context.Context, room, through int64, limit int) (all []row, err error) {
	rows, err := w.QueryContext(ctx, removableThrough, room, through, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r := row{room: room}
		if err := rows.Scan(&r.number, &r.seq, &r.twin, &r.sender, &r.id); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// removeMessage removes what there is about a message.
func (w *writer) removeMessage(ctx context.Context, r row) error {
	for _, one := range []struct {
		text string
		args []any
	}{
		{removeAbout, []any{r.room, r.id, r.sender}},
		{removeMentions, []any{r.room, r.seq, r.sender}},
		{removeMentioned, []any{r.room, r.seq, r.sender}},
		{removeUnresolved, []any{r.room, r.sender, r.id}},
		{removeRoot, []any{r.room, r.sender, r.id}},
	} {
		if _, err := w.exec(ctx, one.text, one.args...); err != nil {
			return err
		}
	}
	author, root, ok, err := oneRoot(ctx, w, removeAnswer, r.room, r.seq, r.twin)
	if err == nil && ok {
		w.touch(thread{r.room, author, unpackID(root)}, 0)
	}
	return err
}

// Removed implements store.Removals.
func (s *retentionStore) Removed(ctx context.Context, room string) (r store.Removed, err error) {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return r, err
	}
	rows, err := kept{s.file}.QueryContext(ctx, removedOf, n)
	if err != nil {
		return r, fmt.Errorf("how far a room is removed: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		var seq int64
		if err := rows.Scan(&seq, &r.Messages, &r.Told); err != nil {
			return r, fmt.Errorf("how far a room is removed: %w", err)
		}
		r.Through = uint64(seq)
	}
	return r, rows.Err()
}

// PutTold implements store.Removals.
func (s *retentionStore) PutTold(ctx context.Context, room string, told int64) error {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return err
	}
	_, err = s.changed(ctx, "note what was told", `UPDATE removed SET told = ? WHERE room = ?`, told, n)
	return err
}

// Untold implements store.Removals.
func (s *retentionStore) Untold(ctx context.Context, after string, limit int) (rooms []string, err error) {
	rows, err := kept{s.file}.QueryContext(ctx, untold, after, limit)
	if err != nil {
		return nil, fmt.Errorf("rooms whose removals are not told: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var room string
		if err := rows.Scan(&room); err != nil {
			return nil, fmt.Errorf("rooms whose removals are not told: %w", err)
		}
		rooms = append(rooms, room)
	}
	return rooms, rows.Err()
}

// PutReset implements store.Removals.
func (s *retentionStore) PutReset(ctx context.Context, room string, seq uint64) error {
	return s.write(ctx, "note a reset", func(ctx context.Context, tx *sql.Tx, rooms, _ *numbering) error {
		n, err := rooms.number(ctx, room)
		if err != nil {
			return err
		}
		s.roomCache.change(tx, n, alters)
		_, err = tx.ExecContext(ctx, `INSERT INTO removed (room, seq, messages, told, reset) VALUES (?1, ?2 - 1, 0, 0, ?2)
			ON CONFLICT (room) DO UPDATE SET seq = max(seq, ?2 - 1), reset = max(reset, ?2)`, n, int64(seq))
		return err
	})
}

const resets = `SELECT rooms.id, reset FROM removed INDEXED BY removed_reset JOIN rooms ON rooms.n = room WHERE reset > 0 ORDER BY room LIMIT ?`

// Resets implements store.Removals.
func (s *retentionStore) Resets(ctx context.Context, limit int) (map[string]uint64, error) {
	rows, err := kept{s.file}.QueryContext(ctx, resets, limit)
	if err != nil {
		return nil, fmt.Errorf("rooms that were reset: %w", err)
	}
	defer rows.Close()
	all := make(map[string]uint64)
	for rows.Next() {
		var room string
		var seq int64
		if err := rows.Scan(&room, &seq); err != nil {
			return nil, fmt.Errorf("rooms that were reset: %w", err)
		}
		all[room] = uint64(seq)
	}
	return all, rows.Err()
}

// EndReset implements store.Removals.
func (s *retentionStore) EndReset(ctx context.Context, room string, seq uint64) error {
	_, err := s.changed(ctx, "end a reset", `UPDATE removed SET reset = 0, told = messages WHERE room = (SELECT n FROM rooms WHERE id = ?) AND reset = ?`, room, int64(seq))
	return err
}

// NthNewest implements store.Removals.
func (s *retentionStore) NthNewest(ctx context.Context, room string, nth int) (uint64, error) {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return 0, err
	}
	seq, _, err := one[int64](ctx, s.Read, nthNewest, n, nth-1)
	if err != nil {
		return 0, fmt.Errorf("the message that many back: %w", err)
	}
	return uint64(seq), nil
}

// ClaimSweep implements store.Removals.
func (s *retentionStore) ClaimSweep(ctx context.Context, now, until int64) (sweep store.Sweep, ok bool, err error) {
	n, err := s.changed(ctx, "claim the round of retention", `UPDATE sweep SET lease = ? WHERE n = 1 AND lease < ? AND due <= ?`, until, now, now)
	if err != nil || n == 0 {
		return sweep, false, err
	}
	err = s.Read.QueryRowContext(ctx, `SELECT room, due, round FROM sweep WHERE n = 1`).Scan(&sweep.Room, &sweep.Due, &sweep.Round)
	if err != nil {
		return sweep, false, fmt.Errorf("the round of retention: %w", err)
	}
	return sweep, true, nil
}

// SaveSweep implements store.Removals.
func (s *retentionStore) SaveSweep(ctx context.Context, sweep store.Sweep) error {
	_, err := s.changed(ctx, "save the round of retention", `UPDATE sweep SET lease = 0,
		room = CASE WHEN round = ?3 THEN ?1 ELSE room END, due = CASE WHEN round = ?3 THEN ?2 ELSE due END WHERE n = 1`, sweep.Room, sweep.Due, sweep.Round)
	return err
}

// HurrySweep implements store.Removals.
func (s *retentionStore) HurrySweep(ctx context.Context) error {
	_, err := s.changed(ctx, "hurry the round of retention", `UPDATE sweep SET room = '', due = 0, round = round + 1 WHERE n = 1`)
	return err
}
