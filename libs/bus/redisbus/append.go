package redisbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/redisbus/internal/ackbuffer"
)

const (
	// lanes is how many batches of appends may be in flight at the same time; on a cluster it is
	// one for each partition, since one unreachable server must not hold up the others. A partition
	// belongs to one lane.
	lanes = 4
	// batchEntries and batchBytes bound a batch, so that the server runs it in a few milliseconds.
	batchEntries = 256
	batchBytes   = 4 << 20
	// maxQueued and maxQueuedBytes bound the appends of this process that are not finished; more
	// fail at once.
	maxQueued      = 1 << 16
	maxQueuedBytes = 128 << 20
	// replicaTimeout is how long replicas may take to confirm a batch before it is sent again.
	replicaTimeout = time.Second
	// overhead is about what the server needs for an entry besides its ids and content, in bytes.
	overhead = 250
)

var (
	errTooMany  = errors.New("too many appends are waiting for the server")
	errReplicas = errors.New("too few replicas have the entry")
)

// appender sends entries in batches. A lane has one batch in flight and fills the next meanwhile,
// so batches grow with the load.
type appender struct {
	b       *Driver
	lanes   []*lane
	heads   [][]any      // the beginning of each partition's command
	entries atomic.Int64 // that are not finished
	bytes   atomic.Int64 // data of those
	grown   atomic.Int64 // bytes appended since retention last ran
	wg      sync.WaitGroup
}

// pending is an append that is not finished.
type pending struct {
	partition int
	command   []any
	room      string
	record    []byte
	bytes     int
	done      func(bus.Appended, error)
	deadline  time.Time
	why       error            // of the last try
	lost      *ackbuffer.Entry // the entry was acknowledged before, and the log has lost it
}

func newAppender(b *Driver, lanes int) *appender {
	a := &appender{b: b}
	for i := range lanes {
		a.lanes = append(a.lanes, &lane{a: a, partition: i % b.cfg.Partitions, wake: make(chan struct{}, 1), acked: newAcked(b.cfg, lanes)})
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

// Append implements driver.Log.
func (b *Driver) Append(e bus.NewEntry, done func(bus.Appended, error)) error {
	return b.appends.add(e, done)
}

func (a *appender) add(e bus.NewEntry, done func(bus.Appended, error)) error {
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
	l.poke()
	return nil
}

// pending makes the command of an append.
func (a *appender) pending(e bus.NewEntry, done func(bus.Appended, error)) *pending {
	k := a.b.keys
	n := k.partition(e.Room)
	record := encodeRecord(e)
	return &pending{
		partition: n,
		command: append(slices.Clip(a.heads[n]), // the part that all appends of a partition share
			k.room(n, e.Room), k.once(n, e),
			e.Room, record, e.ID, k.live(e.Room), a.b.cfg.Dedupe.Milliseconds(), overhead),
		room:   e.Room,
		record: record,
		bytes:  len(e.Data),
		done:   done,
		// The last try has to end before AppendTimeout does.
		deadline: time.Now().Add(bus.AppendTimeout - attemptTimeout - driver.RetryMax/2),
	}
}

// grew asks for retention when this process alone has added a sixteenth of the log's limit, so that
// the log does not outgrow it between two looks.
func (a *appender) grew(bytes int) {
	if a.grown.Add(int64(bytes)) > a.b.cfg.MaxBytes/16 {
		a.grown.Store(0)
		a.b.host.TrimSoon()
	}
}
