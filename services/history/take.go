package history

import (
	"context"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

// Taker takes into a store entries that no log has any more, as the service would that consumes
// them.
type Taker struct{ ingest *ingest }

// NewTaker returns a Taker. b is asked to remove what a taken entry deletes.
func NewTaker(b bus.Interface, s store.Store) *Taker {
	parts := newIntake(Config{Search: true}, Deps{Bus: b, Store: s, Log: zap.NewNop()}, newMetrics(nil))
	return &Taker{parts.ingest}
}

// Take takes one entry in, at its place in its room. To take it again does no harm. An error that
// wraps bus.ErrRetry says that the store or the bus does not work, any other that this release
// cannot take the entry in.
func (t *Taker) Take(ctx context.Context, e bus.Entry) error {
	e.Redriven = true
	return t.ingest.consume(ctx, []bus.Entry{e})
}
