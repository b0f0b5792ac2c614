package redisbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus"
)

const (
	// lanes is how many batches of appends may be on their way at the same time, or one for each partition on a cluster,
	// where one server that is away must not hold up the others. A partition belongs to one lane.
	lanes = 4
	// batchEntries and batchBytes bound a batch: the server runs it in a few milliseconds.
	batchEntries = 256
	batchBytes   = 4 << 20
	// maxQueued and maxQueuedBytes bound the appends of this process that are not finished; more fail at once.
	maxQueued      = 1 << 16
	maxQueuedBytes = 128 << 20
	// replicaTimeout is how long replicas may take to have a batch before it is sent again.
	replicaTimeout = time.Second
	// overhead is about what the server needs for an entry besides its ids and content, in bytes.
	overhead = 250
)

var (
	errTooMany  = errors.New("too many appends are waiting for the server")
	errReplicas = errors.New("too few replicas have the entry")
)

// appender sends entries in batches. A lane has one batch on its way at a time and fills the next meanwhile: batches
// grow with the load by themselves.
type appender struct {
	b       *Bus
	lanes   []*lane
	heads   [][]any      // what the commands of a partition begin with
	entries atomic.Int64 // not finished
	bytes   atomic.Int64 // data of those
	grown   atomic.Int64 // bytes appended since retention was last called
	wg      sync.WaitGroup
}

// pending is an append that is not finished.
type pending struct {
	partition int
	command   []any
	bytes     int
	done      func(bus.Appended, error)
	deadline  time.Time
	why       error // of the last try
}

type lane struct {
	a    *appender
	wake chan struct{}

	mu     sync.Mutex
	closed bool
	queue  []*pending // oldest first
}

func newAppender(b *Bus, lanes int) *appender {
	a := &appender{b: b}
	for range lanes {
		a.lanes = append(a.lanes, &lane{a: a, wake: make(chan struct{}, 1)})
	}
	k := b.keys
	for p := range k.tags {
		a.heads = append(a.heads, []any{"EVALSHA", appendScript.Hash(), 6, k.log(p), k.data(p), k.heads(p), k.meta(p)})
	}
	return a
}

func (a *appender) start(ctx context.Context) {
	for _, l := range a.lanes {
		a.wg.Go(func() { l.run(ctx) })
	}
}

// wait returns when no done function will be called any more.
func (a *appender) wait() { a.wg.Wait() }

// Append implements bus.Log.
func (b *Bus) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	if err := b.appends.add(e, done); err != nil {
		go done(bus.Appended{}, err)
	}
}

func (a *appender) add(e bus.NewEntry, done func(bus.Appended, error)) error {
	if err := bus.CheckName(e.Room, e.Sender, e.ID); err != nil {
		return err
	}
	if len(e.Data) > bus.MaxData {
		return fmt.Errorf("%w: %d bytes", bus.ErrTooLarge, len(e.Data))
	}
	if a.entries.Load() >= maxQueued || a.bytes.Load()+int64(len(e.Data)) > maxQueuedBytes {
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, errTooMany)
	}
	p := a.pending(e, done)
	l := a.lanes[p.partition%len(a.lanes)]
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return bus.ErrClosed
	}
	a.entries.Add(1)
	a.bytes.Add(int64(p.bytes))
	a.b.metrics.InFlight.Inc()
	l.queue = append(l.queue, p)
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// pending makes the command of an append.
func (a *appender) pending(e bus.NewEntry, done func(bus.Appended, error)) *pending {
	k := a.b.keys
	n := k.partition(e.Room)
	return &pending{
		partition: n,
		command: append(slices.Clip(a.heads[n]), // the part that all appends of a partition share
			k.room(n, e.Room), k.once(n, e),
			e.Room, encodeRecord(e), e.ID, k.live(e.Room), int(bus.DedupeWindow/time.Second), overhead),
		bytes: len(e.Data),
		done:  done,
		// The last try has to end before AppendTimeout does.
		deadline: time.Now().Add(bus.AppendTimeout - attemptTimeout - retryMax/2),
	}
}

// run sends what is queued until ctx ends; then it fails the rest.
func (l *lane) run(ctx context.Context) {
	pause := retryPause
	for {
		select {
		case <-ctx.Done():
			l.close()
			return
		case <-l.wake:
		}
		for ctx.Err() == nil {
			batch := l.take(time.Now())
			if len(batch) == 0 {
				break
			}
			again := l.send(ctx, batch)
			if len(again) == 0 {
				pause = retryPause
				continue
			}
			l.mu.Lock()
			l.queue = append(again, l.queue...)
			l.mu.Unlock()
			_ = sleep(ctx, pause)
			pause = min(2*pause, retryMax/4)
		}
	}
}

// take returns the next batch, after it has given up what has waited for too long.
func (l *lane) take(now time.Time) []*pending {
	l.mu.Lock()
	var late []*pending
	for len(l.queue) > 0 && now.After(l.queue[0].deadline) {
		late = append(late, l.pop())
	}
	var batch []*pending
	for bytes := 0; len(l.queue) > 0 && len(batch) < batchEntries; {
		bytes += l.queue[0].bytes
		if len(batch) > 0 && bytes > batchBytes {
			break
		}
		batch = append(batch, l.pop())
	}
	if len(l.queue) == 0 {
		l.queue = nil // its array holds on to nothing
	}
	l.mu.Unlock()
	for _, p := range late {
		why := p.why
		if why == nil {
			why = errTooMany
		}
		l.finish(p, bus.Appended{}, fmt.Errorf("%w: append: %w", bus.ErrUnavailable, why))
	}
	return batch
}

// pop takes the first of the queue. l.mu is held.
func (l *lane) pop() *pending {
	p := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	return p
}

// send appends a batch in one round trip, finishes what has an outcome, and returns the rest in order.
func (l *lane) send(ctx context.Context, batch []*pending) (again []*pending) {
	b := l.a.b
	// Not ctx itself: on Close the batch in hand still gets its outcome.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	server, fence := b.at(batch[0].partition), b.keys.fence(batch[0].partition) // a lane has one server
	pipe := server.Pipeline()
	cmds := make([]*redis.Cmd, len(batch))
	for i, p := range batch {
		cmds[i] = pipe.Do(ctx, p.command...)
	}
	var copies *redis.Cmd
	if b.cfg.Replicas > 1 {
		// WAIT is about what its connection has written, and all of a pipeline is on one. A repeat writes nothing, but
		// must not be acknowledged before the first is with the replicas either: this write comes after both.
		pipe.Incr(ctx, fence)
		copies = pipe.Do(ctx, "WAIT", b.cfg.Replicas-1, replicaTimeout.Milliseconds())
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	load, look := false, false
	for i, p := range batch {
		got, err := outcome(cmds[i])
		if err == nil && copies != nil {
			if n, _ := copies.Int(); n < b.cfg.Replicas-1 {
				err = errReplicas
			}
		}
		switch {
		case err == nil:
			l.a.grew(p.bytes + overhead)
			l.finish(p, got, nil)
		case isFull(err):
			b.trimNow()
			l.finish(p, bus.Appended{}, b.fail("append", err))
		case permanent(err):
			l.finish(p, bus.Appended{}, b.fail("append", err))
		default:
			noscript := redis.HasErrorPrefix(err, "NOSCRIPT")
			load, look = load || noscript, look || !noscript
			p.why = err
			again = append(again, p)
		}
	}
	if load { // the server was restarted
		_ = appendScript.Load(ctx, server).Err() // else the next try says so again
	}
	if look {
		b.look(ctx)
	}
	return again
}

// outcome reads the answer of the script.
func outcome(c *redis.Cmd) (bus.Appended, error) {
	switch v := c.Val().(type) {
	case int64:
		return bus.Appended{Seq: uint64(v)}, c.Err()
	case string:
		seq, err := c.Uint64()
		return bus.Appended{Seq: seq, Duplicate: true}, err
	default:
		if err := c.Err(); err != nil {
			return bus.Appended{}, err
		}
		return bus.Appended{}, fmt.Errorf("the server answered %T to an append", v)
	}
}

func (l *lane) finish(p *pending, got bus.Appended, err error) {
	l.a.entries.Add(-1)
	l.a.bytes.Add(-int64(p.bytes))
	l.a.b.metrics.InFlight.Dec()
	l.a.b.metrics.Appended(err, got.Duplicate)
	p.done(got, err)
}

// grew calls retention when this process alone has added a sixteenth of what the log may have, so that the log does not
// outgrow its limit between two looks.
func (a *appender) grew(bytes int) {
	if a.grown.Add(int64(bytes)) > a.b.cfg.MaxBytes/16 {
		a.grown.Store(0)
		a.b.trimNow()
	}
}

func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	rest := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, p := range rest {
		l.finish(p, bus.Appended{}, bus.ErrClosed)
	}
}
