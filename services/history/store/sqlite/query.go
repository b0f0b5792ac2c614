package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

// find returns the numbers of a room and of a user; false: one of them has none, and nothing is
// kept of them.
func (s *file) find(ctx context.Context, room, user string) (n numbered, ok bool, err error) {
	if n.room, ok, err = s.rooms.number(ctx, kept{s}, room); err != nil || !ok {
		return n, false, err
	}
	n.sender, ok, err = s.users.number(ctx, kept{s}, user)
	return n, ok, err
}

// inRoom returns the entries of a room that a query with all columns finds: its first parameter is
// the room.
func (s *file) inRoom(ctx context.Context, what, room, query string, args ...any) ([]store.Entry, error) {
	n, ok, err := s.rooms.number(ctx, kept{s}, room)
	if err != nil || !ok {
		return nil, err
	}
	return s.list(ctx, what, kept{s}, query, append([]any{n}, args...)...)
}

// last finds the last entry of each kind.
const last = `SELECT * FROM (SELECT seq, twin, id FROM entries WHERE room = ?1 AND kind = 0 ORDER BY seq DESC, twin DESC LIMIT 1)
	UNION ALL SELECT * FROM (SELECT seq, twin, id FROM entries WHERE room = ?1 AND kind = 1 ORDER BY seq DESC, twin DESC LIMIT 1)
	UNION ALL SELECT * FROM (SELECT seq, twin, id FROM entries WHERE room = ?1 AND kind = 2 ORDER BY seq DESC, twin DESC LIMIT 1)
	UNION ALL SELECT seq, -1, '' FROM removed WHERE room = ?1`

// Last implements store.Store.
func (s *entryStore) Last(ctx context.Context, room string) (bus.Position, error) {
	var end bus.Position
	n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
	if err != nil || !ok {
		return end, err
	}
	rows, err := kept{s.file}.QueryContext(ctx, last, n)
	if err != nil {
		return end, fmt.Errorf("last entry: %w", err)
	}
	defer rows.Close()
	lastTwin := int64(-2)
	for rows.Next() {
		var seq, twin int64
		var id any
		if err := rows.Scan(&seq, &twin, &id); err != nil {
			return bus.Position{}, fmt.Errorf("last entry: %w", err)
		}
		if uint64(seq) > end.Seq || uint64(seq) == end.Seq && twin > lastTwin {
			end, lastTwin = bus.Position{Seq: uint64(seq), ID: unpackID(id)}, twin
		}
	}
	if err := rows.Err(); err != nil {
		return bus.Position{}, fmt.Errorf("last entry: %w", err)
	}
	return end, nil
}

// highest looks into each room: an index of all Seqs would be for this alone.
const highest = `SELECT max((SELECT coalesce(max(seq), 0) FROM removed), coalesce(max(max(coalesce((SELECT max(seq) FROM entries WHERE room = n AND kind = 0), 0),
	coalesce((SELECT max(seq) FROM entries WHERE room = n AND kind = 1), 0), coalesce((SELECT max(seq) FROM entries WHERE room = n AND kind = 2), 0))), 0)) FROM rooms`

// Highest implements store.Store.
func (s *entryStore) Highest(ctx context.Context) (uint64, error) {
	seq, _, err := one[int64](ctx, s.Read, highest)
	if err != nil {
		return 0, fmt.Errorf("highest seq: %w", err)
	}
	return uint64(seq), nil
}

const at = all + `WHERE room = ? AND kind IN (0, 1, 2) AND seq = ? ORDER BY twin`

// At implements store.Store.
func (s *entryStore) At(ctx context.Context, room string, seq uint64) ([]store.Entry, error) {
	return s.inRoom(ctx, "entries at a seq", room, at, int64(seq))
}

// since merges the kinds of a room, each of which is in order.
const since = all + `WHERE room = ?1 AND kind = 0 AND seq > ?2 UNION ALL ` + all + `WHERE room = ?1 AND kind = 1 AND seq > ?2
	UNION ALL ` + all + `WHERE room = ?1 AND kind = 2 AND seq > ?2 ORDER BY seq, twin LIMIT ?3`

// Since implements store.Store.
func (s *entryStore) Since(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	return s.inRoom(ctx, "entries since a seq", room, since, int64(after), limit)
}

// Latest implements store.Store.
func (s *entryStore) Latest(ctx context.Context, room string, limit int) (bus.Position, []store.Entry, error) {
	end, err := s.Last(ctx, room)
	if err != nil || end.Seq == 0 {
		return end, nil, err
	}
	messages, err := s.Newest(ctx, room, end.Seq+1, limit)
	return end, messages, err
}

const (
	newest = message + `WHERE room = ? AND kind = 0 AND seq < ? ORDER BY seq DESC, twin DESC LIMIT ?`
	oldest = message + `WHERE room = ? AND kind = 0 AND seq > ? ORDER BY seq, twin LIMIT ?`
)

// Newest implements store.Store.
func (s *entryStore) Newest(ctx context.Context, room string, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.pageOf(ctx, "newest messages", room, limit, newest, before)
	slices.Reverse(all)
	return all, err
}

// Oldest implements store.Store.
func (s *entryStore) Oldest(ctx context.Context, room string, after uint64, limit int) ([]store.Entry, error) {
	return s.pageOf(ctx, "oldest messages", room, limit, oldest, after)
}

func (s *file) pageOf(ctx context.Context, what, room string, limit int, query string, seq uint64) ([]store.Entry, error) {
	n, ok, err := s.rooms.number(ctx, kept{s}, room)
	if err != nil || !ok {
		return nil, err
	}
	return s.messages(ctx, what, room, limit, query, n, int64(seq))
}

const acts = all + `INDEXED BY entries_acts WHERE room = ? AND type = 'moderated' AND seq > ? AND seq < ? ORDER BY seq DESC LIMIT ?`

// Acts implements store.Store.
func (s *entryStore) Acts(ctx context.Context, room string, after, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.inRoom(ctx, "acts of moderation", room, acts, int64(after), int64(before), limit)
	slices.Reverse(all)
	return all, err
}

// events has the types of store.EventTypes, as the index does.
const events = all + `INDEXED BY entries_events WHERE room = ? AND type IN ('member', 'pinned', 'topic') AND seq > ? AND seq < ? ORDER BY seq DESC LIMIT ?`

// Events implements store.Store.
func (s *entryStore) Events(ctx context.Context, room string, after, before uint64, limit int) ([]store.Entry, error) {
	all, err := s.inRoom(ctx, "events of a room", room, events, int64(after), int64(before), limit)
	slices.Reverse(all)
	return all, err
}

const named = byID + `WHERE room = ? AND id = ? AND sender = ?`

// Find implements store.Store.
func (s *entryStore) Find(ctx context.Context, room, sender, id string) (store.Entry, bool, error) {
	n, ok, err := s.find(ctx, room, sender)
	if err != nil || !ok {
		return store.Entry{}, false, err
	}
	found, err := s.list(ctx, "entry by its id", kept{s.file}, named, n.room, packID(id), n.sender)
	if err != nil || len(found) == 0 {
		return store.Entry{}, false, err
	}
	return found[0], true, nil
}

const messagesBy = bySender + `WHERE sender = ? AND kind <> 1 AND (room, seq) > (?, ?) ORDER BY room, seq LIMIT ?`

// MessagesBy implements store.Store.
func (s *entryStore) MessagesBy(ctx context.Context, sender, room string, after uint64, limit int) ([]store.Entry, error) {
	n, ok, err := s.users.number(ctx, kept{s.file}, sender)
	if err != nil || !ok {
		return nil, err
	}
	from := int64(0)
	if room != "" {
		if from, ok, err = s.rooms.number(ctx, kept{s.file}, room); err != nil || !ok {
			return nil, err
		}
	}
	return s.list(ctx, "messages of a user", kept{s.file}, messagesBy, n, from, int64(after), limit)
}

const namesakes = byID + `WHERE room = ? AND id = ? AND kind <> 1 ORDER BY seq LIMIT ?`

// Namesakes implements store.Store.
func (s *entryStore) Namesakes(ctx context.Context, room, id string, limit int) ([]store.Entry, error) {
	return s.inRoom(ctx, "messages with an id", room, namesakes, packID(id), limit)
}

const changes = `SELECT count(*), coalesce(sum(slot = 'edited'), 0) FROM (
	SELECT slot FROM entries INDEXED BY entries_by_target WHERE room = ? AND target <> '' AND target = ? AND author = ? LIMIT ?)`

// Changes implements store.Store.
func (s *entryStore) Changes(ctx context.Context, room string, name store.Name, limit int) (all, edits int, err error) {
	n, ok, err := s.find(ctx, room, name.Sender)
	if err != nil || !ok {
		return 0, 0, err
	}
	err = s.Read.QueryRowContext(ctx, changes, n.room, packID(name.ID), n.sender, limit).Scan(&all, &edits)
	if err != nil {
		return 0, 0, fmt.Errorf("changes of a message: %w", err)
	}
	return all, edits, nil
}

// Reads implements store.Store.
func (s *inboxStore) Reads(ctx context.Context, user string) (map[string]uint64, error) {
	reads := map[string]uint64{}
	n, ok, err := s.users.number(ctx, kept{s.file}, user)
	if err != nil || !ok {
		return reads, err
	}
	rows, err := kept{s.file}.QueryContext(ctx, `SELECT rooms.id, seq FROM reads JOIN rooms ON rooms.n = reads.room WHERE user = ?`, n)
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var room string
		var seq int64
		if err := rows.Scan(&room, &seq); err != nil {
			return nil, fmt.Errorf("read positions: %w", err)
		}
		reads[room] = uint64(seq)
	}
	return reads, errors.Join(rows.Err())
}
