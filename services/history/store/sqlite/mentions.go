package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/history/store"
)

// everybody is the number of who is mentioned by @room; no user has it.
const everybody = 0

// PutUnresolved implements store.Inboxes.
func (s *mentionStore) PutUnresolved(ctx context.Context, all []store.Unresolved) error {
	return s.write(ctx, "note mentions", func(ctx context.Context, tx *sql.Tx, rooms, users *numbering) error {
		put, err := tx.PrepareContext(ctx, `INSERT INTO unresolved (room, sender, id, seq) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`)
		if err != nil {
			return err
		}
		defer put.Close()
		for _, u := range all {
			roomN, senderN, err := both(ctx, rooms, users, u.Room, u.Sender)
			if err != nil {
				return err
			}
			if _, err := put.ExecContext(ctx, roomN, senderN, packID(u.ID), int64(u.Seq)); err != nil {
				return err
			}
		}
		return nil
	})
}

const unresolved = `SELECT rooms.id, users.id, unresolved.id, seq FROM unresolved JOIN rooms ON rooms.n = room JOIN users ON users.n = sender
	ORDER BY room, sender, unresolved.id, seq LIMIT ?`

// Unresolved implements store.Inboxes.
func (s *mentionStore) Unresolved(ctx context.Context, limit int) ([]store.Unresolved, error) {
	rows, err := kept{s.file}.QueryContext(ctx, unresolved, limit)
	if err != nil {
		return nil, fmt.Errorf("mentions to resolve: %w", err)
	}
	defer rows.Close()
	var all []store.Unresolved
	for rows.Next() {
		var u store.Unresolved
		var id any
		var seq int64
		if err := rows.Scan(&u.Room, &u.Sender, &id, &seq); err != nil {
			return nil, fmt.Errorf("mentions to resolve: %w", err)
		}
		u.ID, u.Seq = unpackID(id), uint64(seq)
		all = append(all, u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("mentions to resolve: %w", err)
	}
	return all, nil
}

const anyUnresolved = `SELECT 1 FROM json_each(?) j JOIN rooms ON rooms.id = j.value WHERE EXISTS (SELECT 1 FROM unresolved WHERE room = rooms.n) LIMIT 1`

// IsUnresolved implements store.Inboxes.
func (s *mentionStore) IsUnresolved(ctx context.Context, rooms []string) (bool, error) {
	// Mostly there is nothing at all.
	_, some, err := one[int64](ctx, kept{s.file}, `SELECT 1 FROM unresolved LIMIT 1`)
	if err == nil && some {
		_, some, err = one[int64](ctx, kept{s.file}, anyUnresolved, sqlitedb.List(rooms))
	}
	if err != nil {
		return false, fmt.Errorf("mentions to resolve: %w", err)
	}
	return some, nil
}

// PutMentions implements store.Inboxes.
func (s *mentionStore) PutMentions(ctx context.Context, m store.Mentions, resolved []store.Unresolved) error {
	return s.write(ctx, "put mentions", func(ctx context.Context, tx *sql.Tx, rooms, users *numbering) error {
		roomN, senderN, err := both(ctx, rooms, users, m.Room, m.Sender)
		if err != nil {
			return err
		}
		for _, table := range []string{"mentions", "mentioned"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE room = ? AND seq = ? AND sender = ?`, roomN, int64(m.Seq), senderN); err != nil {
				return err
			}
		}
		put := func(user int64) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO mentions (user, room, seq, sender, answer) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, user, roomN, int64(m.Seq), senderN, m.OnlyInThread)
			return err
		}
		if m.All {
			if err := put(everybody); err != nil {
				return err
			}
		}
		for _, user := range m.Users {
			userN, err := users.number(ctx, user)
			if err == nil {
				err = put(userN)
			}
			if err != nil {
				return err
			}
		}
		if len(m.Visible) > 0 {
			_, err := tx.ExecContext(ctx, `INSERT INTO mentioned (room, seq, sender, shown, names) VALUES (?, ?, ?, ?, ?)`,
				roomN, int64(m.Seq), senderN, sqlitedb.List(m.Visible), sqlitedb.List(m.Names))
			if err != nil {
				return err
			}
		}
		for _, u := range resolved {
			if _, err := tx.ExecContext(ctx, `DELETE FROM unresolved WHERE room = ? AND sender = ? AND id = ? AND seq = ?`, roomN, senderN, packID(u.ID), int64(u.Seq)); err != nil {
				return err
			}
		}
		return nil
	})
}

const (
	mentionsOf = `SELECT m.user, u.id FROM mentions m LEFT JOIN users u ON u.n = m.user WHERE room = ? AND seq = ? AND sender = ? ORDER BY m.user`
	shownOf    = `SELECT m.seq, u.id, m.shown, m.names FROM mentioned m JOIN users u ON u.n = m.sender WHERE m.room = ? AND m.seq BETWEEN ? AND ? ORDER BY m.seq, m.sender`
)

// MentionsOf implements store.Inboxes.
func (s *mentionStore) MentionsOf(ctx context.Context, room string, seq uint64, sender string) (store.Mentions, error) {
	m := store.Mentions{Room: room, Seq: seq, Sender: sender}
	shown, err := s.ShownMentions(ctx, room, seq, seq)
	if err != nil {
		return m, err
	}
	for _, one := range shown {
		if one.Sender == sender {
			m.Visible, m.Names = one.Visible, one.Names
		}
	}
	n, ok, err := s.find(ctx, room, sender)
	if err != nil || !ok {
		return m, err
	}
	rows, err := kept{s.file}.QueryContext(ctx, mentionsOf, n.room, int64(seq), n.sender)
	if err != nil {
		return m, fmt.Errorf("who is mentioned: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var user int64
		var id sql.NullString
		if err := rows.Scan(&user, &id); err != nil {
			return m, fmt.Errorf("who is mentioned: %w", err)
		}
		if user == everybody {
			m.All = true
		} else {
			m.Users = append(m.Users, id.String)
		}
	}
	if err := rows.Err(); err != nil {
		return m, fmt.Errorf("who is mentioned: %w", err)
	}
	return m, nil
}

// ShownMentions implements store.Inboxes.
func (s *mentionStore) ShownMentions(ctx context.Context, room string, first, last uint64) ([]store.Mentions, error) {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return nil, err
	}
	rows, err := kept{s.file}.QueryContext(ctx, shownOf, n, int64(first), int64(last))
	if err != nil {
		return nil, fmt.Errorf("mentions of a page: %w", err)
	}
	defer rows.Close()
	var all []store.Mentions
	for rows.Next() {
		m := store.Mentions{Room: room}
		var seq int64
		var shown, names []byte
		if err := rows.Scan(&seq, &m.Sender, &shown, &names); err != nil {
			return nil, fmt.Errorf("mentions of a page: %w", err)
		}
		if err := errors.Join(json.Unmarshal(shown, &m.Visible), json.Unmarshal(names, &m.Names)); err != nil {
			return nil, fmt.Errorf("mentions of a page: %w", err)
		}
		m.Seq = uint64(seq)
		all = append(all, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("mentions of a page: %w", err)
	}
	return all, nil
}

// nextMention merges the mentions of a user and of everybody, each of which is in order.
const nextMention = `SELECT min(seq) FROM mentions WHERE user IN (0, ?1) AND room = ?2 AND seq > ?3 AND sender <> ?1
	AND sender NOT IN (SELECT n FROM users WHERE id IN (SELECT value FROM json_each(?4)))`

// NextMention implements store.Inboxes.
func (s *mentionStore) NextMention(ctx context.Context, user, room string, hidden []string, after uint64) (uint64, error) {
	roomN, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return 0, err
	}
	// Who has no number is mentioned with everybody.
	userN, _, err := s.users.number(ctx, kept{s.file}, user)
	if err != nil {
		return 0, err
	}
	seq, _, err := one[sql.NullInt64](ctx, kept{s.file}, nextMention, userN, roomN, int64(after), sqlitedb.List(hidden))
	if err != nil {
		return 0, fmt.Errorf("next mention: %w", err)
	}
	return uint64(seq.Int64), nil
}

// RemoveMentions implements store.Inboxes.
func (s *mentionStore) RemoveMentions(ctx context.Context, room string) error {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return err
	}
	for _, table := range []string{"mentions", "mentioned", "unresolved"} {
		if _, err := s.changed(ctx, "remove mentions", `DELETE FROM `+table+` WHERE room = ?`, n); err != nil {
			return err
		}
	}
	return nil
}
