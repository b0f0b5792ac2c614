package redisbus

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/consume"
)

// Redrive implements bus.Log. A letter is moved by a script, so it is in one of the two streams at
// any time.
func (b *Bus) Redrive(ctx context.Context, group string, limit int) ([]bus.DeadLetter, error) {
	letters, err := b.letters(ctx, group, limit)
	if err != nil {
		return nil, err
	}
	var back []bus.DeadLetter
	for _, l := range letters {
		_, err := b.run(ctx, "put a dead letter back", l.partition, redriveScript,
			[]string{b.keys.dead(l.partition, group), b.keys.again(l.partition, group)}, l.id)
		if err != nil {
			return back, err
		}
		back = append(back, l.DeadLetter)
	}
	return back, nil
}

// redriven hands over dead letters that were put back, one by one. What the handler has taken is
// removed; what fails again is parked again.
func (p *partition) redriven(ctx context.Context, letters []redis.XMessage) error {
	for _, m := range letters {
		d, err := deadLetter(m)
		if err != nil {
			p.log.Error("passed over something among the dead letters that is no entry", zap.String("letter", m.ID), zap.Error(err))
			if err := p.settle(ctx, m.ID, nil); err != nil {
				return err
			}
			continue
		}
		if err := p.mine(ctx); err != nil {
			return err
		}
		d.Entry.Redriven = true
		r := consume.Reader{Handle: p.m.handle, Stop: p.stop, Log: p.log, Done: func(ctx context.Context, _ bus.Entry, failed error) error {
			return p.settle(ctx, m.ID, failed)
		}}
		if err := r.Single(ctx, d.Entry); err != nil {
			return err
		}
	}
	return nil
}

// settle takes a letter off those that are handed over again, and parks it if it failed.
func (p *partition) settle(ctx context.Context, id string, failed error) error {
	b, k := p.m.b, p.m.b.keys
	asked := time.Now()
	args := []any{p.m.id, b.leaseTime().Milliseconds(), id}
	if failed != nil {
		args = append(args, deadLetters, cut(failed.Error(), maxReason))
	}
	keys := []string{k.lease(p.number, p.m.group), k.again(p.number, p.m.group), k.dead(p.number, p.m.group)}
	if err := p.write(ctx, "settle a dead letter", asked, settleScript, keys, args); err != nil {
		return err
	}
	if failed != nil {
		b.metrics.Parked.Inc()
	} else {
		b.metrics.Consumed.Inc()
	}
	return nil
}
