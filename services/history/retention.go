package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/retention"
	"hubbub.internal/services/history/store"
)

const (
	// sweepEvery lies between two rounds of retention through all rooms, and sweepLook is how often
	// each process looks whether one is due.
	sweepEvery = 10 * time.Minute
	sweepLook  = 2 * time.Second
	// sweepRetry is how long a round waits that has failed, as when the directory is of a release
	// before there were rules.
	sweepRetry = 30 * time.Second
	// sweepLease is how long a process has the round to itself. Two that work on one do no harm.
	sweepLease = 30 * time.Second
	// sweepBatch is how many entries are removed at a time, and sweepBatches how many times in one
	// room before the round is saved. After each the others have their turn, for twice as long as
	// it took and sweepPause at least.
	sweepBatch   = 200
	sweepBatches = 20
	sweepPause   = 20 * time.Millisecond
)

// sweeper removes what rooms do not keep any longer: by the rules of retention, by resets, and what
// no hold keeps.
type sweeper struct {
	store     store.Store
	bus       bus.Interface
	log       *zap.Logger
	directory *directoryapi.Client
	metrics   *metrics
	jobs      *jobs
	holds     *holds
	wake      chan struct{} // the round is due
}

// hurry answers historyapi.ServiceSweep.
func (w *sweeper) hurry(ctx context.Context, _ historyapi.SweepRequest) (historyapi.SweepReply, error) {
	err := w.store.HurrySweep(ctx)
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return historyapi.SweepReply{}, err
}

// run keeps to the rules of retention until ctx ends.
func (w *sweeper) run(ctx context.Context) {
	for {
		worked, err := w.holds.drop(ctx)
		if err == nil && !worked {
			worked, err = w.resetSome(ctx)
		}
		if err == nil && !worked {
			worked, err = w.sweepSome(ctx)
		}
		wait := sweepLook
		switch {
		case err != nil && ctx.Err() == nil:
			w.log.Warn("could not keep to the rules of retention; trying again", zap.Error(err), zap.Duration("after", sweepRetry))
			wait = sweepRetry
		case worked:
			wait = sweepPause
		}
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-time.After(wait):
		}
	}
}

// sweepSome goes on with the round if it is due and no other process does, and reports whether
// there is more to do.
func (w *sweeper) sweepSome(ctx context.Context) (bool, error) {
	now := time.Now()
	round, mine, err := w.store.ClaimSweep(ctx, now.UnixMilli(), now.Add(sweepLease).UnixMilli())
	if err != nil || !mine {
		return false, err
	}
	err = w.sweepRooms(ctx, &round, now)
	if err != nil {
		round.Due = now.Add(sweepRetry).UnixMilli() // of all processes
	}
	// How far it has got is kept also when it failed halfway, and when the process ends.
	save, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepLease/10)
	defer cancel()
	err = errors.Join(err, w.store.SaveSweep(save, round))
	return round.Due <= now.UnixMilli(), err
}

// sweepRooms goes on with the next rooms of the round, for as long as the lease is sure to last.
func (w *sweeper) sweepRooms(ctx context.Context, round *store.Sweep, began time.Time) error {
	var rooms []string
	for after := round.Room; len(rooms) < directoryapi.MaxRetention; {
		room, err := w.store.NextRoom(ctx, after)
		if err != nil {
			return err
		}
		if room == "" {
			break
		}
		rooms, after = append(rooms, room), room
	}
	if len(rooms) == 0 {
		if err := w.tellRest(ctx); err != nil {
			return err
		}
		round.Room, round.Due = "", began.Add(sweepEvery).UnixMilli()
		w.metrics.swept.Set(float64(began.Unix()))
		return nil
	}
	rules, err := w.rules(ctx, rooms)
	if err != nil {
		return err
	}
	for _, room := range rooms {
		if time.Since(began) > sweepLease/3 {
			return nil
		}
		if rule, ok := rules[room]; ok && !w.jobs.forgotten(room) {
			if through, err := w.sweepRoom(ctx, room, rule, began); err != nil || !through {
				return err
			}
		}
		round.Room = room
	}
	return nil
}

// rules returns how long the messages of rooms are kept. Rooms that are gone are not in it.
func (w *sweeper) rules(ctx context.Context, rooms []string) (map[string]retention.Effect, error) {
	rules, err := w.directory.Retention(ctx, rooms)
	if err != nil {
		return nil, fmt.Errorf("how long messages are kept: %w", err)
	}
	return rules, nil
}

// sweepRoom removes what a room does not keep, and reports whether it came to its end.
func (w *sweeper) sweepRoom(ctx context.Context, room string, rule retention.Effect, began time.Time) (bool, error) {
	nth := uint64(0) // of messages before this one there are enough behind it
	if rule.Count > 0 {
		var err error
		if nth, err = w.store.NthNewest(ctx, room, rule.Count); err != nil {
			return false, err
		}
	}
	for range sweepBatches {
		batch := time.Now()
		found, err := w.store.Since(ctx, room, 0, sweepBatch)
		if err != nil {
			return false, err
		}
		through, n := expired(found, rule, nth, batch)
		if n == 0 {
			return true, w.tellRemoved(ctx, room, rule)
		}
		if err := w.clearLog(ctx, room, through); err != nil {
			return false, err
		}
		if _, err := w.store.RemoveThrough(ctx, room, through, n); err != nil {
			return false, err
		}
		w.metrics.expired.Add(float64(n))
		if err := pauseAfter(ctx, batch); err != nil {
			return false, err
		}
		if time.Since(began) > sweepLease/3 {
			break
		}
	}
	return false, nil
}

// expired returns how many of the first entries of a room are not kept, and the Seq of the last of
// these: all up to the first that is. Times of messages hardly ever go back; where they do, as
// after an import, what is older waits for what comes before it.
func expired(found []store.Entry, rule retention.Effect, nth uint64, now time.Time) (through uint64, n int) {
	old, least := int64(0), retention.Before(now, rule.Least)
	if rule.Days > 0 {
		old = retention.Before(now, rule.Days)
	}
	for _, e := range found {
		ts := timeOf(e)
		if ts >= old && (e.Seq >= nth || ts >= least) {
			break
		}
		through = e.Seq
		n++
	}
	return through, n
}

// timeOf returns the time of an entry, in UTC milliseconds; 0 if it says none.
func timeOf(e store.Entry) int64 {
	event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
	if err != nil {
		return 0
	}
	return event.TS
}

// clearLog removes what the log still has of a room through a Seq.
func (w *sweeper) clearLog(ctx context.Context, room string, through uint64) error {
	for limit := 1; ; limit = forgetBatch {
		got, err := w.bus.Replay(ctx, room, bus.Position{}, limit)
		if err != nil {
			return fmt.Errorf("what the log has of what is removed: %w", err)
		}
		if len(got.Entries) == 0 {
			return nil
		}
		for _, e := range got.Entries {
			if e.Seq > through {
				return nil
			}
			if err := w.bus.Remove(ctx, room, e.Seq); err != nil {
				return fmt.Errorf("remove from the log: %w", err)
			}
		}
	}
}

// tellRemoved writes into the audit log what was removed in a room, if it does not know yet. After
// a crash it may say so twice.
func (w *sweeper) tellRemoved(ctx context.Context, room string, rule retention.Effect) error {
	r, err := w.store.Removed(ctx, room)
	if err != nil || r.Messages <= r.Told {
		return err
	}
	n := r.Messages - r.Told
	if err := w.directory.Removed(ctx, directoryapi.RemovedRequest{Room: room, Rule: rule.String(), Messages: n, Through: r.Through}); err != nil {
		return fmt.Errorf("tell what retention has removed: %w", err)
	}
	w.log.Info("removed messages that are not kept any longer",
		zap.String("room", room), zap.String("kept", rule.String()), zap.Int64("messages", n), zap.Uint64("through", r.Through))
	return w.store.PutTold(ctx, room, r.Messages)
}

// tellRest tells the audit log of what was removed in rooms that had nothing left when it could not
// be told: no round comes to these.
func (w *sweeper) tellRest(ctx context.Context) error {
	for after := ""; ; {
		rooms, err := w.store.Untold(ctx, after, directoryapi.MaxRetention)
		if err != nil || len(rooms) == 0 {
			return err
		}
		rules, err := w.rules(ctx, rooms)
		if err != nil {
			return err
		}
		for _, room := range rooms {
			if rule, ok := rules[room]; ok && !w.jobs.forgotten(room) {
				if err := w.tellRemoved(ctx, room, rule); err != nil {
					return err
				}
			}
			after = room
		}
	}
}

// addRemoved adds to a page what is removed of its room.
func (p *pages) addRemoved(ctx context.Context, room string, page json.RawMessage) (json.RawMessage, error) {
	r, err := p.store.Removed(ctx, room)
	if err != nil || r.Through == 0 {
		return page, err
	}
	removed, err := json.Marshal(historyapi.Removed{Through: r.Through, Messages: r.Messages})
	return append(append(append(page[:len(page)-1], `,"removed":`...), removed...), '}'), err
}
