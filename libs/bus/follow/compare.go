package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus/driver"
)

// compareParallel is how many batches of rooms are compared at the same time.
const compareParallel = 4

// maxDeaf is how many comparisons in a row may find a room behind, without any hint in between,
// before the engine assumes that its subscription failed silently, and renews it. A lost connection
// costs one.
const maxDeaf = 2

// liveDelay is how long a room that a comparison finds behind gets for live entries in flight, if
// nothing has disturbed its subscription: see compare.
const liveDelay = 100 * time.Millisecond

// recheckQueue collects the rooms that may have missed something.
type recheckQueue struct {
	mu    sync.Mutex
	all   bool
	rooms map[string]struct{}
	wake  chan struct{}
}

func (d *recheckQueue) add(all bool, rooms []string) {
	d.mu.Lock()
	d.all = d.all || all
	if !d.all {
		if d.rooms == nil {
			d.rooms = make(map[string]struct{})
		}
		for _, r := range rooms {
			d.rooms[r] = struct{}{}
		}
	}
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *recheckQueue) drain() (all bool, rooms []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for r := range d.rooms {
		rooms = append(rooms, r)
	}
	all, d.all, d.rooms = d.all, false, nil
	return all, rooms
}

// Suspect says that any room may have missed something, and why: a lost connection, a slow
// consumer, a new leader. It returns at once; then the engine compares all rooms with the log,
// until that succeeds. It checks a hint that comes before its room's turn against the log: after a
// failover the Seq of the last entry may be another entry's. So a driver calls it before it
// delivers anything from a new connection.
func (e *Engine) Suspect(reason string) {
	e.epoch.Add(1)
	e.log.Info("comparing all rooms with the log", zap.String("reason", reason))
	e.rechecks.add(true, nil)
	e.watchers.each(driver.Watcher.Suspect)
}

// SuspectRooms is Suspect for some rooms only. Rooms that are not followed are ignored.
func (e *Engine) SuspectRooms(reason string, rooms ...string) {
	e.log.Debug("comparing rooms with the log", zap.String("reason", reason), zap.Int("rooms", len(rooms)))
	e.rechecks.add(false, rooms)
}

func (e *Engine) compareLoop(ctx context.Context) {
	tick := time.NewTicker(e.opts.CompareEvery)
	defer tick.Stop()
	pause := minPause
	for {
		all, names := true, []string(nil)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.rechecks.wake:
			all, names = e.rechecks.drain()
		}
		rooms := e.list(all, names)
		err := e.compare(ctx, rooms)
		if err == nil {
			pause = minPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		e.metrics.failures.Inc()
		e.log.Warn("cannot compare rooms with the log; trying again", zap.Int("rooms", len(rooms)), zap.Error(err))
		e.rechecks.add(all, names)
		if await.Sleep(ctx, pause) != nil {
			return
		}
		pause = min(2*pause, maxPause)
	}
}

func (e *Engine) list(all bool, names []string) []*room {
	var rooms []*room
	if all {
		for i := range e.shards {
			rooms = append(rooms, e.shards[i].list()...)
		}
		return rooms
	}
	for _, n := range names {
		if r := e.shardOf(n).get(n); r != nil {
			rooms = append(rooms, r)
		}
	}
	return rooms
}

// finding is a room's head, as the log had it.
type finding struct {
	r      *room
	epoch  uint32
	before uint64 // the room's last entry when the log was asked
	head   Head
}

// compare asks the log for the rooms' heads and fills the rooms that are behind.
//
// A head may be an entry of this moment, which the log has and which has not come live yet. That
// proves no loss, and a coarse driver cannot tell it from one when retention has removed the room's
// last entry: see missing. So undisturbed rooms are judged a moment later.
func (e *Engine) compare(ctx context.Context, rooms []*room) error {
	var mu sync.Mutex
	var ahead []finding
	g, limited := errgroup.WithContext(ctx)
	g.SetLimit(compareParallel)
	for chunk := range slices.Chunk(rooms, e.opts.Batch) {
		g.Go(func() error {
			found, err := e.compareChunk(limited, chunk)
			mu.Lock()
			defer mu.Unlock()
			ahead = append(ahead, found...)
			return err
		})
	}
	err := g.Wait()
	if len(ahead) == 0 {
		return err
	}
	if err := await.Sleep(ctx, liveDelay); err != nil {
		return err
	}
	for _, f := range ahead {
		f.r.compared(e, f.epoch, f.before, f.head)
	}
	return err
}

// compareChunk returns the rooms to judge later.
func (e *Engine) compareChunk(ctx context.Context, rooms []*room) (ahead []finding, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	epoch := e.epoch.Load()
	before := make([]uint64, len(rooms))
	for i, r := range rooms {
		r.mu.Lock()
		before[i] = r.held
		r.mu.Unlock()
	}
	heads, err := e.src.Heads(ctx, namesOf(rooms))
	if err != nil {
		return nil, fmt.Errorf("last entries of rooms: %w", err)
	}
	if len(heads) != len(rooms) {
		return nil, errors.New("the driver did not answer for every room")
	}
	for i, r := range rooms {
		if r.undisturbed(e) && heads[i].Seq > before[i] {
			ahead = append(ahead, finding{r, epoch, before[i], heads[i]})
			continue
		}
		r.compared(e, epoch, before[i], heads[i])
	}
	e.metrics.compared.Add(float64(len(rooms)))
	return ahead, nil
}

// undisturbed reports whether a coarse driver's room has lost nothing, as far as is known.
func (r *room) undisturbed(e *Engine) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return e.opts.Coarse && r.state == live && !r.filling && r.epoch == e.epoch.Load()
}

// compared judges the room by the log's head, which is not older than the moment when before was
// the room's last entry.
func (r *room) compared(e *Engine, epoch uint32, before uint64, head Head) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heard {
		r.heard, r.deaf = false, 0
	}
	switch {
	case r.state != live:
	case head.Seq > r.held:
		r.want = max(r.want, head.Seq)
		e.metrics.behind.Inc()
		if r.filling {
			return // the room is being filled already
		}
		r.distrust(e)
		r.fill(e)
		if r.deaf++; r.deaf >= maxDeaf {
			r.deaf = 0
			e.subscriptions.add(&e.subscriptions.renew, r)
		}
	case head.Seq == r.held && head.Seq != 0:
		if !r.known(head.Seq, head.ID) {
			r.fill(e) // another entry has the last entry's Seq
			return
		}
		r.confirm(epoch, head)
	case r.held != before: // an entry came meanwhile: the head is merely older
	// retention has removed entries of the room that did not come live, or may have
	case head.Front > r.through:
		if e.opts.Coarse && r.epoch == e.epoch.Load() {
			r.confirm(epoch, head) // see missing
			return
		}
		r.fill(e)
	case r.held <= head.Front: // retention has removed the last entry, or there is none
		r.confirm(epoch, head)
	case r.low == head.Seq+1 && r.epoch == epoch:
		r.through = max(r.through, head.Through)
	// the last entry is not the log's last any more: removed, trimmed, or lost with the log's tail
	default:
		r.lowAsked = head.Seq + 1
		r.fill(e)
	}
}

// confirm notes that nothing is missing after the last entry. r.mu is held.
func (r *room) confirm(epoch uint32, head Head) {
	if r.epoch < epoch { // the log may have lost its tail since: earlier findings are void
		r.through = 0
	}
	r.epoch = max(r.epoch, epoch)
	r.through = max(r.through, r.held, head.Through)
}
