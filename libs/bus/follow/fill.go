package follow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus/driver"
)

// fillLimit is how many entries one Replay asks for: the contract's limit.
const fillLimit = 1000

// maxReads is how often a fill reads a log that is shorter than a hint said, before it believes the
// log. A cluster's server may be behind for a moment; a hint may also be about an entry that was
// lost with a log's tail.
const maxReads = 20

const (
	minPause = 20 * time.Millisecond
	maxPause = 2 * time.Second
)

// queue holds the rooms to fill, each at most once.
type queue struct {
	mu     sync.Mutex
	more   sync.Cond
	rooms  []*room
	closed bool
}

func (q *queue) init() { q.more.L = &q.mu }

func (q *queue) push(r *room) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rooms = append(q.rooms, r)
	q.more.Signal()
}

// pop waits for a room; nil: the queue is closed.
func (q *queue) pop() *room {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.rooms) == 0 && !q.closed {
		q.more.Wait()
	}
	if q.closed {
		return nil
	}
	r := q.rooms[0]
	q.rooms[0] = nil
	q.rooms = q.rooms[1:]
	if len(q.rooms) == 0 {
		q.rooms = nil
	}
	return r
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

func (e *Engine) fillLoop(ctx context.Context) {
	pause := minPause
	for {
		r := e.fills.pop()
		if r == nil {
			return
		}
		err := e.fillRoom(ctx, r)
		if err == nil {
			pause = minPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		e.metrics.failures.Inc()
		e.log.Warn("cannot read a room's log; trying again", zap.String("room", r.name), zap.Error(err))
		// the room stays marked as filling, so hints are held back until the log has been read
		e.fills.push(r)
		if await.Sleep(ctx, pause) != nil {
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// errBehind says that the log is shorter than a hint said.
var errBehind = errors.New("the log ends before a live entry of it")

// fillRoom reads the room's log from its last entry until nothing is missing.
func (e *Engine) fillRoom(ctx context.Context, r *room) error {
	pause := minPause
	for reads := 1; ; {
		r.mu.Lock()
		if r.state != live {
			r.filling = false
			r.mu.Unlock()
			return nil
		}
		epoch := e.epoch.Load()
		at, through := driver.Position{Seq: r.held, ID: string(r.heldID)}, r.through
		r.again = false
		r.mu.Unlock()

		rep, from, err := e.read(ctx, r.name, at, through)
		if err != nil {
			return err
		}
		front, err := e.front(ctx, r.name, rep)
		if err != nil {
			return err
		}
		if rep.Rewound {
			if err := e.rewindRoom(ctx, r); err != nil {
				return err
			}
			continue
		}
		done, moved := r.filled(e, rep, from, front, epoch, reads >= maxReads)
		if done {
			return nil
		}
		if moved || rep.More {
			reads, pause = 1, minPause
			continue
		}
		reads++
		if err := await.Sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, maxPause/4)
	}
}

// filled handles what the log has after the last entry, read from there or from a later place up to
// which nothing was missing. For a truncated answer of a coarse driver, front is how far retention
// had come after it. It reports whether the room is up to date, and whether it delivered anything.
// With last, it no longer believes a hint beyond the end of the log.
func (r *room) filled(e *Engine, rep driver.Replayed, from, front uint64, epoch uint32, last bool) (done, moved bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != live {
		r.filling = false
		return true, false
	}
	before := r.held
	if rep.Truncated && r.missing(e, rep, front) {
		r.miss(e, rep)
	}
	// the answer is newer than the earlier findings, and the log may have lost its tail since
	if !rep.Truncated && from == r.held {
		r.through = r.held
	}
	r.epoch = epoch
	for _, en := range rep.Entries {
		if en.Seq > r.held {
			r.deliver(en)
			e.metrics.filled.Inc()
		}
	}
	if rep.More {
		return false, true
	}
	done = r.settle(e, rep.Through)
	if !done && last && !r.again {
		e.log.Warn("live entries are ahead of the log; dropping them",
			zap.String("room", r.name), zap.Uint64("log", rep.Through), zap.Uint64("hint", r.want), zap.Error(errBehind))
		r.dropBack(e)
		r.want, r.first, done = 0, 0, true
	}
	if done {
		r.filling = false
		if r.lowAsked != 0 { // the log has answered: it is no rewind
			r.low, r.lowAsked = r.lowAsked, 0
		}
	}
	return done, r.held != before
}

// read asks the log for the entries after one. When retention has removed that entry, the answer is
// from the later place up to which nothing is missing. It returns from which Seq the answer is.
func (e *Engine) read(ctx context.Context, name string, at driver.Position, through uint64) (rep driver.Replayed, from uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	from = at.Seq
	rep, err = e.src.Replay(ctx, name, at, fillLimit)
	if err == nil && rep.Truncated && !rep.Rewound && through > at.Seq {
		from = through
		rep, err = e.src.Replay(ctx, name, driver.Position{Seq: through}, fillLimit)
	}
	if err != nil {
		return rep, from, fmt.Errorf("replay: %w", err)
	}
	return rep, from, nil
}

// front returns how far retention has come. It is called only where a decision depends on it.
func (e *Engine) front(ctx context.Context, name string, rep driver.Replayed) (uint64, error) {
	if !e.opts.Coarse || !rep.Truncated || rep.Rewound {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	heads, err := e.src.Heads(ctx, []string{name})
	if err != nil {
		return 0, fmt.Errorf("how far retention has come: %w", err)
	}
	return heads[0].Front, nil
}

// rewindRoom starts the room anew at the log's present end, and tells the followers.
func (e *Engine) rewindRoom(ctx context.Context, r *room) error {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	heads, err := e.src.Heads(ctx, []string{r.name})
	if err != nil {
		return fmt.Errorf("last entry of the room: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != live {
		return nil
	}
	e.metrics.rewinds.Inc()
	e.log.Warn("a room's log was rewound", zap.String("room", r.name), zap.Uint64("held", r.held),
		zap.Uint64("head", heads[0].Seq))
	r.rewind(heads[0])
	return nil
}
