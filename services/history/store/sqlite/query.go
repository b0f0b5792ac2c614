package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/history/store"
)

const (
	columns = `SELECT room, seq, sender, id, type, target, author, slot, past, data FROM entries `
	// message are the columns of messages, which all have the room that was asked for, and no
	// author, slot or mark.
	message = `SELECT seq, sender, id, target, data FROM entries `
	// change are the columns of what is about messages, of one room, and counts.
	change = `SELECT seq, sender, id, type, target, author, slot, data FROM entries `
	// named begins a query of entries for each of names, who and what: pairs in JSON, since a
	// statement with a parameter for each would be parsed anew for each number of them. The order
	// of a CROSS JOIN is kept, so that each name is a search in an index.
	named = `WITH names(who, what) AS MATERIALIZED (SELECT value ->> 0, value ->> 1 FROM json_each(?)) `
)

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// kept asks with statements that are prepared once.
type kept struct{ *sqlitedb.DB }

// QueryContext implements querier.
func (k kept) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return k.Query(ctx, query, args...)
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
	all, err := list(ctx, kept{s.DB}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

// messages returns the messages of a room that a query with the columns of messages finds: at most
// limit, and no more than a page can have; with a limit of -1 all.
func (s *Store) messages(ctx context.Context, what, room string, limit int, query string, args ...any) ([]store.Entry, error) {
	rows, err := s.Query(ctx, query, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	var all []store.Entry
	size := 0
	for (limit < 0 || len(all) < 2 || size <= store.PageBytes) && rows.Next() {
		e := store.Entry{Room: room, Type: chat.TypeMsg}
		var seq int64
		if err := rows.Scan(&seq, &e.Sender, &e.ID, &e.Target, &e.Data); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		e.Seq = uint64(seq)
		size += len(e.Data)
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

// Keys of one room lie between room: and room; since the semicolon comes after the colon.
func first(room string) string { return room + ":" }
func past(room string) string  { return room + ";" }

// behind is a key that comes after all entries at a seq, also those in conflict, and before the
// next.
func behind(room string, seq uint64) string { return store.Key(room, seq) + "\x7f" }

// Last implements store.Store.
func (s *Store) Last(ctx context.Context, room string) (bus.Position, error) {
	rows, err := s.Query(ctx, `SELECT seq, id FROM entries WHERE key > ? AND key < ? ORDER BY key DESC LIMIT 1`, first(room), past(room))
	if err != nil {
		return bus.Position{}, fmt.Errorf("last entry: %w", err)
	}
	defer rows.Close()
	var seq int64
	var last bus.Position
	if rows.Next() {
		if err := rows.Scan(&seq, &last.ID); err != nil {
			return bus.Position{}, fmt.Errorf("last entry: %w", err)
		}
		last.Seq = uint64(seq)
	}
	if err := rows.Err(); err != nil {
		return bus.Position{}, fmt.Errorf("last entry: %w", err)
	}
	return last, nil
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

// Latest implements store.Store.
func (s *Store) Latest(ctx context.Context, room string, limit int) (bus.Position, []store.Entry, error) {
	last, err := s.Last(ctx, room)
	if err != nil || last.Seq == 0 {
		return last, nil, err
	}
	all, err := s.Newest(ctx, room, last.Seq+1, limit)
	return last, all, err
}

// Newest implements store.Store.
func (s *Store) Newest(ctx context.Context, room string, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.messages(ctx, "newest messages", room, limit, message+`WHERE key > ? AND key < ? AND type = 'msg' ORDER BY key DESC LIMIT ?`,
		first(room), store.Key(room, before))
	slices.Reverse(all)
	return all, err
}

// Oldest implements store.Store.
func (s *Store) Oldest(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	return s.messages(ctx, "oldest messages", room, limit, message+`WHERE key > ? AND key < ? AND type = 'msg' ORDER BY key LIMIT ?`,
		behind(room, after), past(room))
}

// Acts implements store.Store.
func (s *Store) Acts(ctx context.Context, room string, after, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.list(ctx, "acts of moderation", columns+`WHERE key > ? AND key < ? AND type = 'moderated' ORDER BY key DESC LIMIT ?`,
		behind(room, after), store.Key(room, before), limit)
	slices.Reverse(all)
	return all, err
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
	list, err := pairs(names)
	if err != nil {
		return nil, err
	}
	return s.messages(ctx, "messages", room, -1, named+joined(message)+`WHERE room = ? AND sender = who AND id = what AND type = 'msg' ORDER BY key LIMIT ?`, list, room)
}

// MessagesBy implements store.Store.
func (s *Store) MessagesBy(ctx context.Context, sender, room string, after uint64, limit int) ([]store.Entry, error) {
	query, args := messagesBy(sender, room, after, limit)
	return s.list(ctx, "messages of a user", query, args...)
}

func messagesBy(sender, room string, after uint64, limit int) (string, []any) {
	from := ""
	if room != "" {
		from = behind(room, after)
	}
	return columns + `WHERE sender = ? AND key > ? AND type = 'msg' ORDER BY key LIMIT ?`, []any{sender, from, limit}
}

// Namesakes implements store.Store.
func (s *Store) Namesakes(ctx context.Context, room, id string, limit int) ([]store.Entry, error) {
	return s.list(ctx, "messages with an id", columns+`WHERE room = ? AND type = 'msg' AND id = ? ORDER BY seq LIMIT ?`, room, id, limit)
}

// aboutOf is the condition on what is about names. Those on the target and the mark let SQLite use
// the partial index.
const aboutOf = `WHERE room = ? AND target <> '' AND past = 0 AND target = what AND author IN (who, '') `

// About implements store.Store.
func (s *Store) About(ctx context.Context, room string, names []store.Name, limit int, types ...string) ([]store.Entry, error) {
	if len(names) == 0 {
		return nil, nil
	}
	list, err := pairs(names)
	if err != nil {
		return nil, err
	}
	query, args := named+joined(change)+aboutOf, []any{list, room}
	if len(types) > 0 {
		query += `AND type IN (?` + strings.Repeat(", ?", len(types)-1) + `) `
		for _, kind := range types {
			args = append(args, kind)
		}
	}
	if limit == 0 {
		limit = -1
	}
	rows, err := s.Query(ctx, query+`LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("entries about messages: %w", err)
	}
	defer rows.Close()
	var all []store.Entry
	for rows.Next() {
		e := store.Entry{Room: room}
		var seq int64
		if err := rows.Scan(&seq, &e.Sender, &e.ID, &e.Type, &e.Target, &e.Author, &e.Slot, &e.Data); err != nil {
			return nil, fmt.Errorf("entries about messages: %w", err)
		}
		e.Seq = uint64(seq)
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("entries about messages: %w", err)
	}
	slices.SortFunc(all, func(a, b store.Entry) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.ID, b.ID))
	})
	// What has no author is found once for each message with the ID.
	return slices.CompactFunc(all, func(a, b store.Entry) bool { return a.Seq == b.Seq && a.Sender == b.Sender && a.ID == b.ID }), nil
}

// joined selects the columns of the entries that each name leads to.
func joined(columns string) string {
	return strings.Replace(columns, "FROM entries", "FROM names CROSS JOIN entries", 1)
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

// pairs returns names, each once, as the statements take them.
func pairs(names []store.Name) (string, error) {
	seen := make(map[store.Name]bool, len(names))
	all := make([][2]string, 0, len(names))
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			all = append(all, [2]string{n.Sender, n.ID})
		}
	}
	b, err := json.Marshal(all)
	return string(b), err
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
