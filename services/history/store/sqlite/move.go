package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/services/history/store"
)

const (
	// moveRows and moveBytes are how much one transaction of step 8 moves.
	moveRows  = 2000
	moveBytes = 8 << 20
	// moveTells is how often the step tells the log how far it has got.
	moveTells = 10 * time.Second
)

// formerIndexes are those of version 6. To move entries takes none of them.
var formerIndexes = []string{"entries_id", "entries_message", "entries_slot", "entries_about", "entries_seq", "messages", "entries_sender", "acts"}

// move is step 8: it moves what version 6 has into the tables of step 7, some at a time. What was
// moved is not there any more, so that the step goes on where it was killed, and what it frees is
// used for what it adds.
func move(ctx context.Context, db *sql.DB, log *zap.Logger) error {
	m := mover{db: db, log: log, rooms: numbers{table: "rooms"}, users: numbers{table: "users"}, tops: make(tops), began: time.Now()}
	m.told = m.began
	for _, table := range []string{"entries_6", "reads_6"} {
		there, _, err := one[int64](ctx, db, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?`, table)
		if err != nil {
			return err
		}
		if there == 0 {
			continue
		}
		n, _, err := one[int64](ctx, db, `SELECT count(*) FROM `+table)
		if err != nil {
			return err
		}
		m.total += n
		if table == "entries_6" {
			for _, index := range formerIndexes {
				if _, err := db.ExecContext(ctx, `DROP INDEX IF EXISTS `+index); err != nil {
					return err
				}
			}
		}
		if m.total >= moveRows {
			log.Info("migrating the store's records to this release; the service is ready when that is done, and continues here after a restart", zap.Int64("records", m.total))
		}
		some := m.entries
		if table == "reads_6" {
			some = m.reads
		}
		for more := true; more; {
			if more, err = m.batch(ctx, some); err != nil {
				return err
			}
		}
		if _, err := db.ExecContext(ctx, `DROP TABLE `+table); err != nil {
			return err
		}
	}
	return nil
}

// mover moves what version 6 has.
type mover struct {
	db           *sql.DB
	log          *zap.Logger
	rooms, users numbers
	tops         tops

	total, moved int64
	began, told  time.Time
}

// batch moves some in one transaction, and reports whether there may be more.
func (m *mover) batch(ctx context.Context, some func(context.Context, *writer) (int, error)) (bool, error) {
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	w := newWriter(tx, &m.rooms, &m.users, m.tops, tx.PrepareContext)
	moved, err := some(ctx, w)
	if err != nil {
		return false, errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return false, err
	}
	w.committed()
	m.moved += int64(moved)
	if time.Since(m.told) >= moveTells {
		m.told = time.Now()
		m.log.Info("migrating the store's records", zap.Int64("moved", m.moved), zap.Int64("of", m.total), zap.Duration("took", time.Since(m.began)))
	}
	return moved > 0, nil
}

// entries moves the first entries that there are.
func (m *mover) entries(ctx context.Context, w *writer) (int, error) {
	batch, key, err := former(ctx, w)
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	all := context.WithoutCancel(ctx)
	for _, e := range batch {
		if _, err := w.add(all, e, new(store.Outcome)); err != nil {
			return 0, fmt.Errorf("entry %d of room %s: %w", e.Seq, e.Room, err)
		}
		if err := w.do(all, e); err != nil {
			return 0, fmt.Errorf("entry %d of room %s: %w", e.Seq, e.Room, err)
		}
	}
	_, err = w.exec(ctx, `DELETE FROM entries_6 WHERE key <= ?`, key)
	return len(batch), err
}

// former returns the first entries that version 6 has, in order, and the key of the last of them.
func former(ctx context.Context, w *writer) (batch []store.Entry, key string, err error) {
	rows, err := w.QueryContext(ctx, `SELECT key, room, seq, sender, id, type, target, author, slot, past, data FROM entries_6 ORDER BY key LIMIT ?`, moveRows)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	for size := 0; size < moveBytes && rows.Next(); {
		var e store.Entry
		var seq int64
		if err := rows.Scan(&key, &e.Room, &seq, &e.Sender, &e.ID, &e.Type, &e.Target, &e.Author, &e.Slot, &e.Past, &e.Data); err != nil {
			return nil, "", err
		}
		e.Seq = uint64(seq)
		size += len(e.Data)
		batch = append(batch, e)
	}
	return batch, key, rows.Err()
}

// reads moves some read positions.
func (m *mover) reads(ctx context.Context, w *writer) (int, error) {
	type read struct {
		user, room string
		seq        int64
	}
	some := func() (all []read, err error) {
		rows, err := w.QueryContext(ctx, `SELECT user, room, seq FROM reads_6 ORDER BY user, room LIMIT ?`, moveRows)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var r read
			if err := rows.Scan(&r.user, &r.room, &r.seq); err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		return all, rows.Err()
	}
	all, err := some()
	if err != nil {
		return 0, err
	}
	for _, r := range all {
		n, err := w.number(ctx, store.Entry{Room: r.room, Sender: r.user})
		if err != nil {
			return 0, err
		}
		if _, err := w.exec(ctx, `INSERT INTO reads (user, room, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, n.sender, n.room, r.seq); err != nil {
			return 0, err
		}
		if _, err := w.exec(ctx, `DELETE FROM reads_6 WHERE user = ? AND room = ?`, r.user, r.room); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}
