package redisbus

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
)

// lane appends to one server, one batch after the other.
type lane struct {
	a         *appender
	partition int // one of the lane's partitions; all of them are on one server
	wake      chan struct{}
	acked     acked // used by run only

	mu     sync.Mutex
	closed bool
	queue  []*pending // oldest first
}

func (l *lane) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run sends what is queued until ctx ends; then it fails the rest.
func (l *lane) run(ctx context.Context) {
	pause := driver.RetryPause
	m := &l.acked
	for {
		select {
		case <-ctx.Done():
			l.restoreLast(ctx)
			l.close()
			return
		case <-l.wake:
		case <-m.idle.C:
			// before run trusts that the log has what is buffered, and evicts it
			m.needsVerify.Store(true)
		}
		for ctx.Err() == nil {
			err := l.check(ctx)
			l.expire(time.Now(), cmp.Or(err, m.why))
			if err == nil {
				batch := l.nextBatch()
				if len(batch) == 0 {
					break
				}
				again := l.send(ctx, batch)
				if len(again) == 0 {
					pause = driver.RetryPause
					continue
				}
				l.requeue(again)
			}
			_ = await.Sleep(ctx, pause)
			pause = min(2*pause, driver.RetryMax/4)
		}
		m.wait()
	}
}

// expire gives up the appends that have waited for too long. why is the cause of the delay; nil:
// their number.
func (l *lane) expire(now time.Time, why error) {
	l.mu.Lock()
	var late []*pending
	for len(l.queue) > 0 && now.After(l.queue[0].deadline) {
		late = append(late, l.pop())
	}
	l.mu.Unlock()
	for _, p := range late {
		l.finish(p, bus.Appended{}, fmt.Errorf("%w: append: %w", bus.ErrUnavailable, cmp.Or(p.why, why, errTooMany)))
	}
}

// nextBatch returns the next batch: of entries that the log has lost, as long as there are any.
func (l *lane) nextBatch() []*pending {
	if len(l.acked.lost) > 0 {
		return l.nextLost()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch []*pending
	for bytes := 0; len(l.queue) > 0 && len(batch) < batchEntries; {
		bytes += l.queue[0].bytes
		if len(batch) > 0 && bytes > batchBytes {
			break
		}
		batch = append(batch, l.pop())
	}
	if len(l.queue) == 0 {
		l.queue = nil // so that its array is freed
	}
	return batch
}

// requeue puts back the appends to send again.
func (l *lane) requeue(again []*pending) {
	if again[0].lost != nil {
		l.requeueLost(again)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(again, l.queue...)
}

// pop removes the first append of the queue. l.mu is held.
func (l *lane) pop() *pending {
	p := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	return p
}

// send appends a batch in one round trip, finishes every append that has an outcome, and returns
// the rest in order.
func (l *lane) send(ctx context.Context, batch []*pending) (again []*pending) {
	b := l.a.b
	// Not ctx itself: on Close the batch in flight still gets its outcome.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	// Not the server that has the partition now: this one's answer has to be known before anything
	// new is sent.
	server, fence := b.clients.at(l.acked.addr), b.keys.fence(batch[0].partition)
	pipe := server.Pipeline()
	last := l.acked.lastAck.ask(ctx, pipe, b.keys)
	cmds := make([]*redis.Cmd, len(batch))
	for i, p := range batch {
		cmds[i] = pipe.Do(ctx, p.command...)
	}
	var copies *redis.Cmd
	if b.cfg.Replicas > 1 {
		// WAIT counts the writes of its own connection, and a pipeline runs on one. A repeat writes
		// nothing, but must not be acknowledged before the replicas have the first append either:
		// this write comes after both.
		pipe.Incr(ctx, fence)
		copies = pipe.Do(ctx, "WAIT", b.cfg.Replicas-1, replicaTimeout.Milliseconds())
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	if l.lost(ctx, server, last) {
		l.acked.needsVerify.Store(true)
		for _, p := range batch {
			p.why = errLogLost
		}
		return batch
	}
	load, look := false, false
	for i, p := range batch {
		got, err := outcome(cmds[i])
		if err == nil && last != nil {
			// a server that is starting answers LOADING to some commands and then executes the
			// rest: the outcome is unknown
			err = last.Err()
		}
		if err == nil && copies != nil {
			if n, _ := copies.Int(); n < b.cfg.Replicas-1 {
				err = errReplicas
			}
		}
		switch {
		case err == nil:
			l.a.grew(p.bytes + overhead)
			l.remember(p, got)
			l.finish(p, got, nil)
		case isFull(err) && p.lost != nil: // it was acknowledged, so it has to wait
			p.why = err
			again = append(again, p)
			b.host.TrimSoon()
		case isFull(err):
			b.host.TrimSoon()
			l.finish(p, bus.Appended{}, b.retry.Fail("append", err))
		case permanent(err):
			l.finish(p, bus.Appended{}, b.retry.Fail("append", err))
		default:
			noscript := redis.HasErrorPrefix(err, "NOSCRIPT")
			load, look = load || noscript, look || !noscript
			p.why = err
			again = append(again, p)
		}
	}
	if batch[0].lost != nil && len(again) == 0 && len(l.acked.lost) == 0 {
		l.restoredAll()
	}
	if load { // the server was restarted
		_ = appendScript.Load(ctx, server).Err() // the next try reports the error
	}
	if load || look {
		l.acked.needsVerify.Store(true) // it may be another server, or have lost the log's tail
	}
	if look {
		b.look(ctx)
	}
	return again
}

// outcome reads the script's answer.
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
	if p.lost != nil {
		l.restored(p, got, err)
		return
	}
	l.a.entries.Add(-1)
	l.a.bytes.Add(-int64(p.bytes))
	l.a.b.metrics.InFlight.Dec()
	l.a.b.metrics.Appended(err, got.Duplicate)
	p.done(got, err)
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
