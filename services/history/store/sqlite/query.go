package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

const columns = `SELECT room, seq, sender, id, type, target, author, slot, past, data FROM entries `

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// list returns the entries that a query with these columns finds.
func list(ctx context.Context, db querier, query string, args ...any) ([]store.Entry, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []store.Entry
	for rows.Next() {
		var e store.Entry
		var seq int64
		if err := rows.Scan(&e.Room, &seq, &e.Sender, &e.ID, &e.Type, &e.Target, &e.Author, &e.Slot, &e.Past, &e.Data); err != nil {
			return nil, err
		}
		e.Seq = uint64(seq)
		all = append(all, e)
	}
	return all, rows.Err()
}

func (s *Store) list(ctx context.Context, what, query string, args ...any) ([]store.Entry, error) {
	all, err := list(ctx, s.Read, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

// Keys of one room lie between room: and room; since the semicolon comes after the colon.
func first(room string) string { return room + ":" }
func past(room string) string  { return room + ";" }

// behind is a key that comes after all entries at a seq, also those in conflict, and before the next.
func behind(room string, seq uint64) string { return store.Key(room, seq) + "\x7f" }

// Last implements store.Store.
func (s *Store) Last(ctx context.Context, room string) (bus.Position, error) {
	all, err := s.list(ctx, "last entry", columns+`WHERE key > ? AND key < ? ORDER BY key DESC LIMIT 1`, first(room), past(room))
	if err != nil || len(all) == 0 {
		return bus.Position{}, err
	}
	return bus.Position{Seq: all[0].Seq, ID: all[0].ID}, nil
}

// Highest implements store.Store.
func (s *Store) Highest(ctx context.Context) (uint64, error) {
	var seq sql.NullInt64
	if err := s.Read.QueryRowContext(ctx, `SELECT max(seq) FROM entries`).Scan(&seq); err != nil {
		return 0, fmt.Errorf("highest seq: %w", err)
	}
	return uint64(seq.Int64), nil
}

// At implements store.Store.
func (s *Store) At(ctx context.Context, room string, seq uint64) ([]store.Entry, error) {
	return s.list(ctx, "entries at a seq", columns+`WHERE key >= ? AND key < ? ORDER BY key`, store.Key(room, seq), behind(room, seq))
}

// Since implements store.Store.
func (s *Store) Since(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	return s.list(ctx, "entries since a seq", columns+`WHERE key > ? AND key < ? ORDER BY key LIMIT ?`, behind(room, after), past(room), limit)
}

// Newest implements store.Store.
func (s *Store) Newest(ctx context.Context, room string, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.list(ctx, "newest messages", columns+`WHERE key > ? AND key < ? AND type = 'msg' ORDER BY key DESC LIMIT ?`,
		first(room), store.Key(room, before), limit)
	slices.Reverse(all)
	return all, err
}

// Oldest implements store.Store.
func (s *Store) Oldest(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	return s.list(ctx, "oldest messages", columns+`WHERE key > ? AND key < ? AND type = 'msg' ORDER BY key LIMIT ?`,
		behind(room, after), past(room), limit)
}

// Find implements store.Store.
func (s *Store) Find(ctx context.Context, room, sender, id string) (store.Entry, bool, error) {
	all, err := s.list(ctx, "entry by its id", columns+`WHERE room = ? AND sender = ? AND id = ?`, room, sender, id)
	if err != nil || len(all) == 0 {
		return store.Entry{}, false, err
	}
	return all[0], true, nil
}

// Messages implements store.Store.
func (s *Store) Messages(ctx context.Context, room string, names []store.Name) ([]store.Entry, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return s.list(ctx, "messages", named(len(names))+`WHERE room = ? AND sender = who AND id = what AND type = 'msg' ORDER BY seq`, arguments(names, room)...)
}

// Namesakes implements store.Store.
func (s *Store) Namesakes(ctx context.Context, room, id string, limit int) ([]store.Entry, error) {
	return s.list(ctx, "messages with an id", columns+`WHERE room = ? AND type = 'msg' AND id = ? ORDER BY seq LIMIT ?`, room, id, limit)
}

// About implements store.Store.
func (s *Store) About(ctx context.Context, room string, names []store.Name, types ...string) ([]store.Entry, error) {
	if len(names) == 0 {
		return nil, nil
	}
	for _, n := range names { // and what has no author
		names = append(names, store.Name{ID: n.ID})
	}
	// The conditions on the target and the mark let SQLite use the partial index.
	query, args := named(len(names))+`WHERE room = ? AND target <> '' AND past = 0 AND target = what AND author = who`, arguments(names, room)
	if len(types) > 0 {
		query += ` AND type IN (?` + strings.Repeat(", ?", len(types)-1) + `)`
		for _, kind := range types {
			args = append(args, kind)
		}
	}
	return s.list(ctx, "entries about messages", query+` ORDER BY seq`, args...)
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, room string, name store.Name, limit int) (all, edits int, err error) {
	err = s.Read.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(slot = 'edited'), 0) FROM (
		SELECT slot FROM entries WHERE room = ? AND target <> '' AND target = ? AND author = ? LIMIT ?)`,
		room, name.ID, name.Sender, limit).Scan(&all, &edits)
	if err != nil {
		return 0, 0, fmt.Errorf("changes of a message: %w", err)
	}
	return all, edits, nil
}

// named begins a query of entries for each of n names, who and what. The order of a CROSS JOIN is kept, so that each is a search in
// an index; a list of pairs after IN is a search for the room alone.
func named(n int) string {
	return `WITH names(who, what) AS (SELECT DISTINCT column1, column2 FROM (VALUES (?, ?)` + strings.Repeat(", (?, ?)", n-1) + `)) ` +
		strings.Replace(columns, "FROM entries", "FROM names CROSS JOIN entries", 1)
}

func arguments(names []store.Name, room string) []any {
	var args []any
	for _, n := range names {
		args = append(args, n.Sender, n.ID)
	}
	return append(args, room)
}

// Reads implements store.Store.
func (s *Store) Reads(ctx context.Context, user string) (map[string]uint64, error) {
	rows, err := s.Read.QueryContext(ctx, `SELECT room, seq FROM reads WHERE user = ?`, user)
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	defer rows.Close()
	all := map[string]uint64{}
	for rows.Next() {
		var room string
		var seq int64
		if err := rows.Scan(&room, &seq); err != nil {
			return nil, fmt.Errorf("read positions: %w", err)
		}
		all[room] = uint64(seq)
	}
	return all, errors.Join(rows.Err())
}
