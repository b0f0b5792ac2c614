package history

import (
	"context"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

// Taker takes into a store entries that no log has any more, as the service would that consumes
// them.
type Taker struct{ s *Service }

// NewTaker returns a Taker. b is asked to remove what a taken entry deletes.
func NewTaker(b bus.Interface, s store.Store) *Taker {
	taker := &Taker{&Service{cfg: Config{Search: true}, bus: b, store: s, log: zap.NewNop(), metrics: newMetrics(nil)}}
	taker.s.jobs.init()
	taker.s.noting.init()
	return taker
}

// Take takes one entry in, at its place in its room. To take it again does no harm. An error that
// wraps bus.ErrRetry says that the store or the bus does not work, any other that this release
// cannot take the entry in.
func (t *Taker) Take(ctx context.Context, e bus.Entry) error {
	e.Redriven = true
	return t.s.consume(ctx, []bus.Entry{e})
}
