package natsbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// sweepRemoved is how often, at most, Trim looks through the notes about removed entries.
const sweepRemoved = 10 * time.Minute

// streamState returns the stream and its present state.
func (b *store) streamState(ctx context.Context) (jetstream.Stream, jetstream.StreamState, error) {
	ctx, done := b.attempt(ctx)
	defer done()
	s, err := b.js.Stream(ctx, b.names.stream)
	if err != nil {
		return nil, jetstream.StreamState{}, fmt.Errorf("look at the stream: %w", err)
	}
	return s, s.CachedInfo().State, nil
}

// Trim implements driver.Log. It removes what is older than MaxAge and, above three quarters of
// MaxBytes, the oldest entries, up to the first that a required group has not consumed.
func (b *Driver) Trim(ctx context.Context) error {
	s, state, err := b.streamState(ctx)
	if err != nil {
		return err
	}
	cut, err := b.wantCut(ctx, state)
	if err != nil || cut <= state.FirstSeq {
		return err
	}
	unread, err := b.firstUnread(ctx, state.LastSeq+1)
	if err != nil {
		return err
	}
	// The mark is the last entry that is trimmed, not the Seq before the first that stays: between
	// them there may be Seqs of removed entries, and of fences, which are younger than those
	// entries. Rooms that were compared before the young Seqs were given out would look as if they
	// had missed something.
	last, err := b.lastBefore(ctx, state.FirstSeq, min(cut, unread))
	if err != nil {
		return fmt.Errorf("find the last entry to take: %w", err)
	}
	if last == 0 {
		return nil
	}
	cut = last + 1
	if err := b.raise(ctx, trimmedName, last); err != nil {
		return fmt.Errorf("note what is trimmed: %w", err)
	}
	if err := s.Purge(ctx, jetstream.WithPurgeSequence(cut)); err != nil {
		return fmt.Errorf("trim: %w", err)
	}
	if time.Since(b.swept) > sweepRemoved {
		b.swept = time.Now()
		if err := b.forgetRemoved(ctx, cut); err != nil {
			return fmt.Errorf("forget what was removed: %w", err)
		}
	}
	b.metrics.trims.Inc()
	b.log.Debug("trimmed the log", zap.Uint64("before", cut))
	return nil
}

// wantCut returns the first Seq to keep by age and size, or 0.
func (b *store) wantCut(ctx context.Context, state jetstream.StreamState) (uint64, error) {
	if state.Msgs == 0 {
		return 0, nil
	}
	ctx, done := b.attempt(ctx)
	defer done()
	cut := uint64(0)
	if oldest := time.Now().Add(-b.cfg.MaxAge); state.FirstTime.Before(oldest) {
		got, err := b.get(ctx, b.names.stream, getRequest{Start: oldest.UTC().Format(time.RFC3339Nano), NextFor: ">"})
		switch {
		case errors.Is(err, errNotFound): // everything is too old, as of the state
			cut = state.LastSeq + 1
		case err != nil:
			return 0, fmt.Errorf("find the oldest entry to keep: %w", err)
		default:
			cut = headerUint(got.msgs[0].Header, headerSeq)
		}
	}
	if soft := uint64(b.cfg.MaxBytes) / 4 * 3; state.Bytes > soft {
		// by their mean size; the next look corrects it
		n := (state.Bytes - soft) * state.Msgs / state.Bytes
		cut = max(cut, state.FirstSeq+n+1)
	}
	return cut, nil
}

// firstUnread returns the first Seq that a required group has not consumed, or end if there is
// none.
func (b *store) firstUnread(ctx context.Context, end uint64) (uint64, error) {
	groups, err := b.groups(ctx)
	if err != nil {
		return 0, err
	}
	for _, g := range groups {
		for n := range b.cfg.Partitions {
			at, _, err := b.offset(ctx, g, n)
			if err != nil {
				return 0, fmt.Errorf("what group %s has consumed: %w", g, err)
			}
			if at.Seq+1 >= end {
				continue
			}
			next, err := b.nextIn(ctx, n, at.Seq+1)
			if err != nil {
				return 0, fmt.Errorf("next entry of partition %d: %w", n, err)
			}
			if next != 0 {
				end = min(end, next)
			}
		}
	}
	return end, nil
}

// nextIn returns the Seq of the first entry of a partition at or after seq, or 0.
func (b *store) nextIn(ctx context.Context, partition int, seq uint64) (uint64, error) {
	return b.nextOf(ctx, b.names.inPartition(partition), seq)
}

// nextOf returns the Seq of the first entry with a subject at or after seq, or 0. It asks the
// stream's leader: a replica that is behind may not know of unread entries.
func (b *store) nextOf(ctx context.Context, subject string, seq uint64) (uint64, error) {
	ctx, done := b.attempt(ctx)
	defer done()
	m, err := b.askLeader(ctx, b.names.stream, getRequest{Seq: seq, NextFor: subject})
	if errors.Is(err, errNotFound) {
		return 0, nil
	}
	return m.Seq, err
}

// lastBefore returns the Seq of the log's last entry that is before end and not before first, or 0.
// JetStream finds the next entry from a Seq on, so this searches by bisection, from the end: mostly
// the entry is right there.
func (b *store) lastBefore(ctx context.Context, first, end uint64) (uint64, error) {
	next := func(seq uint64) (uint64, error) {
		found, err := b.nextOf(ctx, b.names.log+">", seq)
		if found >= end {
			found = 0
		}
		return found, err
	}
	var last uint64
	// invariant: there is no entry at or after to, and last is in [from, to) once it is found
	from, to := end, end
	for step := uint64(1); last == 0 && from > first; step *= 2 {
		to = from
		from = max(first, from-min(from, step))
		var err error
		if last, err = next(from); err != nil {
			return 0, err
		}
	}
	for last != 0 && last+1 < to {
		middle := last + 1 + (to-last-1)/2
		found, err := next(middle)
		switch {
		case err != nil:
			return 0, err
		case found != 0:
			last = found
		default:
			to = middle
		}
	}
	return last, nil
}
