package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

const requestColumns = `SELECT room, sender, sender_name, receiver, receiver_name, sent, refused, created, expires FROM requests `

// texts is a list of strings in a column, as JSON.
type texts []string

// Scan implements sql.Scanner.
func (t *texts) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return errors.New("not a list of texts")
	}
	*t = nil
	return json.Unmarshal([]byte(s), (*[]string)(t))
}

func requestFields(r *store.Request) []any {
	return []any{&r.Room, &r.From, &r.FromName, &r.To, &r.ToName, (*texts)(&r.Sent), &r.Refused, &r.Created, &r.Expires}
}

// requests is a store.Requests.
type requests struct{ db }

// CreateRequest implements store.Store.
func (s requests) CreateRequest(ctx context.Context, r store.Request) error {
	return s.run(ctx, "create request",
		`INSERT INTO requests (room, sender, sender_name, receiver, receiver_name, sent, shown, refused, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Room, r.From, r.FromName, r.To, r.ToName, sqlitedb.List(r.Sent), r.Visible(), r.Refused, r.Created, r.Expires)
}

// Request implements store.Store.
func (s requests) Request(ctx context.Context, room string) (store.Request, error) {
	return first(ctx, s.db, "request", requestFields, requestColumns+`WHERE room = ?`, room)
}

// SendRequest implements store.Store. Only this process writes, and one write at a time.
func (s requests) SendRequest(ctx context.Context, room, from, message string, most int, now int64) (store.Request, error) {
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return store.Request{}, wrap("send request", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	var r store.Request
	row := tx.QueryRowContext(ctx, requestColumns+`WHERE room = ? AND sender = ? AND refused = 0`, room, from)
	if err := row.Scan(requestFields(&r)...); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return r, wrap("send request", err)
	}
	switch {
	case slices.Contains(r.Sent, message):
		return r, nil
	case r.Room == "" || len(r.Sent) >= most:
		return store.Request{}, wrap("send request", store.ErrNotFound)
	case len(r.Sent) == 0:
		r.Created = now
	}
	r.Sent = append(r.Sent, message)
	_, err = tx.ExecContext(ctx, `UPDATE requests SET sent = ?, shown = 1, created = ? WHERE room = ?`, sqlitedb.List(r.Sent), r.Created, room)
	if err == nil {
		err = tx.Commit()
	}
	return r, wrap("send request", err)
}

// RefuseRequest implements store.Store.
func (s requests) RefuseRequest(ctx context.Context, room, to string, expires int64) error {
	return s.update(ctx, "refuse request", `UPDATE requests SET refused = 1, shown = 0, expires = ? WHERE room = ? AND receiver = ?`, expires, room, to)
}

// DeleteRequest implements store.Store.
func (s requests) DeleteRequest(ctx context.Context, room string) error {
	return s.run(ctx, "delete request", `DELETE FROM requests WHERE room = ?`, room)
}

// RequestsTo implements store.Store.
func (s requests) RequestsTo(ctx context.Context, to string, before int64, limit int) ([]store.Request, error) {
	return list(ctx, s.db, "requests", requestFields,
		requestColumns+`WHERE receiver = ? AND shown = 1 AND created < ? ORDER BY created DESC, room LIMIT ?`, to, before, limit)
}

// RequestsOf implements store.Store.
func (s requests) RequestsOf(ctx context.Context, user string, limit int) ([]store.Request, error) {
	return list(ctx, s.db, "requests of a user", requestFields, requestColumns+`WHERE sender = ?1 OR receiver = ?1 ORDER BY room LIMIT ?2`, user, limit)
}

// RequestsBefore implements store.Store.
func (s requests) RequestsBefore(ctx context.Context, expires int64, limit int) ([]store.Request, error) {
	return list(ctx, s.db, "old requests", requestFields,
		requestColumns+`WHERE expires > 0 AND expires <= ? ORDER BY expires, room LIMIT ?`, expires, limit)
}
