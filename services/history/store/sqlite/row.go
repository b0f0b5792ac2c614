package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// Kinds of entries. Those of one kind lie together in a room.
const (
	kindMessage = 0
	kindOther   = 1
	kindAnswer  = 2 // a message in a thread that is not broadcast
)

const (
	// columns are all that an entry has.
	columns = `room, kind, seq, twin, sender, gone, past, id, type, author, target, slot, owner, done, data`
	all     = `SELECT ` + columns + ` FROM entries `
	// byID, bySender and byTarget go by an index, which SQLite would not always choose: without
	// statistics it takes any that begins with the room to be as good.
	byID     = all + `INDEXED BY entries_by_id `
	bySender = all + `INDEXED BY entries_by_sender `
	byTarget = all + `INDEXED BY entries_by_target `
	// message are the columns of messages, which all have the room that was asked for, and neither
	// a target nor a slot.
	message = `SELECT seq, sender, id, gone, done, data FROM entries `
)

// row is an entry as it is kept.
type row struct {
	room, seq, twin, sender, author, owner int64
	number                                 int64 // of the kind
	gone, past                             bool
	kind, slot                             string
	id, target                             any
	done, data                             []byte
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// kept asks with statements that are prepared once. Nothing that it asks takes long, so an end of
// ctx is looked for only at first: a statement that can be interrupted costs a goroutine.
type kept struct{ *file }

// QueryContext implements querier.
func (k kept) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return k.Query(context.WithoutCancel(ctx), query, args...)
}

// rows returns what a query for columns finds.
func rows(ctx context.Context, db querier, query string, args ...any) ([]row, error) {
	found, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var all []row
	for found.Next() {
		var r row
		if err := found.Scan(&r.room, &r.number, &r.seq, &r.twin, &r.sender, &r.gone, &r.past, &r.id, &r.kind, &r.author, &r.target, &r.slot, &r.owner, &r.done, &r.data); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, found.Err()
}

// entry returns the entry that a row is.
func (s *file) entry(ctx context.Context, db querier, r row) (store.Entry, error) {
	room, err := s.rooms.id(ctx, db, r.room)
	if err != nil {
		return store.Entry{}, err
	}
	sender, err := s.users.id(ctx, db, r.sender)
	if err != nil {
		return store.Entry{}, err
	}
	author := ""
	if r.author != 0 {
		if author, err = s.users.id(ctx, db, r.author); err != nil {
			return store.Entry{}, err
		}
	}
	id := unpackID(r.id)
	var done *store.Done
	if r.number != kindOther {
		done = unpackDone(r.done, r.gone)
	}
	return store.Entry{
		Room: room, Seq: uint64(r.seq), Sender: sender, ID: id, Type: r.kind, Target: unpackID(r.target), Author: author,
		Slot: unpackSlot(r.slot, r.kind, sender, r.owner), Past: r.past, Data: unpack(r.data, r.kind, room, id, sender), Done: done,
	}, nil
}

// list returns the entries that a query for columns finds.
func (s *file) list(ctx context.Context, what string, db querier, query string, args ...any) ([]store.Entry, error) {
	found, err := rows(ctx, db, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	entries := make([]store.Entry, len(found))
	for i, r := range found {
		if entries[i], err = s.entry(ctx, db, r); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
	}
	return entries, nil
}

// messages returns the messages of a room that a query with the columns of messages finds: at most
// limit, and no more than a page can have; with a limit of -1 all.
func (s *file) messages(ctx context.Context, what, room string, limit int, query string, args ...any) ([]store.Entry, error) {
	entries, err := s.messagesOf(ctx, room, limit, query, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return entries, nil
}

func (s *file) messagesOf(ctx context.Context, room string, limit int, query string, args ...any) ([]store.Entry, error) {
	found, err := kept{s}.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	entries := make([]store.Entry, 0, max(0, limit))
	unknown := make(map[int]int64) // senders that are not in memory, by place
	var done, data sql.RawBytes
	size := 0
	for (limit < 0 || len(entries) < 2 || size <= store.PageBytes) && found.Next() {
		e := store.Entry{Room: room, Type: chat.TypeMsg}
		var seq, sender int64
		var id any
		var gone bool
		if err := found.Scan(&seq, &sender, &id, &gone, &done, &data); err != nil {
			return nil, err
		}
		e.Seq, e.ID, e.Done = uint64(seq), unpackID(id), unpackDone(done, gone)
		var ok bool
		if e.Sender, ok = s.users.knownID(sender); ok {
			e.Data = unpack(data, chat.TypeMsg, room, e.ID, e.Sender)
		} else {
			e.Data = bytes.Clone(data)
			unknown[len(entries)] = sender
		}
		size += len(e.Data) + len(e.Done.Members)
		entries = append(entries, e)
	}
	if err := errors.Join(found.Err(), found.Close()); err != nil || len(unknown) == 0 {
		return entries, err
	}
	// Only now, since whoever waits for a connection while having one may wait for ever.
	for i, sender := range unknown {
		e := &entries[i]
		if e.Sender, err = s.users.id(ctx, kept{s}, sender); err != nil {
			return nil, err
		}
		e.Data = unpack(e.Data, chat.TypeMsg, room, e.ID, e.Sender)
	}
	return entries, nil
}
