package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/history/store"
)

const (
	// answer are the columns of messages, of those in a thread: by its range of answers.
	answer = `SELECT e.seq, e.sender, e.id, e.gone, e.done, e.data FROM answers a
		CROSS JOIN entries e ON e.room = a.room AND e.kind = a.kind AND e.seq = a.seq AND e.twin = a.twin WHERE a.room = ? AND a.author = ? AND a.root = ? `
	newestAnswers = answer + `AND a.seq < ? ORDER BY a.seq DESC, a.twin DESC LIMIT ?`
	oldestAnswers = answer + `AND a.seq > ? ORDER BY a.seq, a.twin LIMIT ?`
)

// NewestAnswers implements store.Threads.
func (s *threadStore) NewestAnswers(ctx context.Context, room string, root store.Name, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.answers(ctx, "newest answers", room, root, limit, newestAnswers, before)
	slices.Reverse(all)
	return all, err
}

// OldestAnswers implements store.Threads.
func (s *threadStore) OldestAnswers(ctx context.Context, room string, root store.Name, after uint64, limit int) ([]store.Entry, error) {
	return s.answers(ctx, "oldest answers", room, root, limit, oldestAnswers, after)
}

func (s *threadStore) answers(ctx context.Context, what, room string, root store.Name, limit int, query string, seq uint64) ([]store.Entry, error) {
	n, ok, err := s.find(ctx, room, root.Sender)
	if err != nil || !ok {
		return nil, err
	}
	return s.messages(ctx, what, room, limit, query, n.room, n.sender, packID(root.ID), int64(seq))
}

const rootOf = `SELECT a.author, a.root FROM entries e INDEXED BY entries_by_id
	CROSS JOIN answers a INDEXED BY answers_by_seq ON a.room = e.room AND a.seq = e.seq AND a.twin = e.twin WHERE e.room = ? AND e.id = ? AND e.sender = ? AND e.kind <> 1`

// RootsOf implements store.Threads.
func (s *threadStore) RootsOf(ctx context.Context, room string, names []store.Name) (map[store.Name]store.Name, error) {
	roots := make(map[store.Name]store.Name)
	for _, name := range names {
		n, ok, err := s.find(ctx, room, name.Sender)
		if err != nil {
			return nil, fmt.Errorf("threads of messages: %w", err)
		}
		if !ok {
			continue
		}
		author, root, ok, err := oneRoot(ctx, kept{s.file}, rootOf, n.room, packID(name.ID), n.sender)
		if err != nil {
			return nil, fmt.Errorf("threads of messages: %w", err)
		}
		if !ok {
			continue
		}
		sender, err := s.users.id(ctx, kept{s.file}, author)
		if err != nil {
			return nil, fmt.Errorf("threads of messages: %w", err)
		}
		roots[name] = store.Name{Sender: sender, ID: unpackID(root)}
	}
	return roots, nil
}

// oneRoot returns the root that a query finds; false: it finds none.
func oneRoot(ctx context.Context, db querier, query string, args ...any) (author int64, root any, ok bool, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, nil, false, err
	}
	defer rows.Close()
	if ok = rows.Next(); ok {
		err = rows.Scan(&author, &root)
	}
	return author, root, ok, errors.Join(err, rows.Err())
}

const (
	replies        = `SELECT u.id, t.root, t.at, t.count, t.more, t.users, t.last, t.ts, t.through FROM threads t `
	repliesBetween = replies + `INDEXED BY threads_at JOIN users u ON u.n = t.author WHERE t.room = ? AND t.at BETWEEN ? AND ? ORDER BY t.at`
	threadsBefore  = replies + `INDEXED BY threads_last JOIN users u ON u.n = t.author WHERE t.room = ? AND t.last < ? ORDER BY t.last DESC LIMIT ?`
)

// RepliesBetween implements store.Threads.
func (s *threadStore) RepliesBetween(ctx context.Context, room string, first, last uint64) ([]store.Replies, error) {
	return s.replies(ctx, room, repliesBetween, int64(first), int64(last))
}

// Threads implements store.Threads.
func (s *threadStore) Threads(ctx context.Context, room string, before uint64, limit int) ([]store.Replies, error) {
	return s.replies(ctx, room, threadsBefore, int64(before), limit)
}

func (s *threadStore) replies(ctx context.Context, room, query string, args ...any) ([]store.Replies, error) {
	all, err := s.repliesIn(ctx, room, query, args...)
	if err != nil {
		return nil, fmt.Errorf("threads of a room: %w", err)
	}
	return all, nil
}

func (s *threadStore) repliesIn(ctx context.Context, room, query string, args ...any) ([]store.Replies, error) {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return nil, err
	}
	rows, err := kept{s.file}.QueryContext(ctx, query, append([]any{n}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []store.Replies
	for rows.Next() {
		r := store.Replies{Room: room}
		var root any
		var at, last, through int64
		var users string
		if err := rows.Scan(&r.Author, &root, &at, &r.Count, &r.More, &users, &last, &r.TS, &through); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(users), &r.Users); err != nil {
			return nil, err
		}
		r.ID, r.At, r.Last, r.Through = unpackID(root), uint64(at), uint64(last), uint64(through)
		all = append(all, r)
	}
	return all, rows.Err()
}

// RemoveThreads implements store.Threads.
func (s *threadStore) RemoveThreads(ctx context.Context, room string) error {
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return err
	}
	for _, table := range []string{"answers", "threads"} {
		if _, err := s.changed(ctx, "remove threads", `DELETE FROM `+table+` WHERE room = ?`, n); err != nil {
			return err
		}
	}
	return nil
}

// The statements of a writer about threads.
const (
	insertAnswer = `INSERT INTO answers (room, author, root, seq, twin, kind, sender, gone) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	loseAnswer   = `UPDATE answers INDEXED BY answers_by_seq SET gone = 1 WHERE room = ? AND seq = ? AND twin = ? RETURNING author, root`
	countAnswers = `SELECT count(*) FROM (SELECT 1 FROM answers WHERE room = ? AND author = ? AND root = ? AND gone = 0 LIMIT ?)`
	lastAnswers  = `SELECT seq, twin, kind, sender FROM answers WHERE room = ? AND author = ? AND root = ? AND gone = 0 ORDER BY seq DESC, twin DESC LIMIT ?`
	dataAt       = `SELECT data FROM entries WHERE room = ? AND kind = ? AND seq = ? AND twin = ?`
	messageAt    = `SELECT seq FROM entries INDEXED BY entries_by_id WHERE room = ? AND id = ? AND sender = ? AND kind <> 1`
	putReplies   = `INSERT INTO threads (room, author, root, at, count, more, users, last, ts, through) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (room, author, root) DO UPDATE SET at = excluded.at, count = excluded.count, more = excluded.more, users = excluded.users,
		last = excluded.last, ts = excluded.ts, through = max(through, excluded.through)`
	dropReplies = `DELETE FROM threads WHERE room = ? AND author = ? AND root = ?`
)

var threadWrites = []string{insertAnswer, loseAnswer, countAnswers, lastAnswers, dataAt, messageAt, putReplies, dropReplies}

// thread names a thread by numbers.
type thread struct {
	room, author int64
	root         string // id
}

// answers notes that an entry that was just inserted is an answer in a thread.
func (w *writer) answers(ctx context.Context, e store.Entry, n numbered, kind int, twin int64, gone bool) error {
	author, err := w.users.number(ctx, e.Thread.Sender)
	if err != nil {
		return err
	}
	if _, err := w.exec(ctx, insertAnswer, n.room, author, packID(e.Thread.ID), int64(e.Seq), twin, kind, n.sender, gone); err != nil {
		return err
	}
	w.touch(thread{n.room, author, e.Thread.ID}, e.Seq)
	return nil
}

// lose notes that a message was deleted, by the entry at a Seq, if it is an answer.
func (w *writer) lose(ctx context.Context, room, seq, twin int64, by uint64) error {
	author, root, ok, err := oneRoot(ctx, w, loseAnswer, room, seq, twin)
	if err == nil && ok {
		w.touch(thread{room, author, unpackID(root)}, by)
	}
	return err
}

func (w *writer) touch(t thread, seq uint64) {
	if w.touched == nil {
		w.touched = make(map[thread]uint64)
	}
	w.touched[t] = max(w.touched[t], seq)
}

// recount makes anew what is known of the threads that were touched.
func (w *writer) recount(ctx context.Context) error {
	for t, through := range w.touched {
		if err := w.recountOne(ctx, t, through); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) recountOne(ctx context.Context, t thread, through uint64) error {
	root := packID(t.root)
	count, _, err := one[int](ctx, w, countAnswers, t.room, t.author, root, chat.MaxReplies+1)
	if err != nil {
		return err
	}
	if count == 0 {
		_, err := w.exec(ctx, dropReplies, t.room, t.author, root)
		return err
	}
	senders, last, err := w.lastAnswers(ctx, t, root)
	if err != nil {
		return err
	}
	names := make([]string, len(senders))
	for i, sender := range senders {
		if names[i], err = w.name(ctx, sender); err != nil {
			return err
		}
	}
	data, _, err := one[[]byte](ctx, w, dataAt, t.room, last.number, last.seq, last.twin)
	if err != nil {
		return err
	}
	// else it has no time
	event, _ := chat.DecodeEntry(unpack(data, chat.TypeMsg, "", "", ""), uint64(last.seq), 0)
	at, _, err := one[int64](ctx, w, messageAt, t.room, root, t.author)
	if err != nil {
		return err
	}
	_, err = w.exec(ctx, putReplies, t.room, t.author, root, at, min(count, chat.MaxReplies), count > chat.MaxReplies,
		sqlitedb.List(store.LastUsers(names)), last.seq, event.TS, int64(through))
	return err
}

// lastAnswers returns who sent the last answers in a thread, and the last of them.
func (w *writer) lastAnswers(ctx context.Context, t thread, root any) (senders []int64, last row, err error) {
	rows, err := w.QueryContext(ctx, lastAnswers, t.room, t.author, root, store.LookUsers)
	if err != nil {
		return nil, last, err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.seq, &r.twin, &r.number, &r.sender); err != nil {
			return nil, last, err
		}
		if senders == nil {
			last = r
		}
		senders = append(senders, r.sender)
	}
	return senders, last, rows.Err()
}

// name returns the id of a user who may have been given a number in this transaction.
func (w *writer) name(ctx context.Context, n int64) (string, error) {
	if id, ok := w.users.of.knownID(n); ok {
		return id, nil
	}
	id, ok, err := one[string](ctx, w.tx, `SELECT id FROM users WHERE n = ?`, n)
	if err == nil && !ok {
		err = sql.ErrNoRows
	}
	return id, err
}
