// Package spool keeps the content of an export in a file until it is imported. So an import can
// check an export of any size as a whole before it makes anything, and gets the messages in the
// order of sending, whatever the order in the export. It knows neither the formats nor the server.
package spool

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver
)

// User is a user of an export.
type User struct {
	Key    string // id in the export
	Name   string // wanted
	Mail   string
	Closed bool // a bot or a deleted user: nobody can log in
}

// Member is a member of a room.
type Member struct {
	User string
	Lead bool // is a moderator or owner of the room
}

// Room is a room of an export.
type Room struct {
	Key      string
	Name     string
	Topic    string
	Private  bool
	Archived bool
	Direct   bool  // of two people: its Members
	Created  int64 // UTC milliseconds
	Creator  string
	Members  []Member
}

// Message is a message of an export.
type Message struct {
	Room, Key string
	At        int64 // UTC microseconds
	Author    string
	Text      string // in the syntax of the export
	Root      string // key of its thread's root; empty: no thread
	Broadcast bool
	Reactions []Reaction
	Pinned    string // key of the user who pinned it; empty: not pinned
}

// Reaction is a user's reaction to a message.
type Reaction struct {
	Emoji, User string
}

// Spool is an open spool. One goroutine writes it; after Check any number may read it.
type Spool struct {
	dir string
	db  *sql.DB
	tx  *sql.Tx
	put *sql.Stmt

	Users []User
	Rooms []Room
	users map[string]int
	rooms map[string]int
	// Skipped counts what is not imported, by description.
	Skipped map[string]int
	n       int
}

const tables = `
	CREATE TABLE messages (room TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, n INTEGER NOT NULL, author TEXT NOT NULL, root TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (room, key)) WITHOUT ROWID`

// Open makes a spool in a folder of its own below a folder. The caller closes it.
func Open(ctx context.Context, below string) (s *Spool, err error) {
	dir, err := os.MkdirTemp(below, "hubbub-import-")
	if err != nil {
		return nil, fmt.Errorf("a folder for what the export has: %w; choose another with --temp", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("keep what the export has in %s: %w", dir, err), os.RemoveAll(dir))
		}
	}()
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(filepath.Join(dir, "spool.db")), RawQuery: url.Values{
		// a crash may lose the file: the import begins anew
		"_pragma": {"journal_mode(OFF)", "synchronous(OFF)", "cache_size(-16384)"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = db.Close()
		}
	}()
	s = &Spool{dir: dir, db: db, users: make(map[string]int), rooms: make(map[string]int), Skipped: make(map[string]int)}
	if _, err = db.ExecContext(ctx, tables); err != nil {
		return nil, err
	}
	if s.tx, err = db.BeginTx(ctx, nil); err != nil {
		return nil, err
	}
	s.put, err = s.tx.PrepareContext(ctx, `INSERT INTO messages (room, key, at, n, author, root, data) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	return s, err
}

// Close removes the spool.
func (s *Spool) Close() error {
	var errs []error
	if s.tx != nil {
		errs = append(errs, s.put.Close(), s.tx.Rollback())
	}
	return errors.Join(append(errs, s.db.Close(), os.RemoveAll(s.dir))...)
}

// Skip counts something that is not imported.
func (s *Spool) Skip(what string) { s.Skipped[what]++ }

// AddUser adds a user, unless there is one with the key.
func (s *Spool) AddUser(u User) {
	if _, ok := s.users[u.Key]; !ok {
		s.users[u.Key] = len(s.Users)
		s.Users = append(s.Users, u)
	}
}

// HasUser reports whether there is a user.
func (s *Spool) HasUser(key string) bool {
	_, ok := s.users[key]
	return ok
}

// AddRoom adds a room, unless there is one with the key.
func (s *Spool) AddRoom(r Room) {
	if _, ok := s.rooms[r.Key]; !ok {
		s.rooms[r.Key] = len(s.Rooms)
		s.Rooms = append(s.Rooms, r)
	}
}

// Room returns a room, which the caller may change; nil: there is none.
func (s *Spool) Room(key string) *Room {
	if n, ok := s.rooms[key]; ok {
		return &s.Rooms[n]
	}
	return nil
}

// AddMessage adds a message, unless its room has one with the key.
func (s *Spool) AddMessage(ctx context.Context, m Message) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	s.n++
	out, err := s.put.ExecContext(ctx, m.Room, m.Key, m.At, s.n, m.Author, m.Root, data)
	if err != nil {
		return fmt.Errorf("keep a message of the export: %w", err)
	}
	if n, err := out.RowsAffected(); err == nil && n == 0 {
		s.Skip("messages that the export has twice")
	}
	return nil
}

// Count returns how many messages a room has; empty: all.
func (s *Spool) Count(ctx context.Context, room string) (n int, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT count(*) FROM messages WHERE ?1 = '' OR room = ?1`, room).Scan(&n)
	return n, err
}

// FirstAuthor returns the author of a room's first message; empty: it has none.
func (s *Spool) FirstAuthor(ctx context.Context, room string) (author string, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT author FROM messages WHERE room = ? ORDER BY at, n LIMIT 1`, room).Scan(&author)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return author, err
}

// Messages calls f with each message of a room, in the order of sending, and with the author of its
// Root.
func (s *Spool) Messages(ctx context.Context, room string, f func(m Message, rootAuthor string) error) error {
	rows, err := s.db.QueryContext(ctx, `SELECT m.data, m.root, coalesce(r.author, '') FROM messages m
		LEFT JOIN messages r ON m.root <> '' AND r.room = m.room AND r.key = m.root WHERE m.room = ? ORDER BY m.at, m.n`, room)
	if err != nil {
		return fmt.Errorf("read the messages of a room: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var m Message
		var data []byte
		var root, author string
		if err := rows.Scan(&data, &root, &author); err != nil {
			return fmt.Errorf("read a message: %w", err)
		}
		if err := json.Unmarshal(data, &m); err != nil {
			return fmt.Errorf("read a message: %w", err)
		}
		m.Root = root
		if err := f(m, author); err != nil {
			return err
		}
	}
	return rows.Err()
}
