package natsbus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/consume"
)

// redriveBatch is how many dead letters are read at a time.
const redriveBatch = 64

// Redrive implements bus.Log. A letter is stored at its new subject before it is taken from the old
// one: if this is broken off in between, it is put back by the next call again, and handed over
// twice.
func (b *Bus) Redrive(ctx context.Context, group string, limit int) ([]bus.DeadLetter, error) {
	letters, err := b.deadLetters(ctx, group, limit)
	if err != nil {
		return nil, err
	}
	var back []bus.DeadLetter
	for _, l := range letters {
		err := b.retry(ctx, "put a dead letter back", func(ctx context.Context) error {
			subject := b.names.redriven(group, b.names.partition(l.Entry.Room))
			if err := b.putLetter(ctx, subject, l.Entry, l.Reason, fmt.Sprintf("again.%s.%d", group, l.seq)); err != nil {
				return err
			}
			return b.dropLetter(ctx, l.seq)
		})
		if err != nil {
			return back, err
		}
		back = append(back, l.DeadLetter)
	}
	return back, nil
}

func (b *Bus) dropLetter(ctx context.Context, seq uint64) error {
	s, err := b.js.Stream(ctx, b.names.deadStream())
	if err != nil {
		return err
	}
	return b.erase(ctx, s, seq)
}

// lookAgain wakes this member's partitions for which dead letters were put back.
func (m *member) lookAgain(ctx context.Context) {
	m.mu.Lock()
	n := len(m.mine)
	m.mu.Unlock()
	if n == 0 {
		return
	}
	attempt, done := m.b.attempt(ctx)
	defer done()
	s, err := m.b.js.Stream(attempt, m.b.names.deadStream())
	if err != nil {
		m.log.Debug("cannot look for dead letters that were put back", zap.Error(err))
		return
	}
	if s.CachedInfo().State.Msgs == 0 {
		return
	}
	info, err := s.Info(attempt, jetstream.WithSubjectFilter(m.b.names.again+m.group+".*"))
	if err != nil {
		m.log.Debug("cannot look for dead letters that were put back", zap.Error(err))
		return
	}
	there := info.State.Subjects
	m.mu.Lock()
	defer m.mu.Unlock()
	for n, p := range m.mine {
		if there[m.b.names.redriven(m.group, n)] > 0 {
			select {
			case p.again <- struct{}{}:
			default:
			}
		}
	}
}

// redriven hands over dead letters that were put back, one by one. What the handler has taken is
// removed; what fails again is parked again.
func (p *partition) redriven(ctx context.Context) error {
	b, subject := p.m.b, p.m.b.names.redriven(p.m.group, p.number)
	for {
		letters, err := b.letters(ctx, subject, redriveBatch)
		if err != nil || len(letters) == 0 {
			return err
		}
		for _, l := range letters {
			r := consume.Reader{Handle: p.m.handle, Stop: p.stop, Log: p.log, Done: func(ctx context.Context, e bus.Entry, failed error) error {
				if failed != nil {
					if err := b.park(ctx, p.m.group, e, fmt.Sprintf(".again%d", l.seq), failed); err != nil {
						return err
					}
				} else {
					b.metrics.Consumed.Inc()
				}
				drop := func(ctx context.Context) error { return b.dropLetter(ctx, l.seq) }
				err := b.retry(ctx, "remove a dead letter", drop)
				if err != nil && ctx.Err() != nil { // once more: the work is done
					attempt, done := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
					defer done()
					err = drop(attempt)
				}
				return err
			}}
			l.Entry.Redriven = true
			if err := r.Single(ctx, l.Entry); err != nil {
				return err
			}
		}
	}
}
