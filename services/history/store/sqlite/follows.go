package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/history/store"
)

const (
	beginFollow = `INSERT INTO follows (user, room, author, root, following, read, touched) VALUES (?, ?, ?, ?, 1, ?, ?)
		ON CONFLICT (user, room, author, root) DO UPDATE SET read = max(read, excluded.read), touched = max(touched, excluded.touched)`
	putFollow = `INSERT INTO follows (user, room, author, root, following, read, touched) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (user, room, author, root) DO UPDATE SET following = excluded.following, read = max(read, excluded.read), touched = max(touched, excluded.touched)`
	readThread  = `UPDATE follows SET read = ?5, touched = max(touched, ?6) WHERE user = ?1 AND room = ?2 AND author = ?3 AND root = ?4 AND following = 1 AND read < ?5`
	readThreads = `UPDATE follows SET read = t.last FROM threads t
		WHERE follows.user = ? AND follows.following = 1 AND t.room = follows.room AND t.author = follows.author AND t.root = follows.root AND follows.read < t.last`
	followOf  = `SELECT following, read, touched FROM follows WHERE user = ? AND room = ? AND author = ? AND root = ?`
	followsOf = `SELECT rooms.id, users.id, f.root, f.following, f.read, f.touched FROM (
		SELECT * FROM (SELECT * FROM follows INDEXED BY follows_touched WHERE user = ?1 AND following = 1 ORDER BY touched DESC LIMIT ?2)
		UNION ALL SELECT * FROM (SELECT * FROM follows WHERE user = ?1 AND following = 0 LIMIT ?2)) f
		JOIN rooms ON rooms.n = f.room JOIN users ON users.n = f.author ORDER BY f.touched DESC`
	followed = `SELECT rooms.id, users.id, f.root, f.read, f.touched, t.at, t.count, t.more, t.users, t.last, t.ts, t.through
		FROM (SELECT * FROM follows INDEXED BY follows_touched WHERE user = ? AND following = 1 ORDER BY touched DESC LIMIT ?) f
		CROSS JOIN threads t ON t.room = f.room AND t.author = f.author AND t.root = f.root
		JOIN rooms ON rooms.n = f.room JOIN users ON users.n = f.author`
	nextFollower = `SELECT id FROM users WHERE id > ? AND EXISTS (SELECT 1 FROM follows WHERE user = users.n) ORDER BY id LIMIT 1`
	lostFollows  = `SELECT rooms.id, users.id, f.root, f.following, f.read, f.touched FROM follows f
		JOIN rooms ON rooms.n = f.room JOIN users ON users.n = f.author
		WHERE f.user = ?1 AND f.touched < ?2
		AND NOT EXISTS (SELECT 1 FROM threads t WHERE t.room = f.room AND t.author = f.author AND t.root = f.root)
		AND NOT EXISTS (SELECT 1 FROM entries AS e INDEXED BY entries_by_id WHERE e.room = f.room AND e.id = f.root AND e.sender = f.author AND e.kind <> 1)
		LIMIT ?3`
	dropFollow    = `DELETE FROM follows WHERE user = ? AND room = ? AND author = ? AND root = ? AND touched = ?`
	unreadAnswers = `SELECT count(*), coalesce(min(seq), 0) FROM (SELECT seq FROM (
		SELECT seq, sender FROM answers WHERE room = ?1 AND author = ?2 AND root = ?3 AND seq > ?4 AND gone = 0 ORDER BY seq LIMIT ?5)
		WHERE sender <> ?6 AND sender NOT IN (SELECT n FROM users WHERE id IN (SELECT value FROM json_each(?7))) LIMIT ?8)`
)

// BeginFollows implements store.Follows.
func (s *followStore) BeginFollows(ctx context.Context, all []store.Follow) error {
	if len(all) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, "begin to follow threads", func(ctx context.Context, tx *sql.Tx, rooms, users *numbering) error {
		for _, f := range all {
			user, room, author, err := followNumbers(ctx, rooms, users, f)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, beginFollow, user, room, author, packID(f.ID), int64(f.Read), f.Touched); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutFollow implements store.Follows.
func (s *followStore) PutFollow(ctx context.Context, f store.Follow) error {
	return s.write(ctx, "follow a thread", func(ctx context.Context, tx *sql.Tx, rooms, users *numbering) error {
		user, room, author, err := followNumbers(ctx, rooms, users, f)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, putFollow, user, room, author, packID(f.ID), f.Following, int64(f.Read), f.Touched)
		return err
	})
}

func followNumbers(ctx context.Context, rooms, users *numbering, f store.Follow) (user, room, author int64, err error) {
	if room, user, err = both(ctx, rooms, users, f.Room, f.User); err == nil {
		author, err = users.number(ctx, f.Author)
	}
	return user, room, author, err
}

// followed are the numbers of a user and of what names a thread; false: one has none.
func (s *followStore) followed(ctx context.Context, user, room string, root store.Name) (n numbered, ok bool, err error) {
	if n, ok, err = s.find(ctx, room, user); err != nil || !ok {
		return n, false, err
	}
	n.author, ok, err = s.users.number(ctx, kept{s.file}, root.Sender)
	return n, ok, err
}

// ReadThread implements store.Follows.
func (s *followStore) ReadThread(ctx context.Context, user, room string, root store.Name, seq uint64, touched int64) (bool, error) {
	n, ok, err := s.followed(ctx, user, room, root)
	if err != nil || !ok {
		return false, err
	}
	moved, err := s.changed(ctx, "read a thread", readThread, n.sender, n.room, n.author, packID(root.ID), int64(seq), touched)
	return moved > 0, err
}

// ReadThreads implements store.Follows.
func (s *followStore) ReadThreads(ctx context.Context, user string) error {
	n, ok, err := s.users.number(ctx, kept{s.file}, user)
	if err != nil || !ok {
		return err
	}
	_, err = s.changed(ctx, "read all threads", readThreads, n)
	return err
}

// FollowOf implements store.Follows.
func (s *followStore) FollowOf(ctx context.Context, user, room string, root store.Name) (store.Follow, bool, error) {
	f := store.Follow{User: user, Room: room, Author: root.Sender, ID: root.ID}
	n, ok, err := s.followed(ctx, user, room, root)
	if err != nil || !ok {
		return f, false, err
	}
	var read int64
	err = s.Read.QueryRowContext(ctx, followOf, n.sender, n.room, n.author, packID(root.ID)).Scan(&f.Following, &read, &f.Touched)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("whether a thread is followed: %w", err)
	}
	f.Read = uint64(read)
	return f, true, nil
}

// Follows implements store.Follows.
func (s *followStore) Follows(ctx context.Context, user string, limit int) ([]store.Follow, error) {
	return s.follows(ctx, user, followsOf, limit)
}

func (s *followStore) follows(ctx context.Context, user, query string, args ...any) ([]store.Follow, error) {
	var all []store.Follow
	err := s.ofFollows(ctx, user, query, func(rows *sql.Rows) error {
		f := store.Follow{User: user}
		var root any
		var read int64
		if err := rows.Scan(&f.Room, &f.Author, &root, &f.Following, &read, &f.Touched); err != nil {
			return err
		}
		f.ID, f.Read = unpackID(root), uint64(read)
		all = append(all, f)
		return nil
	}, args...)
	return all, err
}

// Followed implements store.Follows.
func (s *followStore) Followed(ctx context.Context, user string, limit int) ([]store.Followed, error) {
	var all []store.Followed
	err := s.ofFollows(ctx, user, followed, func(rows *sql.Rows) error {
		f := store.Followed{Follow: store.Follow{User: user, Following: true}}
		r := &f.Replies
		var root any
		var read, at, last, through int64
		var users []byte
		if err := rows.Scan(&f.Room, &f.Author, &root, &read, &f.Touched, &at, &r.Count, &r.More, &users, &last, &r.TS, &through); err != nil {
			return err
		}
		f.ID, f.Read = unpackID(root), uint64(read)
		r.Room, r.Author, r.ID, r.At, r.Last, r.Through = f.Room, f.Author, f.ID, uint64(at), uint64(last), uint64(through)
		if err := json.Unmarshal(users, &r.Users); err != nil {
			return err
		}
		all = append(all, f)
		return nil
	}, limit)
	return all, err
}

// ofFollows calls scan for each row of a query, whose first argument is the number of a user.
func (s *followStore) ofFollows(ctx context.Context, user, query string, scan func(*sql.Rows) error, args ...any) error {
	n, ok, err := s.users.number(ctx, kept{s.file}, user)
	if err != nil || !ok {
		return err
	}
	rows, err := kept{s.file}.QueryContext(ctx, query, append([]any{n}, args...)...)
	if err != nil {
		return fmt.Errorf("followed threads: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("followed threads: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("followed threads: %w", err)
	}
	return nil
}

// UnreadAnswers implements store.Follows.
func (s *followStore) UnreadAnswers(ctx context.Context, user string, hidden []string, room string, root store.Name, after uint64) (count int, first uint64, err error) {
	n, ok, err := s.find(ctx, room, root.Sender)
	if err != nil || !ok {
		return 0, 0, err
	}
	userN, _, err := s.users.number(ctx, kept{s.file}, user)
	if err != nil {
		return 0, 0, err
	}
	rows, err := kept{s.file}.QueryContext(ctx, unreadAnswers, n.room, n.sender, packID(root.ID), int64(after), unreadScan, userN, sqlitedb.List(hidden), chat.MaxUnread+1)
	if err != nil {
		return 0, 0, fmt.Errorf("unread answers: %w", err)
	}
	defer rows.Close()
	var at int64
	for rows.Next() {
		if err := rows.Scan(&count, &at); err != nil {
			return 0, 0, fmt.Errorf("unread answers: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return 0, 0, fmt.Errorf("unread answers: %w", err)
	}
	return count, uint64(at), nil
}

// RemoveFollows implements store.Follows.
func (s *followStore) RemoveFollows(ctx context.Context, room string) error {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return err
	}
	_, err = s.changed(ctx, "remove followed threads", `DELETE FROM follows WHERE room = ?`, n)
	return err
}

// RemoveFollowsBy implements store.Follows.
func (s *followStore) RemoveFollowsBy(ctx context.Context, user string) error {
	n, ok, err := s.users.number(ctx, kept{s.file}, user)
	if err != nil || !ok {
		return err
	}
	_, err = s.changed(ctx, "remove the threads that a user follows", `DELETE FROM follows WHERE user = ?`, n)
	return err
}

// NextFollower implements store.Follows.
func (s *followStore) NextFollower(ctx context.Context, after string) (string, error) {
	user, _, err := one[string](ctx, s.Read, nextFollower, after)
	if err != nil {
		return "", fmt.Errorf("users who follow threads: %w", err)
	}
	return user, nil
}

// LostFollows implements store.Follows.
func (s *followStore) LostFollows(ctx context.Context, user string, before int64, limit int) ([]store.Follow, error) {
	return s.follows(ctx, user, lostFollows, before, limit)
}

// DropFollows implements store.Follows.
func (s *followStore) DropFollows(ctx context.Context, lost []store.Follow) error {
	for _, f := range lost {
		n, ok, err := s.followed(ctx, f.User, f.Room, f.Root())
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if _, err := s.changed(ctx, "drop followed threads", dropFollow, n.sender, n.room, n.author, packID(f.ID), f.Touched); err != nil {
			return err
		}
	}
	return ctx.Err()
}
