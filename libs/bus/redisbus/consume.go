package redisbus

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/consume"
)

const (
	// readEntries is how many entries a batch has at most.
	readEntries = 64
	// readBlock is how long a read waits for entries, and so how long a partition may take to be
	// given up.
	readBlock = time.Second
)

var (
	errLost    = errors.New("the partition is another member's")
	errGivenUp = errors.New("the partition is to be given up")
)

// Consume implements bus.Log.
//
// The order of a room has to survive the death of a member, and a Redis consumer group hands out
// what a dead consumer had not acknowledged later than newer entries. So a group is one number per
// partition, what it has consumed up to; each partition is read by one member at a time, which
// holds its lease, in order. See member.go for who reads what.
func (b *Bus) Consume(ctx context.Context, group string, handle func(context.Context, []bus.Entry) error) error {
	if err := bus.CheckName(group); err != nil {
		return err
	}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return bus.ErrClosed
	}
	b.consumers.Add(1)
	b.mu.Unlock()
	defer b.consumers.Done()

	running, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(b.ctx, cancel)
	defer stop()
	newMember(b, group, handle).run(running)
	if ctx.Err() == nil {
		return bus.ErrClosed
	}
	return nil
}

// partition is one that this member reads.
type partition struct {
	m      *member
	number int
	log    *zap.Logger
	stop   chan struct{} // closed by member.giveUp to have it given up after the batch in hand
	cancel context.CancelCauseFunc
	lease  atomic.Int64 // until when it is certainly ours, in Unix ns
	done   string       // the Seq that is acknowledged
	at     string       // the Seq that has been read, done or later
	from   string       // the server that it was read from
}

// run reads the partition until ctx ends, it is to be given up, or another member has it.
func (p *partition) run(ctx context.Context) {
	pause := retryPause
	for {
		err := p.read(ctx, func() { pause = retryPause })
		if errors.Is(err, errLost) || errors.Is(context.Cause(ctx), errLost) {
			p.log.Warn("another member has a partition that this one read")
			return
		}
		if ctx.Err() != nil || p.stopping() {
			p.release()
			return
		}
		p.log.Info("reading a partition again from what was acknowledged", zap.Error(err))
		_ = await.Sleep(ctx, pause)
		pause = min(2*pause, time.Second)
	}
}

func (p *partition) stopping() bool {
	select {
	case <-p.stop:
		return true
	default:
		return false
	}
}

// read hands over batches until something fails. good is called after each batch.
func (p *partition) read(ctx context.Context, good func()) error {
	// the log may have been put back to an older state meanwhile
	if err := p.take(ctx); err != nil {
		return err
	}
	for {
		batch, again, err := p.next(ctx)
		if err != nil {
			return err
		}
		if err := p.redriven(ctx, again); err != nil {
			return err
		}
		if len(batch) == 0 {
			continue
		}
		if err := p.replicated(ctx); err != nil {
			return err
		}
		if err := p.mine(ctx); err != nil {
			return err
		}
		if err := p.process(ctx, batch); err != nil {
			return err
		}
		if err := p.commit(ctx, p.at, nil); err != nil {
			return err
		}
		p.m.b.metrics.Consumed.Add(float64(len(batch)))
		good()
	}
}

// next returns the entries that follow, and dead letters that were put back: at least one of
// either.
func (p *partition) next(ctx context.Context) (batch []bus.Entry, again []redis.XMessage, err error) {
	b := p.m.b
	log, redrive := b.keys.log(p.number), b.keys.again(p.number, p.m.group)
	for len(batch)+len(again) == 0 {
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case p.stopping():
			return nil, nil, errGivenUp
		}
		p.from, _ = b.places.at(p.number)
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
				again = s.Messages
			default:
				if batch, err = p.fetch(ctx, s.Messages); err != nil {
					return nil, nil, err
				}
				id := s.Messages[len(s.Messages)-1].ID
				p.at = id[:len(id)-len("-0")]
			}
		}
	}
	return batch, again, nil
}

// replicated returns when as many replicas as an append waits for have what was read. Without that,
// a consumer that remembers for ever would have entries that a failover takes back, and that come
// again at another Seq.
func (p *partition) replicated(ctx context.Context) error {
	b := p.m.b
	if b.cfg.Replicas == 1 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	pipe := b.clients.at(p.from).Pipeline()
	// WAIT is about what its connection has written; see lane.send
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

// fetch reads the content of entries. Those that were removed meanwhile are left out.
func (p *partition) fetch(ctx context.Context, refs []redis.XMessage) ([]bus.Entry, error) {
	b := p.m.b
	seqs := make([]string, len(refs))
	for i, r := range refs {
		seqs[i] = r.ID[:max(0, len(r.ID)-len("-0"))]
	}
	var records []any
	err := b.retry(ctx, "read entries", func(ctx context.Context) (err error) {
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
			p.log.Error("passed over something in the log that is no entry", zap.String("seq", seqs[i]), zap.Error(cmp.Or(err, errAnswer)))
			continue
		}
		e.Room = room
		batch = append(batch, e)
	}
	return batch, nil
}

// process hands a batch to the handler until it has taken all of it, but for what is parked.
func (p *partition) process(ctx context.Context, batch []bus.Entry) error {
	r := consume.Reader{Handle: p.m.handle, Stop: p.stop, Log: p.log, Done: func(ctx context.Context, e bus.Entry, failed error) error {
		var park *bus.DeadLetter
		if failed != nil {
			park = &bus.DeadLetter{Entry: e, Reason: failed.Error()}
		}
		if err := p.commit(ctx, strconv.FormatUint(e.Seq, 10), park); err != nil {
			return err
		}
		if park != nil {
			p.m.b.metrics.Parked.Inc()
		}
		return nil
	}}
	return r.Process(ctx, batch)
}
