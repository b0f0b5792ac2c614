// Package consume is the part of bus.Log.Consume that all drivers share: it hands a partition's
// entries to a handler, again and again while that fails, and in the end one by one, so that one
// bad entry holds up nothing. It knows no server, and does not know who reads which partition.
package consume

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
)

const (
	// batchTries is how often a failing batch is tried, singleTries how often each of its entries
	// alone.
	batchTries  = 5
	singleTries = 2
	// leastPause and mostPause bound the time between two tries.
	leastPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// Tries is how often an entry is handed over, in its batch and alone, before it is parked.
const Tries = batchTries + singleTries

// Patience returns how long a handler that fails at once gets an entry before it is parked: the
// pauses between the tries. A fault that is over sooner never parks an entry.
func Patience() (sum time.Duration) {
	for _, tries := range []int{batchTries, singleTries} {
		pause := leastPause
		for range tries - 1 {
			sum += pause
			pause = min(2*pause, mostPause)
		}
	}
	return sum
}

// Reader hands the entries of one partition to a handler.
type Reader struct {
	Handle func(ctx context.Context, batch []driver.Entry) error
	Stop   <-chan struct{} // closed to give the partition up
	Log    *zap.Logger
	// Done is called for each entry of a batch that is handed over one by one: with nil when the
	// handler took it, otherwise with the handler's error; then it has to park the entry. Its error
	// ends Process.
	Done func(ctx context.Context, e driver.Entry, failed error) error
}

// Process hands a batch to the handler, again and again until every entry of it is accepted or
// parked: then it returns nil. It returns an error when ctx ends, the partition is to be given up,
// or Done fails.
func (r *Reader) Process(ctx context.Context, batch []driver.Entry) error {
	err := r.try(ctx, batch, batchTries)
	if err == nil || r.ends(ctx) {
		return err
	}
	r.Log.Warn("a batch keeps failing; handing over its entries one by one", zap.Int("entries", len(batch)), zap.Error(err))
	for _, e := range batch {
		if err := r.Single(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// Single hands one entry over until the handler accepts it or its tries are used up, and calls
// Done. Its errors are those of Process.
func (r *Reader) Single(ctx context.Context, e driver.Entry) error {
	failed := r.try(ctx, []driver.Entry{e}, singleTries)
	if failed != nil && r.ends(ctx) {
		return failed
	}
	if err := r.Done(ctx, e, failed); err != nil {
		return err
	}
	if failed != nil {
		r.Log.Error("parked an entry that keeps failing", zap.String("room", e.Room), zap.Uint64("seq", e.Seq), zap.String("id", e.ID), zap.Error(failed))
	}
	return nil
}

// try hands entries over until the handler succeeds, ctx ends, the partition is given up, or the
// handler has failed tries times for reasons of the entries' own (not driver.ErrRetry).
func (r *Reader) try(ctx context.Context, batch []driver.Entry, tries int) error {
	failed, pause, away := 0, leastPause, false
	for ; ; pause = min(2*pause, mostPause) {
		err := r.Handle(ctx, slices.Clone(batch)) // a copy: a handler may sort or cut it
		if err == nil {
			return nil
		}
		// the error is of the other kind: start again
		if retry := errors.Is(err, driver.ErrRetry); retry != away {
			away, pause = retry, leastPause
		}
		if !away {
			failed++
		}
		if failed >= tries || r.ends(ctx) {
			return err
		}
		r.Log.Info("a batch failed; trying again", zap.Int("entries", len(batch)), zap.Duration("after", pause), zap.Error(err))
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
		case <-r.Stop:
		}
		t.Stop()
		if r.ends(ctx) {
			return err
		}
	}
}

// ends reports whether to stop handing entries over.
func (r *Reader) ends(ctx context.Context) bool {
	select {
	case <-r.Stop:
		return true
	default:
		return ctx.Err() != nil
	}
}
