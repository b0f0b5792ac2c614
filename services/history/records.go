package history

import (
	"context"
	"fmt"
	"slices"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// records reads what is known of rooms. Its methods are safe for concurrent use.
type records struct {
	store   store.Store
	bus     bus.Interface
	cache   *directoryapi.Cache
	jobs    *jobs
	maxTail int // entries of a log that a record may have which are not stored
}

// of returns the record of a room: where it is stored through, and the tail, which it reads.
func (rs *records) of(ctx context.Context, room string) (*record, error) {
	last, err := rs.store.Last(ctx, room)
	if err != nil {
		return nil, err
	}
	return rs.withTail(ctx, room, last)
}

// withTail reads the tail of a room that is stored through a position.
func (rs *records) withTail(ctx context.Context, room string, last bus.Position) (*record, error) {
	r, err := rs.readTail(ctx, room, last)
	if err == nil {
		r.floor = r.floorOf()
	}
	return r, err
}

func (rs *records) readTail(ctx context.Context, room string, last bus.Position) (*record, error) {
	r := &record{records: rs, room: room, last: last, through: last.Seq}
	size := 0
	anew := false
	// The ID of the last stored entry is not asked to match: when the log was rewound, what is in
	// both is still true.
	for after := (bus.Position{Seq: last.Seq}); ; {
		got, err := rs.bus.Replay(ctx, room, after, maxReplay)
		if err != nil {
			return nil, fmt.Errorf("tail of the log: %w", err)
		}
		for _, e := range got.Entries {
			entry, err := entryOf(e)
			if err != nil || e.Seq <= last.Seq {
				continue // the consumer parks it, or it is stored
			}
			r.tail = append(r.tail, entry)
			size += len(e.Data)
		}
		if got.Rewound && got.Through > last.Seq && !anew {
			// The log was made anew above what is stored, as after a restore: all of it is tail.
			after, anew = bus.Position{}, true
			continue
		}
		if got.Rewound {
			return r, rs.addNames(ctx, r.tail) // the log ends before what is stored
		}
		r.through = max(r.through, got.Through)
		if !got.More || len(got.Entries) == 0 {
			return r, rs.addNames(ctx, r.tail)
		}
		if len(r.tail) >= rs.maxTail || size >= maxTailBytes {
			return nil, chat.Unavailable("history is catching up", retryAfter)
		}
		after = bus.Position{Seq: got.Entries[len(got.Entries)-1].Seq}
	}
}

// addNames gives entries, in order, the names that they lack or that mean others: see addAuthors
// and addThreads.
func (rs *records) addNames(ctx context.Context, entries []store.Entry) error {
	if err := rs.addAuthors(ctx, entries); err != nil {
		return err
	}
	return rs.addThreads(ctx, entries)
}

// find returns the entry of a room to which a sender gave an ID. What the store has is found with
// the bus away.
func (rs *records) find(ctx context.Context, room, sender, id string) (store.Entry, bool, error) {
	if e, ok, err := rs.store.Find(ctx, room, sender, id); ok || err != nil {
		return e, ok, err
	}
	r, err := rs.of(ctx, room)
	if err != nil {
		return store.Entry{}, false, err
	}
	return r.find(ctx, sender, id)
}

// deleted reports whether the store has the deletion of a message.
func (rs *records) deleted(ctx context.Context, m message) (bool, error) {
	about, _, err := rs.about(ctx, m.room, []store.Name{m.name}, 0, chat.TypeDeleted)
	return len(about) > 0, err
}

// heads returns where the logs of rooms end; 0: there is nothing in one.
func (rs *records) heads(ctx context.Context, rooms []string) (map[string]uint64, error) {
	heads := make(map[string]uint64, len(rooms))
	for part := range slices.Chunk(rooms, bus.MaxHeads) {
		all, err := rs.bus.Heads(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("where the logs of rooms end: %w", err)
		}
		for i, room := range part {
			heads[room] = all[i].Seq
		}
	}
	return heads, nil
}
