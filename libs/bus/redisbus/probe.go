package redisbus

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// probeChannels returns the channels of this bus's probes: one on each subscribed connection.
func (b *Driver) probeChannels() (names []string) {
	for _, fs := range []*subConns{b.rooms, b.channels} {
		for _, f := range fs.all {
			names = append(names, b.keys.probe(f.partition, b.id, f.name))
		}
	}
	return names
}

func (b *Driver) subscribeProbes(ctx context.Context) error {
	names, returned := b.probeChannels(), func(_, token string) { b.host.Returned(token) }
	half := len(names) / 2
	if err := b.rooms.subscribe(ctx, names[:half], returned); err != nil {
		return err
	}
	return b.channels.subscribe(ctx, names[half:], returned)
}

// Probe implements driver.Live.
func (b *Driver) Probe(ctx context.Context, token string) (int, error) {
	names := b.probeChannels()
	partitions := make([]int, len(names))
	for i, c := range names {
		partitions[i] = b.keys.tagged(c)
	}
	err := b.pipelined(ctx, partitions, func(pipe redis.Pipeliner, i int) redis.Cmder {
		return pipe.SPublish(ctx, names[i], token)
	})
	if err != nil {
		b.look(ctx)
	}
	return len(names), err
}
