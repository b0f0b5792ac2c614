package consume

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/measure"
)

// Options configure a member.
type Options struct {
	Handle  func(ctx context.Context, batch []driver.Entry) error
	Log     *zap.Logger
	Metrics measure.Bus
	Every   time.Duration // how often it looks for partitions that nobody reads
}

// Run is one member of a group. It takes its share of the partitions and hands their entries over,
// until ctx ends. It returns an error if it cannot join.
func Run(ctx context.Context, d driver.Groups, group string, o Options) error {
	o.Log = o.Log.With(zap.String("group", group))
	h := &held{ctx: ctx, opts: o, mine: make(map[int]*partition)}
	m, err := d.Join(ctx, group, h)
	if err != nil {
		return err
	}
	defer m.Leave()
	defer h.wg.Wait()
	for ctx.Err() == nil {
		wake, err := m.Refresh(ctx)
		if err != nil && ctx.Err() == nil {
			o.Log.Debug("cannot look for partitions to read; trying again", zap.Error(err))
		}
		t := time.NewTimer(o.Every)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-wake:
			_ = await.Sleep(ctx, driver.RetryPause)
		}
		t.Stop()
	}
	return nil
}

// held is driver.Held.
type held struct {
	ctx  context.Context
	opts Options
	wg   sync.WaitGroup

	mu   sync.Mutex
	mine map[int]*partition
}

// partition is one that this member reads.
type partition struct {
	driver.Partition
	h      *held
	log    *zap.Logger
	stop   chan struct{} // closed to give it up after the batch in hand
	cancel context.CancelCauseFunc
}

func (h *held) Count() (all, staying int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.mine {
		if !p.stopping() {
			staying++
		}
	}
	return len(h.mine), staying
}

func (h *held) Has(n int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mine[n] != nil
}

func (h *held) Each(do func(driver.Partition)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.mine {
		do(p.Partition)
	}
}

func (h *held) Assign(d driver.Partition) {
	ctx, cancel := context.WithCancelCause(h.ctx)
	p := &partition{Partition: d, h: h, log: h.opts.Log.With(zap.Int("partition", d.Number())), stop: make(chan struct{}), cancel: cancel}
	h.mu.Lock()
	h.mine[d.Number()] = p
	h.mu.Unlock()
	h.wg.Go(func() {
		defer cancel(nil)
		p.run(ctx)
		h.mu.Lock()
		delete(h.mine, d.Number())
		h.mu.Unlock()
	})
}

func (h *held) GiveUp(keep int, before func(driver.Partition)) {
	_, staying := h.Count()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.mine {
		if staying > keep && !p.stopping() {
			before(p.Partition)
			close(p.stop)
			staying--
		}
	}
}

func (h *held) Lose(d driver.Partition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.mine[d.Number()]; p != nil {
		p.cancel(driver.ErrLost)
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

// run reads the partition until ctx ends, it is given up, or another member has it.
func (p *partition) run(ctx context.Context) {
	pause := driver.RetryPause
	for {
		err := p.read(ctx, func() { pause = driver.RetryPause })
		if errors.Is(err, driver.ErrLost) || errors.Is(context.Cause(ctx), driver.ErrLost) {
			p.log.Warn("lost a partition to another member")
			return
		}
		if ctx.Err() != nil || p.stopping() {
			p.Release()
			return
		}
		p.log.Info("reading a partition again from the last acknowledged entry", zap.Error(err))
		_ = await.Sleep(ctx, pause)
		pause = min(2*pause, driver.RetryMax)
	}
}

// read hands entries over until something fails. It calls handed after each batch.
func (p *partition) read(ctx context.Context, handed func()) error {
	if err := p.Begin(ctx); err != nil {
		return err
	}
	defer p.End()
	r := Reader{Handle: p.h.opts.Handle, Stop: p.stop, Log: p.log}
	for {
		batch, letter, err := p.Next(ctx, p.stop)
		if err != nil {
			return err
		}
		if letter != nil {
			letter.Entry.Redriven = true
			r.Done = func(ctx context.Context, _ driver.Entry, failed error) error {
				return p.settled(p.Redriven(ctx, letter, failed), failed, 1)
			}
			if err := r.Single(ctx, letter.Entry); err != nil {
				return err
			}
		}
		if len(batch) == 0 {
			continue
		}
		r.Done = func(ctx context.Context, e driver.Entry, failed error) error {
			return p.settled(p.Handled(ctx, e, failed), failed, 0)
		}
		if err := r.Process(ctx, batch); err != nil {
			return err
		}
		if err := p.settled(p.Commit(ctx), nil, len(batch)); err != nil {
			return err
		}
		handed()
	}
}

// settled counts what the driver has stored: entries that are consumed, or one that is parked.
func (p *partition) settled(err, failed error, consumed int) error {
	switch m := p.h.opts.Metrics; {
	case err != nil:
	case failed != nil:
		m.Parked.Inc()
	default:
		m.Consumed.Add(float64(consumed))
	}
	return err
}
