package natsbus

import (
	"context"
	"errors"
	"sync/atomic"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
)

// partition is one that this member reads.
type partition struct {
	m        *member
	number   int
	at       offset
	revision uint64
	reader   *reader                // between Begin and End
	read     uint64                 // the Seq that has been read
	wake     chan struct{}          // signals that dead letters of the partition were put back
	heir     atomic.Pointer[string] // the member that gets it on Release; nil: any
}

// Number implements driver.Partition.
func (p *partition) Number() int { return p.number }

// Begin implements driver.Partition.
func (p *partition) Begin(ctx context.Context) (err error) {
	p.reader, err = p.m.b.newReader(ctx, p)
	return err
}

// End implements driver.Partition.
func (p *partition) End() { p.reader.close() }

// Next implements driver.Partition.
func (p *partition) Next(ctx context.Context, stop <-chan struct{}) ([]bus.Entry, *driver.Letter, error) {
	for {
		batch, err := p.reader.next(ctx, stop, p.wake)
		if err != nil {
			return nil, nil, err
		}
		if len(batch) > 0 {
			p.read = batch[len(batch)-1].Seq
			return batch, nil, nil
		}
		l, err := p.redriven(ctx)
		if err != nil || l != nil {
			return nil, l, err
		}
	}
}

// redriven returns the first dead letter that was put back, and makes Next look for the one after
// it.
func (p *partition) redriven(ctx context.Context) (*driver.Letter, error) {
	b := p.m.b
	var letters []driver.Letter
	err := b.retry.Do(ctx, "read dead letters", func(ctx context.Context) (err error) {
		letters, err = b.letters(ctx, b.names.redriven(p.m.group, p.number), 1)
		return err
	})
	if err != nil || len(letters) == 0 {
		return nil, err
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return &letters[0], nil
}

// Commit implements driver.Partition.
func (p *partition) Commit(ctx context.Context) error {
	next := offset{Owner: p.at.Owner, Seq: p.read}
	for pause := driver.RetryPause; ; pause = min(2*pause, driver.RetryMax) {
		revision, err := p.m.b.setOffset(context.WithoutCancel(ctx), p.m.group, p.number, next, p.revision)
		if err == nil {
			p.at, p.revision = next, revision
			return nil
		}
		if errors.Is(err, driver.ErrLost) || await.Sleep(ctx, pause) != nil {
			return err
		}
	}
}

// Handled implements driver.Partition.
func (p *partition) Handled(ctx context.Context, e bus.Entry, failed error) error {
	if failed == nil {
		return nil // nothing to write before Commit
	}
	return p.m.b.park(ctx, p.m.group, e, "", failed)
}

// Redriven implements driver.Partition.
func (p *partition) Redriven(ctx context.Context, l *driver.Letter, failed error) error {
	b := p.m.b
	if failed != nil {
		if err := b.park(ctx, p.m.group, l.Entry, ".again"+l.ID, failed); err != nil {
			return err
		}
	}
	drop := func(ctx context.Context) error { return b.dropLetter(ctx, *l) }
	err := b.retry.Do(ctx, "remove a dead letter", drop)
	if err != nil && ctx.Err() != nil { // once more: the handler has done the work
		attempt, done := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
		defer done()
		err = drop(attempt)
	}
	return err
}

// Release implements driver.Partition. If that fails, the next member finds out that this one is
// gone.
func (p *partition) Release() {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	free := offset{Seq: p.at.Seq}
	if heir := p.heir.Load(); heir != nil {
		free.Owner = *heir
	}
	if _, err := p.m.b.setOffset(ctx, p.m.group, p.number, free, p.revision); err != nil {
		p.m.log.Debug("could not release a partition", zap.Int("partition", p.number), zap.Error(err))
	}
}
