package redisbus

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
)

const (
	// readEntries is how many entries a batch has at most: a store takes a large batch in for much
	// less than many small ones.
	readEntries = 256
	// fetchEntries is how many of them are fetched at a time. No more are once a batch has
	// readBytes: each partition holds one in memory.
	fetchEntries = 64
	readBytes    = 1 << 20
	// readBlock is how long a read waits for entries, and so how long it may take to give a
	// partition up.
	readBlock = time.Second
)

var errGivenUp = errors.New("the partition is to be given up")

// partition is one that this member reads.
type partition struct {
	m      *member
	number int
	lease  atomic.Int64 // until when the lease is certainly ours, in Unix ns
	done   string       // the Seq that the group has acknowledged
	at     string       // the Seq that has been read: done or later
	from   string       // the server that was read from
}

// Number implements driver.Partition.
func (p *partition) Number() int { return p.number }

// Begin implements driver.Partition.
func (p *partition) Begin(ctx context.Context) error {
	done, err := p.renew(ctx)
	if err == nil {
		p.done, p.at = done, done
	}
	return err
}

// End implements driver.Partition.
func (*partition) End() {}

// Next implements driver.Partition.
func (p *partition) Next(ctx context.Context, stop <-chan struct{}) (batch []bus.Entry, redriven *driver.Letter, err error) {
	for err == nil && len(batch) == 0 && redriven == nil {
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-stop:
			return nil, nil, errGivenUp
		default:
			batch, redriven, err = p.read(ctx)
		}
	}
	if err == nil && len(batch) > 0 {
		err = p.replicated(ctx)
	}
	if err == nil && time.Now().UnixNano() >= p.lease.Load() {
		_, err = p.renew(ctx) // this process slept, or the server was away
	}
	return batch, redriven, err
}

// read waits for what follows: entries, and the first dead letter that was put back.
func (p *partition) read(ctx context.Context) (batch []bus.Entry, redriven *driver.Letter, err error) {
	b := p.m.b
	log, redrive := b.keys.log(p.number), b.keys.again(p.number, p.m.group)
	p.from, _ = b.topology.at(p.number)
	streams, err := p.m.reads.at(p.from).XRead(ctx, &redis.XReadArgs{
		Streams: []string{log, redrive, p.at, "0"}, Count: readEntries, Block: readBlock,
	}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, nil, err
	}
	for _, s := range streams {
		switch {
		case len(s.Messages) == 0:
		case s.Stream == redrive:
			redriven, err = p.letter(ctx, s.Messages[0])
		default:
			batch, err = p.fetchSome(ctx, s.Messages)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return batch, redriven, nil
}

// letter reads a dead letter that was put back. It drops one that it cannot decode.
func (p *partition) letter(ctx context.Context, m redis.XMessage) (*driver.Letter, error) {
	d, err := deadLetter(m)
	if err == nil {
		return &driver.Letter{DeadLetter: d, Partition: p.number, ID: m.ID}, nil
	}
	p.m.b.log.Error("skipped a dead letter that cannot be decoded", zap.String("letter", m.ID), zap.Error(err))
	return nil, p.Redriven(ctx, &driver.Letter{ID: m.ID}, nil)
}

// replicated returns when as many replicas as an append waits for have the entries that were read.
// Without that, a consumer with permanent storage would have entries that a failover loses, and
// that come again at another Seq.
func (p *partition) replicated(ctx context.Context) error {
	b := p.m.b
	if b.cfg.Replicas == 1 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	pipe := b.clients.at(p.from).Pipeline()
	// WAIT counts the writes of its own connection; see lane.send
	pipe.Incr(ctx, b.keys.fence(p.number))
	copies := pipe.Do(ctx, "WAIT", b.cfg.Replicas-1, replicaTimeout.Milliseconds())
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	if n, err := copies.Int(); err != nil || n < b.cfg.Replicas-1 {
		return cmp.Or(err, errReplicas)
	}
	return nil
}

// fetchSome reads the content of entries, of the first at least, and moves behind those.
func (p *partition) fetchSome(ctx context.Context, refs []redis.XMessage) (batch []bus.Entry, err error) {
	at, size := p.at, 0
	for part := range slices.Chunk(refs, fetchEntries) {
		entries, err := p.fetch(ctx, part)
		if err != nil {
			return nil, err
		}
		batch = append(batch, entries...)
		id := part[len(part)-1].ID
		at = id[:len(id)-len("-0")]
		for _, e := range entries {
			size += len(e.Data)
		}
		if size >= readBytes {
			break
		}
	}
	p.at = at
	return batch, nil
}

// fetch reads the content of entries. It leaves out those that have been removed.
func (p *partition) fetch(ctx context.Context, refs []redis.XMessage) ([]bus.Entry, error) {
	b := p.m.b
	seqs := make([]string, len(refs))
	for i, r := range refs {
		seqs[i] = r.ID[:max(0, len(r.ID)-len("-0"))]
	}
	var records []any
	err := b.retry.Do(ctx, "read entries", func(ctx context.Context) (err error) {
		records, err = b.at(p.number).HMGet(ctx, b.keys.data(p.number), seqs...).Result()
		return err
	})
	if err != nil {
		return nil, err
	}
	batch := make([]bus.Entry, 0, len(refs))
	for i, record := range records {
		if record == nil {
			continue
		}
		e, err := decodePair(seqs[i], record)
		room, ok := refs[i].Values["r"].(string)
		if err != nil || !ok {
			b.log.Error("skipped an entry of the log that cannot be decoded", zap.String("seq", seqs[i]), zap.Error(cmp.Or(err, errAnswer)))
			continue
		}
		e.Room = room
		batch = append(batch, e)
	}
	return batch, nil
}
