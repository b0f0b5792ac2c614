package redisbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus"
)

// Required implements driver.Log.
func (b *Driver) Required(ctx context.Context) (groups []bus.Group, err error) {
	names, err := b.at(0).SMembers(ctx, b.keys.groups()).Result()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		since, err := b.unread(ctx, name)
		if err != nil {
			return nil, err
		}
		groups = append(groups, bus.Group{Name: name, Unread: since})
	}
	return groups, nil
}

// next returns the first entry of each partition that a group has not consumed and that is not
// after the partition's ID in upTo.
func (b *servers) next(ctx context.Context, group string, upTo func(p int) string) ([]redis.XMessage, error) {
	read := make([]*redis.StringCmd, b.cfg.Partitions)
	err := b.pipelined(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
		read[p] = pipe.HGet(ctx, b.keys.read(p), group)
		return read[p]
	})
	if err != nil {
		return nil, err
	}
	next := make([]*redis.XMessageSliceCmd, b.cfg.Partitions)
	err = b.pipelined(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
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

// Ends implements driver.Log.
func (b *Driver) Ends(ctx context.Context) ([]uint64, error) {
	last := make([]*redis.XMessageSliceCmd, b.cfg.Partitions)
	err := b.pipelined(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
		last[p] = pipe.XRevRangeN(ctx, b.keys.log(p), "+", "-", 1)
		return last[p]
	})
	if err != nil {
		return nil, err
	}
	ends := make([]uint64, b.cfg.Partitions)
	for p, c := range last {
		for _, m := range c.Val() {
			if ends[p], err = strconv.ParseUint(strings.TrimSuffix(m.ID, "-0"), 10, 64); err != nil {
				return nil, err
			}
		}
	}
	return ends, nil
}

// Behind implements driver.Log.
func (b *Driver) Behind(ctx context.Context, group string, ends []uint64) (bool, error) {
	next, err := b.next(ctx, group, func(p int) string { return strconv.FormatUint(ends[p], 10) + "-0" })
	return len(next) > 0, err
}

// unread returns when the oldest entry was appended that a group has not consumed.
func (b *servers) unread(ctx context.Context, group string) (oldest time.Time, err error) {
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

// Retire implements driver.Log.
func (b *Driver) Retire(ctx context.Context, group string) error {
	k := b.keys
	return b.retry.Do(ctx, "retire a group", func(ctx context.Context) error {
		leases := make([]*redis.IntCmd, b.cfg.Partitions)
		err := b.pipelined(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
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
		return b.pipelined(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
			return pipe.HDel(ctx, k.read(p), group)
		})
	})
}
