package history

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// maxResets is how many rooms that were reset are seen to at a time.
const maxResets = 1000

// resetsOf returns the resets among entries that are to be stored, and hides what comes before
// them: as soon as one is stored, the tail of the log, which says so until then, does not have it.
// A reset that was appended again, and stands at an earlier Seq in the record or among the entries,
// resets nothing: what was said since the first one stays.
func (w *sweeper) resetsOf(ctx context.Context, entries []store.Entry) (resets []store.Entry, err error) {
	for _, e := range entries {
		if e.Type != chat.TypeReset {
			continue
		}
		first, known, err := w.store.Find(ctx, e.Room, e.Sender, e.ID)
		if err != nil {
			return nil, err
		}
		again := slices.ContainsFunc(resets, func(r store.Entry) bool { return r.Room == e.Room && r.Name() == e.Name() })
		if again || known && first.Seq != e.Seq {
			continue
		}
		w.jobs.reset(e.Room, e.Seq)
		resets = append(resets, e)
	}
	return resets, nil
}

// noteResets notes resets that were stored: all that comes before them is removed.
func (w *sweeper) noteResets(ctx context.Context, resets []store.Entry) error {
	for _, e := range resets {
		if err := w.store.PutReset(ctx, e.Room, e.Seq); err != nil {
			return err
		}
	}
	if len(resets) > 0 {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// resetSome removes some of what is from before resets, and reports whether there is more. Several
// processes that do the same do no harm.
func (w *sweeper) resetSome(ctx context.Context) (bool, error) {
	rooms, err := w.store.Resets(ctx, maxResets)
	if err != nil {
		return false, err
	}
	for room, seq := range rooms {
		if err := w.clearLog(ctx, room, seq-1); err != nil {
			return false, err
		}
		n, err := w.store.RemoveThrough(ctx, room, seq-1, sweepBatch)
		if err != nil {
			return false, err
		}
		w.metrics.expired.Add(float64(n))
		if n < sweepBatch {
			if err := w.store.EndReset(ctx, room, seq); err != nil {
				return false, err
			}
			w.log.Info("removed what was said in a room before it was reset", zap.String("room", room), zap.Uint64("seq", seq))
		}
	}
	return len(rooms) > 0, nil
}

// floorOf returns the Seq of the last entry that has reset the room of a record.
func (r *record) floorOf() uint64 {
	floor := r.jobs.floor(r.room)
	for _, e := range r.tail {
		if e.Type == chat.TypeReset {
			floor = max(floor, e.Seq)
		}
	}
	return floor
}

// above returns entries, in order or not, without those from before the room was reset.
func (r *record) above(entries []store.Entry) []store.Entry {
	if r.floor == 0 {
		return entries
	}
	kept := entries[:0:0]
	for _, e := range entries {
		if e.Seq >= r.floor {
			kept = append(kept, e)
		}
	}
	return kept
}

// readResets moves a user's positions in rooms that were reset to there: nothing before that is new
// to anybody. It reports whether it has moved any.
func (p *positions) readResets(ctx context.Context, user string, found []store.Inbox) (bool, error) {
	reads := make(map[string]uint64)
	for _, in := range found {
		if floor := p.jobs.floor(in.Room); in.Known && in.Read+1 < floor {
			reads[in.Room] = floor - 1
		}
	}
	if len(reads) == 0 {
		return false, nil
	}
	return true, p.store.PutReads(ctx, user, reads)
}
