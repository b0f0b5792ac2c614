package redisbus

import (
	"context"
	"fmt"

	"hubbub.internal/libs/bus"
)

// Remove implements bus.Log. The content leaves the server's memory at once, and its append-only
// file when the server next rewrites that.
func (b *Bus) Remove(ctx context.Context, room string, seq uint64) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	if err := bus.CheckName(room); err != nil {
		return err
	}
	if seq == 0 || seq > bus.MaxSeq {
		return nil
	}
	k, p := b.keys, b.keys.partition(room)
	_, err := b.run(ctx, "remove an entry of "+room, p, removeScript,
		[]string{k.log(p), k.data(p), k.room(p, room), k.gone(p), k.meta(p)}, room, seq, overhead)
	return err
}

// Advance implements bus.Log.
func (b *Bus) Advance(ctx context.Context, past uint64) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	if past >= bus.MaxSeq {
		return fmt.Errorf("advance past %d: the greatest Seq is %d", past, uint64(bus.MaxSeq))
	}
	steps := make([]step, b.cfg.Partitions)
	for p := range steps {
		steps[p] = step{p, advanceScript, []string{b.keys.meta(p)}, []any{past}}
	}
	return b.retry(ctx, "advance the log", func(ctx context.Context) error {
		_, err := b.batch(ctx, steps)
		return err
	})
}
