package bus

import (
	"context"

	"hubbub.internal/libs/bus/consume"
	"hubbub.internal/libs/bus/driver"
)

// Consume implements Log.
func (b *Bus) Consume(ctx context.Context, group string, handle func(context.Context, []Entry) error) error {
	if err := b.check(driver.CheckName(group)); err != nil {
		return err
	}
	b.mu.Lock()
	if b.subs == nil {
		b.mu.Unlock()
		return ErrClosed
	}
	b.consumers.Add(1)
	b.mu.Unlock()
	defer b.consumers.Done()
	running, done := b.until(ctx)
	defer done()
	err := consume.Run(running, b.d, group, consume.Options{
		Handle: handle, Log: b.log, Metrics: b.opts.Metrics, Every: b.opts.MemberEvery,
	})
	switch {
	case b.ctx.Err() != nil:
		return ErrClosed
	case err == nil || ctx.Err() != nil:
		return nil
	}
	return b.retry.Fail("consume", err)
}
