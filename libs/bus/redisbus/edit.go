package redisbus

import "context"

// Remove implements driver.Log. The content leaves the server's memory at once, and its append-only
// file when the server next rewrites it.
func (b *Driver) Remove(ctx context.Context, room string, seq uint64) error {
	k, p := b.keys, b.keys.partition(room)
	_, err := b.run(ctx, p, removeScript, []string{k.log(p), k.data(p), k.room(p, room), k.gone(p), k.meta(p)}, room, seq, overhead)
	return err
}

// Advance implements driver.Log.
func (b *Driver) Advance(ctx context.Context, past uint64) error {
	steps := make([]step, b.cfg.Partitions)
	for p := range steps {
		steps[p] = step{p, advanceScript, []string{b.keys.meta(p)}, []any{past}}
	}
	return b.retry.Do(ctx, "advance the log", func(ctx context.Context) error {
		_, err := b.batch(ctx, steps)
		return err
	})
}
