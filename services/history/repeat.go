package history

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// maxRepeats is how many repeats are remembered. A log that was taken back by a failover has some
// seconds of them.
const maxRepeats = 100_000

// repeats are the places at which the log has a text that the store keeps at an earlier Seq, where
// the log has lost it. When the message is deleted, these are erased from the log, too.
type repeats struct {
	mu  sync.Mutex
	all map[message][]uint64
	n   int
}

// message names a message of any room.
type message struct {
	room string
	name store.Name
}

// add notes one. It may be given again, as a batch is that could not be stored to its end.
func (r *repeats) add(m message, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.all[m], seq) {
		return
	}
	if r.all == nil || r.n >= maxRepeats {
		r.all, r.n = make(map[message][]uint64), 0
	}
	r.all[m] = append(r.all[m], seq)
	r.n++
}

// of returns the places of a message's text and of its edits.
func (r *repeats) of(m message) []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[m]
}

// repeated takes in what the log has again. There are two reasons. A client sent a message again,
// unmarked, after the bus had forgotten its id: the second is taken off the log. Or the log had
// lost the first, and the process that had appended it did so again: this one stays, for those who
// read the log, unless the message was deleted meanwhile.
func (in *ingest) repeated(ctx context.Context, all []store.Repeat) error {
	for _, e := range all {
		stays, err := in.lost(ctx, e)
		if m, ok := messageOf(e.Entry); err == nil && stays && ok {
			in.repeats.add(m, e.Seq)
			stays, err = in.alive(ctx, m)
		}
		if err == nil && !stays {
			err = in.bus.Remove(ctx, e.Room, e.Seq)
		}
		if err != nil {
			return fmt.Errorf("take in entry %d of room %s, a repeat: %w", e.Seq, e.Room, err)
		}
	}
	return nil
}

// messageOf returns the message whose text an entry has; false: it has none. Only a message's
// author edits it.
func messageOf(e store.Entry) (message, bool) {
	switch e.Type {
	case chat.TypeMsg:
		return message{e.Room, e.Name()}, true
	case chat.TypeEdited:
		return message{e.Room, store.Name{Sender: e.Sender, ID: e.Target}}, true
	}
	return message{}, false
}

// lost reports whether the log should have the first of a repeat and has not. What was removed, or
// taken by retention, is not lost.
func (in *ingest) lost(ctx context.Context, e store.Repeat) (bool, error) {
	got, err := in.bus.Replay(ctx, e.Room, bus.Position{Seq: e.First, ID: e.ID}, 1)
	return got.Rewound, err
}

// alive reports whether the store knows nothing of a message's deletion.
func (in *ingest) alive(ctx context.Context, m message) (bool, error) {
	gone, err := in.records.deleted(ctx, m)
	return !gone, err
}
