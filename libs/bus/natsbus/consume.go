package natsbus

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/consume"
)

// Consume implements bus.Log.
//
// The order of a room has to survive the death of a member, and a JetStream consumer's redeliveries
// do not keep it. So the server holds only one number per group and partition, the offset; each
// partition is read by one member, in order, and the offset is written after each batch. See
// member.go for who reads which partition.
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
	err := newMember(b, group, handle).run(running)
	switch {
	case b.isClosed():
		return bus.ErrClosed
	case ctx.Err() != nil:
		return nil
	}
	return err
}

// partition is one that this member reads.
type partition struct {
	m        *member
	number   int
	at       offset
	revision uint64
	log      *zap.Logger
	stop     chan struct{} // closed to have it given up after the batch in hand
	again    chan struct{} // dead letters of it were put back
	heir     string        // who gets it then; empty: whoever comes
}

// run reads the partition until ctx ends, it is to be given up, or it was taken over.
func (p *partition) run(ctx context.Context) {
	pause := retryPause
	for {
		err := p.read(ctx, func() { pause = retryPause })
		if errors.Is(err, errLost) {
			p.log.Warn("another member has taken over a partition")
			return
		}
		if ctx.Err() != nil || p.stopping() {
			p.release()
			return
		}
		p.log.Info("reading a partition again from what was acknowledged", zap.Uint64("seq", p.at.Seq), zap.Error(err))
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
	r, err := p.m.b.newReader(ctx, p)
	if err != nil {
		return err
	}
	defer r.close()
	for {
		batch, err := r.next(ctx, p.stop, p.again)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			if err := p.redriven(ctx); err != nil {
				return err
			}
			continue
		}
		if err := p.process(ctx, batch); err != nil {
			return err
		}
		if err := p.commit(ctx, batch[len(batch)-1].Seq); err != nil {
			return err
		}
		p.m.b.metrics.Consumed.Add(float64(len(batch)))
		good()
	}
}

// commit acknowledges everything through seq, also when ctx has ended: the work is done.
func (p *partition) commit(ctx context.Context, seq uint64) error {
	next := offset{Owner: p.at.Owner, Seq: seq}
	for pause := retryPause; ; pause = min(2*pause, time.Second) {
		revision, err := p.m.b.setOffset(context.WithoutCancel(ctx), p.m.group, p.number, next, p.revision)
		if err == nil {
			p.at, p.revision = next, revision
			return nil
		}
		if errors.Is(err, errLost) {
			return err
		}
		if await.Sleep(ctx, pause) != nil {
			return ctx.Err()
		}
	}
}

// release lets the next member have the partition at once. If that fails, it finds out that this
// one is gone.
func (p *partition) release() {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	if _, err := p.m.b.setOffset(ctx, p.m.group, p.number, offset{Owner: p.heir, Seq: p.at.Seq}, p.revision); err != nil {
		p.log.Debug("could not release a partition", zap.Error(err))
	}
}

// process hands a batch to the handler until it has taken all of it, but for what is parked.
func (p *partition) process(ctx context.Context, batch []bus.Entry) error {
	r := consume.Reader{Handle: p.m.handle, Stop: p.stop, Log: p.log, Done: func(ctx context.Context, e bus.Entry, failed error) error {
		if failed == nil {
			return nil
		}
		return p.m.b.park(ctx, p.m.group, e, "", failed)
	}}
	return r.Process(ctx, batch)
}
