package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"hubbub.internal/services/history/store"
)

const jobColumns = `SELECT id, room, user, after, actor, name, created, pass, at_room, at_id, done, lease FROM jobs `

func (s *jobStore) list(ctx context.Context, what, query string, args ...any) ([]store.Job, error) {
	rows, err := s.Read.QueryContext(ctx, jobColumns+query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	var all []store.Job
	for rows.Next() {
		var j store.Job
		if err := rows.Scan(&j.ID, &j.Room, &j.User, &j.After, &j.Actor, &j.Name, &j.Created, &j.Pass, &j.AtRoom, &j.AtID, &j.Done, &j.Lease); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, j)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

func (s *file) changed(ctx context.Context, what, query string, args ...any) (int, error) {
	r, err := s.Write.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	n, err := r.RowsAffected()
	return int(n), err
}

// PutJob implements store.Jobs.
func (s *jobStore) PutJob(ctx context.Context, j store.Job) error {
	_, err := s.changed(ctx, "put job",
		`INSERT INTO jobs (id, room, user, after, actor, name, created, pass, at_room, at_id, done, lease) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`,
		j.ID, j.Room, j.User, j.After, j.Actor, j.Name, j.Created, j.Pass, j.AtRoom, j.AtID, j.Done, j.Lease)
	return err
}

// OpenJobs implements store.Jobs.
func (s *jobStore) OpenJobs(ctx context.Context, limit int) ([]store.Job, error) {
	return s.list(ctx, "open jobs", `WHERE done = 0 ORDER BY created, id LIMIT ?`, limit)
}

// JobsSince implements store.Jobs.
func (s *jobStore) JobsSince(ctx context.Context, created int64) ([]store.Job, error) {
	return s.list(ctx, "jobs", `WHERE created >= ? ORDER BY created, id`, created)
}

// ClaimJob implements store.Jobs.
func (s *jobStore) ClaimJob(ctx context.Context, id string, now, until int64) (store.Job, bool, error) {
	n, err := s.changed(ctx, "claim job", `UPDATE jobs SET lease = ? WHERE id = ? AND lease < ? AND done = 0`, until, id, now)
	if err != nil || n == 0 {
		return store.Job{}, false, err
	}
	all, err := s.list(ctx, "claimed job", `WHERE id = ?`, id)
	if err != nil || len(all) == 0 {
		return store.Job{}, false, err
	}
	return all[0], true, nil
}

// SaveJob implements store.Jobs.
func (s *jobStore) SaveJob(ctx context.Context, j store.Job) error {
	_, err := s.changed(ctx, "save job", `UPDATE jobs SET pass = ?, at_room = ?, at_id = ?, done = ?, lease = ? WHERE id = ?`,
		j.Pass, j.AtRoom, j.AtID, j.Done, j.Lease, j.ID)
	return err
}

const nextRoom = `SELECT id FROM rooms WHERE id > ? AND EXISTS (SELECT 1 FROM entries WHERE room = n) ORDER BY id LIMIT 1`

// NextRoom implements store.Jobs.
func (s *entryStore) NextRoom(ctx context.Context, after string) (string, error) {
	room, _, err := one[string](ctx, s.Read, nextRoom, after)
	if err != nil {
		return "", fmt.Errorf("next room: %w", err)
	}
	return room, nil
}

const messagesOf = bySender + `WHERE sender = ? AND room = ? AND kind <> 1 AND seq < ? ORDER BY seq DESC LIMIT ?`

// MessagesOf implements store.Jobs.
func (s *entryStore) MessagesOf(ctx context.Context, room, sender, before string, limit int) ([]store.Entry, error) {
	n, ok, err := s.find(ctx, room, sender)
	if err != nil || !ok {
		return nil, err
	}
	last := int64(math.MaxInt64)
	if before != "" {
		seq, ok, err := one[int64](ctx, kept{s.file}, seqOf, n.room, packID(before), n.sender)
		if err != nil {
			return nil, fmt.Errorf("messages of a sender: %w", err)
		}
		if ok {
			last = seq
		}
	}
	return s.list(ctx, "messages of a sender", kept{s.file}, messagesOf, n.sender, n.room, last, limit)
}

const (
	removable = `SELECT kind, seq, twin FROM entries WHERE room = ? ORDER BY kind, seq, twin LIMIT ?`
	remove    = `DELETE FROM entries WHERE room = ?1 AND (kind, seq, twin) IN (SELECT kind, seq, twin FROM entries WHERE room = ?1 ORDER BY kind, seq, twin LIMIT ?2)`
)

// RemoveEntries implements store.Jobs: the entries, and what the index has of them.
func (s *entryStore) RemoveEntries(ctx context.Context, room string, limit int) (removed int, err error) {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return 0, err
	}
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		s.roomCache.change(tx, n, loses)
		if err := s.holdStore.putGoingAside(ctx, tx, going, n, limit); err != nil {
			return err
		}
		gone, err := documentsOf(ctx, tx, n, limit)
		if err != nil {
			return err
		}
		if err := s.writer(tx).index(context.WithoutCancel(ctx), gone, &s.vocabulary); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, remove, n, limit)
		if err != nil {
			return err
		}
		count, err := r.RowsAffected()
		removed = int(count)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove entries: %w", err)
	}
	return removed, nil
}

// documentsOf returns the messages among the first entries of a room, without terms.
func documentsOf(ctx context.Context, tx *sql.Tx, room int64, limit int) (all []document, err error) {
	rows, err := tx.QueryContext(ctx, removable, room, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		d, kind := document{room: room}, 0
		if err := rows.Scan(&kind, &d.seq, &d.twin); err != nil {
			return nil, err
		}
		if kind != kindOther {
			all = append(all, d)
		}
	}
	return all, rows.Err()
}

// RemoveReads implements store.Jobs.
func (s *inboxStore) RemoveReads(ctx context.Context, room string) error {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return err
	}
	_, err = s.changed(ctx, "remove read positions", `DELETE FROM reads WHERE room = ?`, n)
	return err
}
