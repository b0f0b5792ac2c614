package redisbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
)

// Groups implements bus.Log.
func (b *Bus) Groups(ctx context.Context) (groups []bus.Group, err error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	err = b.retry(ctx, "list the required groups", func(ctx context.Context) error {
		groups = nil
		names, err := b.at(0).SMembers(ctx, b.keys.groups()).Result()
		if err != nil {
			return err
		}
		slices.Sort(names)
		for _, name := range names {
			since, err := b.unread(ctx, name)
			if err != nil {
				return err
			}
			groups = append(groups, bus.Group{Name: name, Unread: since})
		}
		return nil
	})
	return groups, err
}

// next returns the first entry of each partition that a group has not consumed and that is not
// after the ID of the log that upTo names for the partition; none where there is none.
func (b *Bus) next(ctx context.Context, group string, upTo func(p int) string) ([]redis.XMessage, error) {
	read := make([]*redis.StringCmd, b.cfg.Partitions)
	err := b.spread(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
		read[p] = pipe.HGet(ctx, b.keys.read(p), group)
		return read[p]
	})
	if err != nil {
		return nil, err
	}
	next := make([]*redis.XMessageSliceCmd, b.cfg.Partitions)
	err = b.spread(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
		from := "-"
		if seq := read[p].Val(); seq != "" {
			from = "(" + seq + "-0"
		}
		next[p] = pipe.XRangeN(ctx, b.keys.log(p), from, upTo(p), 1)
		return next[p]
	})
	var all []redis.XMessage
	for _, c := range next {
		all = append(all, c.Val()...)
	}
	return all, err
}

// catchUpPause is how long CatchUp waits before it looks again.
const catchUpPause = 50 * time.Millisecond

// CatchUp implements bus.Log.
func (b *Bus) CatchUp(ctx context.Context, group string) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	if err := bus.CheckName(group); err != nil {
		return err
	}
	const what = "wait for a group"
	last := make([]string, b.cfg.Partitions) // ID of the last entry of each partition
	err := b.retry(ctx, what, func(ctx context.Context) error {
		ends := make([]*redis.XMessageSliceCmd, b.cfg.Partitions)
		err := b.spread(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
			ends[p] = pipe.XRevRangeN(ctx, b.keys.log(p), "+", "-", 1)
			return ends[p]
		})
		for p, c := range ends {
			last[p] = "0-0"
			for _, m := range c.Val() {
				last[p] = m.ID
			}
		}
		return err
	})
	for behind := true; err == nil && behind; {
		err = b.retry(ctx, what, func(ctx context.Context) error {
			next, err := b.next(ctx, group, func(p int) string { return last[p] })
			behind = len(next) > 0
			return err
		})
		if err == nil && behind {
			err = await.Sleep(ctx, catchUpPause)
		}
	}
	return err
}

// unread returns when the oldest entry was appended that a group has not consumed.
func (b *Bus) unread(ctx context.Context, group string) (oldest time.Time, err error) {
	next, err := b.next(ctx, group, func(int) string { return "+" })
	if err != nil {
		return oldest, err
	}
	for _, m := range next {
		text, _ := m.Values["t"].(string)
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return oldest, errors.Join(errAnswer, err)
		}
		if at := time.Unix(seconds, 0); oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest, nil
}

// Retire implements bus.Log.
func (b *Bus) Retire(ctx context.Context, group string) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	if err := bus.CheckName(group); err != nil {
		return err
	}
	k := b.keys
	return b.retry(ctx, "retire a group", func(ctx context.Context) error {
		leases := make([]*redis.IntCmd, b.cfg.Partitions)
		err := b.spread(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
			leases[p] = pipe.Exists(ctx, k.lease(p, group))
			return leases[p]
		})
		if err != nil {
			return err
		}
		members, err := b.at(k.partition(group)).ZCard(ctx, k.members(group)).Result()
		if err != nil {
			return err
		}
		if members > 0 || slices.ContainsFunc(leases, func(c *redis.IntCmd) bool { return c.Val() > 0 }) {
			return fmt.Errorf("%w: %s", bus.ErrInUse, group)
		}
		if err := b.at(0).SRem(ctx, k.groups(), group).Err(); err != nil {
			return err
		}
		return b.spread(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
			return pipe.HDel(ctx, k.read(p), group)
		})
	})
}
