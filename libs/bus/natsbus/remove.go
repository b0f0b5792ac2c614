package natsbus

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Remove implements driver.Log. The server overwrites the entry on disk with random bytes.
func (b *Driver) Remove(ctx context.Context, room string, seq uint64) error {
	// a replica may not have it yet
	m, err := b.askLeader(ctx, b.names.stream, getRequest{Seq: seq})
	switch {
	case errors.Is(err, errNotFound):
		return nil
	case err != nil:
		return err
	}
	if r, ok := b.names.roomOf(b.names.log, m.Subject); !ok || r != room {
		return nil // another room's entry has that Seq
	}
	s, err := b.js.Stream(ctx, b.names.stream)
	if err != nil {
		return err
	}
	if err := b.markRemoved(ctx, seq); err != nil {
		return err
	}
	// The server writes the time 0 over that of the entry. After a crash it takes the time of the
	// last entry in a file for that of the file, decides that the file is too old to contain keys
	// of the window of repeats, and stores the repeats again (nats-server 2.15,
	// rebuildStateFromBufLocked and selectMsgBlockForStart). So the entry to erase must not be the
	// last.
	if _, err := b.fences.pass(ctx); err != nil {
		return err
	}
	return b.erase(ctx, s, seq)
}

// erase removes the entry of a stream at a Seq, if there is one.
func (b *store) erase(ctx context.Context, s jetstream.Stream, seq uint64) error {
	err := s.SecureDeleteMsg(ctx, seq)
	// somebody else was faster, or the call has to be made again
	if errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
		if _, err := b.askLeader(ctx, s.CachedInfo().Config.Name, getRequest{Seq: seq}); errors.Is(err, errNotFound) {
			return nil
		}
	}
	return err
}

// A note of each removed entry tells it from a Seq that the log never had: a position at the latter
// is void, since the log was restored to an older state and continued with other entries. (On a
// cluster, a free Seq may also have been a fence's.)

const removedPrefix = "removed."

func removedKey(seq uint64) string { return removedPrefix + strconv.FormatUint(seq, 10) }

func (b *store) markRemoved(ctx context.Context, seq uint64) error {
	_, err := b.state.Put(ctx, removedKey(seq), nil)
	return err
}

// wasRemoved reports whether Remove has removed an entry with that Seq.
func (b *store) wasRemoved(ctx context.Context, seq uint64) (bool, error) {
	note, err := b.noted(ctx, removedKey(seq))
	return note != nil, err
}

// forgetRemoved drops the notes about entries that retention would have trimmed by now: a trimmed
// Seq can be told from one that the log never had without them.
func (b *store) forgetRemoved(ctx context.Context, before uint64) error {
	keys, err := b.state.ListKeysFiltered(ctx, removedPrefix+"*")
	if err != nil {
		return err
	}
	var old []string
	for k := range keys.Keys() {
		if seq, err := strconv.ParseUint(strings.TrimPrefix(k, removedPrefix), 10, 64); err == nil && seq < before {
			old = append(old, k)
		}
	}
	if len(old) == 0 {
		return nil
	}
	return b.forgetKeys(ctx, old)
}

// forgetKeys deletes keys from the bucket without a trace, so that they can be created again.
func (b *store) forgetKeys(ctx context.Context, keys []string) error {
	s, err := b.js.Stream(ctx, "KV_"+b.names.stateBucket())
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := s.Purge(ctx, jetstream.WithPurgeSubject("$KV."+b.names.stateBucket()+"."+k)); err != nil {
			return err
		}
	}
	return nil
}
