package redisbus

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
)

const (
	// deadLetters is about how many dead letters of a group each partition keeps; the oldest go
	// first.
	deadLetters = 1000
	maxReason   = 1024 // bytes
)

// Letters implements driver.Log.
func (b *Driver) Letters(ctx context.Context, group string, limit int) ([]driver.Letter, error) {
	cmds := make([]*redis.XMessageSliceCmd, b.cfg.Partitions)
	err := b.pipelined(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
		cmds[p] = pipe.XRangeN(ctx, b.keys.dead(p, group), "-", "+", int64(limit))
		return cmds[p]
	})
	if err != nil {
		return nil, err
	}
	var letters []driver.Letter
	for p, c := range cmds {
		for _, m := range c.Val() {
			d, err := deadLetter(m)
			if err != nil {
				return nil, err
			}
			letters = append(letters, driver.Letter{DeadLetter: d, Partition: p, ID: m.ID})
		}
	}
	slices.SortStableFunc(letters, func(a, b driver.Letter) int { return a.At.Compare(b.At) })
	return letters[:min(len(letters), limit)], nil
}

// PutBack implements driver.Log. A script moves the letter, so it is in exactly one of the two
// streams at any time.
func (b *Driver) PutBack(ctx context.Context, group string, l driver.Letter) error {
	_, err := b.run(ctx, l.Partition, redriveScript, []string{b.keys.dead(l.Partition, group), b.keys.again(l.Partition, group)}, l.ID)
	return err
}

func deadLetter(m redis.XMessage) (bus.DeadLetter, error) {
	text := func(field string) string { s, _ := m.Values[field].(string); return s }
	e, err := decodePair(text("seq"), text("record"))
	if err != nil {
		return bus.DeadLetter{}, fmt.Errorf("dead letter %s: %w", m.ID, err)
	}
	ms, _, _ := strings.Cut(m.ID, "-")
	at, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return bus.DeadLetter{}, fmt.Errorf("dead letter %s: %w", m.ID, err)
	}
	e.Room = text("room")
	return bus.DeadLetter{Entry: e, Reason: text("reason"), At: time.UnixMilli(at)}, nil
}
