package natsbus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/bus"
)

// Advance implements bus.Log.
func (b *Bus) Advance(ctx context.Context, past uint64) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	if past >= bus.MaxSeq {
		return fmt.Errorf("advance past %d: the greatest Seq is %d", past, uint64(bus.MaxSeq))
	}
	return b.retry(ctx, "advance the log", func(ctx context.Context) error {
		s, err := b.js.Stream(ctx, b.names.stream)
		if err != nil {
			return err
		}
		if s.CachedInfo().State.LastSeq >= past {
			return nil
		}
		if err := b.raiseTrimmed(ctx, past); err != nil {
			return err
		}
		return s.Purge(ctx, jetstream.WithPurgeSequence(past+1))
	})
}
