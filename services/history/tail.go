package history

import (
	"context"
	"math"
	"slices"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

const (
	// maxReplay is how many entries one Replay of the bus returns at most.
	maxReplay = 1000
	// maxTailBytes is how much of the log a page may read, in bytes; see also Config.MaxTail.
	maxTailBytes = 16 << 20
	// maxAbout is how many changes of a page's messages are read at once. Where there are more of
	// them, those of aboutAtOnce messages are read at a time, so that messages with many reactions
	// do not add up.
	maxAbout    = 2000
	aboutAtOnce = 20
)

// record is what is known of a room at one moment: what is stored, and the tail of the log that is
// not stored yet. With both, a message is found from the moment that it was acknowledged.
type record struct {
	*records
	room    string
	last    bus.Position  // of what is stored
	tail    []store.Entry // in order, after last
	through uint64        // tail is complete through this Seq
	// floor is the Seq of the entry that has reset the room: what comes before it is not shown,
	// though some of it may be there still. 0: none.
	floor uint64
	// thread: the pages that are made are of this thread, named by its root; zero: of the room.
	thread store.Name
	// all: pages after a Seq have every message, those that only a thread shows, too.
	all bool
}

// has reports whether an entry is a message of the pages that are made.
func (r *record) has(e store.Entry) bool {
	if r.thread != (store.Name{}) {
		return e.Type == chat.TypeMsg && e.Thread == r.thread
	}
	return e.Type == chat.TypeMsg && (r.all || !e.OnlyInThread())
}

// fresh returns the messages before a Seq that are not stored yet.
func (r *record) fresh(before uint64) (found []store.Entry) {
	for _, e := range r.tail {
		if r.has(e) && e.Seq >= r.floor && e.Seq < before {
			found = append(found, e)
		}
	}
	return found
}

// newest returns the last messages before a Seq, at most limit.
func (r *record) newest(ctx context.Context, before uint64, limit int) ([]store.Entry, error) {
	fresh := r.fresh(before)
	if len(fresh) >= limit {
		return fresh[len(fresh)-limit:], nil
	}
	var stored []store.Entry
	var err error
	if before, most := min(before, r.last.Seq+1), limit-len(fresh); r.thread == (store.Name{}) {
		stored, err = r.store.Newest(ctx, r.room, before, most)
	} else {
		stored, err = r.store.NewestAnswers(ctx, r.room, r.thread, before, most)
	}
	return append(r.above(stored), fresh...), err
}

// oldest returns the first messages after a Seq, at most limit.
func (r *record) oldest(ctx context.Context, after uint64, limit int) ([]store.Entry, error) {
	var found []store.Entry
	var err error
	if r.floor > 0 {
		after = max(after, r.floor-1)
	}
	switch {
	case r.all:
		found, err = r.oldestOfAll(ctx, after, limit)
	case r.thread == (store.Name{}):
		found, err = r.store.Oldest(ctx, r.room, after, limit)
	default:
		found, err = r.store.OldestAnswers(ctx, r.room, r.thread, after, limit)
	}
	if err != nil {
		return nil, err
	}
	// What was stored since the tail was read is in the tail, too.
	for i, e := range found {
		if e.Seq > r.last.Seq {
			found = found[:i]
			break
		}
	}
	if full(found) { // what follows comes before that of the tail
		return found, nil
	}
	for _, e := range r.tail {
		if len(found) == limit {
			break
		}
		if r.has(e) && e.Seq > after {
			found = append(found, e)
		}
	}
	return found, nil
}

// dropRepeats takes out of the tail the messages that the record has at an earlier Seq: a sender
// repeated them after the bus had forgotten the first, and the store will keep that one alone.
func (r *record) dropRepeats(ctx context.Context) error {
	first := make(map[store.Name]uint64)
	for part := range slices.Chunk(r.tail, maxReplay) {
		var names []store.Name
		for _, e := range part {
			if e.Type == chat.TypeMsg {
				names = append(names, e.Name())
			}
		}
		stored, err := r.store.Messages(ctx, r.room, names)
		if err != nil {
			return err
		}
		for _, e := range stored {
			first[e.Name()] = e.Seq
		}
	}
	r.tail = slices.DeleteFunc(r.tail, func(e store.Entry) bool {
		k := e.Name()
		seq, ok := first[k]
		if !ok {
			first[k] = e.Seq
		}
		return ok && seq < e.Seq
	})
	return nil
}

// find returns the entry to which a sender gave an ID: the first of them, whatever its type.
func (r *record) find(ctx context.Context, sender, id string) (store.Entry, bool, error) {
	// The store is asked after the tail was read: what has left the log since is in it.
	if e, ok, err := r.store.Find(ctx, r.room, sender, id); ok || err != nil {
		return e, ok, err
	}
	for _, e := range r.tail {
		if e.Sender == sender && e.ID == id {
			return e, true, nil
		}
	}
	return store.Entry{}, false, nil
}

// meant returns the author of the message that a command of a client that knows no authors is
// about. Who edits or deletes means their own, if they have one with that ID.
func (r *record) meant(ctx context.Context, e chat.Event) (string, error) {
	if e.Type == chat.TypeEdited || e.Type == chat.TypeDeleted {
		if own, ok, err := r.find(ctx, e.User, e.Target); err != nil {
			return "", err
		} else if ok && own.Type == chat.TypeMsg {
			return e.User, nil
		}
	}
	return r.authorOf(ctx, e.Target)
}

// authorOf returns the author of the only message with an ID, empty if there is none, for commands
// of clients that know no authors.
func (r *record) authorOf(ctx context.Context, id string) (string, error) {
	stored, err := r.store.Namesakes(ctx, r.room, id, 2)
	if err != nil {
		return "", err
	}
	author := ""
	for _, e := range slices.Concat(stored, r.tail) {
		switch {
		case e.Type != chat.TypeMsg || e.ID != id || e.Sender == author:
		case author != "":
			return "", errAmbiguous
		default:
			author = e.Sender
		}
	}
	return author, nil
}

// about returns the entries of these types, or of any, about messages, in order, with their
// authors: what of the log is stored and counts, and all of what is not.
func (r *record) about(ctx context.Context, names []store.Name, types ...string) ([]store.Entry, error) {
	found, _, err := r.aboutSome(ctx, names, 0, types...)
	return found, err
}

// aboutSome is about; with a limit other than 0 it returns false, and nothing, where more than that
// is stored.
func (r *record) aboutSome(ctx context.Context, names []store.Name, limit int, types ...string) ([]store.Entry, bool, error) {
	found, whole, err := r.records.about(ctx, r.room, names, limit, types...)
	if err != nil || !whole {
		return nil, false, err
	}
	stored := uint64(0)
	if n := len(found); n > 0 {
		stored = found[n-1].Seq
	}
	wanted := make(map[store.Name]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	for _, e := range r.tail {
		if e.Seq > stored && wanted[store.Name{Sender: e.Author, ID: e.Target}] && (len(types) == 0 || slices.Contains(types, e.Type)) {
			found = append(found, e)
		}
	}
	return found, true, nil
}

// changes returns how often a message was changed, and how often it was edited, up to a limit.
func (r *record) changes(ctx context.Context, name store.Name, limit int) (all, edits int, err error) {
	all, edits, err = r.store.Changes(ctx, r.room, name, limit)
	for _, e := range r.tail {
		if e.Author == name.Sender && e.Target == name.ID {
			all++
			if e.Type == chat.TypeEdited {
				edits++
			}
		}
	}
	return all, edits, err
}

// everything is a Seq that is after all.
const everything = uint64(math.MaxInt64)
