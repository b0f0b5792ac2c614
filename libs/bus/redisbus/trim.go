package redisbus

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// trimEntries is how many entries one script removes: it blocks the server for about a millisecond.
const trimEntries = 256

// Trim implements driver.Log. It removes what is older than MaxAge and, above three quarters of
// MaxBytes, the oldest entries, up to the first that a required group has not consumed. A log that
// is above MaxBytes after that accepts no entries until a later trim brings it below.
func (b *Driver) Trim(ctx context.Context) error {
	groups, err := b.at(0).SMembers(ctx, b.keys.groups()).Result()
	if err != nil {
		return fmt.Errorf("list the required groups: %w", err)
	}
	groups = append(groups, b.cfg.Groups...)
	slices.Sort(groups)
	groups = slices.Compact(groups)
	sizes, full, err := b.sizes(ctx)
	if err != nil {
		return err
	}
	total := sum(sizes)
	over := max(0, total-b.cfg.MaxBytes/4*3)
	for p, size := range sizes {
		want := int64(0)
		if over > 0 {
			want = int64(float64(over) * float64(size) / float64(total))
		}
		if sizes[p], err = b.trimPartition(ctx, p, want, size, groups); err != nil {
			return fmt.Errorf("partition %d: %w", p, err)
		}
	}
	total = sum(sizes)
	b.metrics.bytes.Set(float64(total))
	return b.setFull(ctx, full, total > b.cfg.MaxBytes)
}

// sizes returns the size of each partition in bytes, and which of them accept no entries.
func (b *servers) sizes(ctx context.Context) (sizes []int64, full []bool, err error) {
	cmds := make([]*redis.SliceCmd, b.cfg.Partitions)
	err = b.pipelined(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
		cmds[p] = pipe.HMGet(ctx, b.keys.meta(p), "bytes", "full")
		return cmds[p]
	})
	if err != nil {
		return nil, nil, fmt.Errorf("size of the log: %w", err)
	}
	for _, c := range cmds {
		size, n := int64(0), c.Val()
		if text, ok := n[0].(string); ok {
			if size, err = strconv.ParseInt(text, 10, 64); err != nil {
				return nil, nil, fmt.Errorf("size of the log: %w", err)
			}
		}
		sizes = append(sizes, size)
		full = append(full, n[1] == "1")
	}
	return sizes, full, nil
}

// trimPartition removes what is too old, and frees want bytes of a partition of the given size; it
// returns the size of what is left. It stops at size-want too: all processes trim, often at the
// same time, and the first may have done it all.
func (b *servers) trimPartition(ctx context.Context, p int, want, size int64, groups []string) (int64, error) {
	k, enough := b.keys, size-want
	for {
		args := []any{k.room(p, ""), int64(b.cfg.MaxAge / time.Second), want, trimEntries, overhead, enough}
		for _, g := range groups {
			args = append(args, g)
		}
		answers, err := b.batch(ctx, []step{{
			p, trimScript, []string{k.log(p), k.data(p), k.heads(p), k.gone(p), k.meta(p), k.read(p), k.never(p)}, args,
		}})
		if err != nil {
			return 0, err
		}
		list, ok := answers[0].([]any)
		if !ok || len(list) != 3 {
			return 0, errAnswer
		}
		taken, ok1 := list[0].(int64)
		left, ok2 := list[1].(int64)
		freed, ok3 := list[2].(int64)
		if !ok1 || !ok2 || !ok3 {
			return 0, errAnswer
		}
		b.metrics.trimmed.Add(float64(taken))
		want = max(0, want-freed)
		if taken < trimEntries {
			return left, nil
		}
	}
}

// setFull tells every partition whether the log accepts entries, unless the partition knows.
func (b *servers) setFull(ctx context.Context, is []bool, want bool) error {
	var steps []step
	for p := range is {
		if is[p] != want {
			steps = append(steps, step{p, fullScript, []string{b.keys.meta(p)}, []any{map[bool]int{true: 1, false: 0}[want]}})
		}
	}
	if len(steps) == 0 {
		return nil
	}
	if want {
		b.log.Error("the log is full and a required group has not consumed it: refusing messages until it has; see whether history works")
	} else {
		b.log.Info("the log accepts messages again")
	}
	_, err := b.batch(ctx, steps)
	return err
}

func sum(sizes []int64) (total int64) {
	for _, n := range sizes {
		total += n
	}
	return total
}
