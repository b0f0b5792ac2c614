package redisbus

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus"
)

const (
	// deadLetters is how many dead letters of a group are kept in each partition, about; the oldest
	// go first.
	deadLetters = 1000
	maxReason   = 1024 // bytes
)

// letter is a dead letter and where it is.
type letter struct {
	bus.DeadLetter
	partition int
	id        string // in the partition's stream
}

// DeadLetters implements bus.Log.
func (b *Bus) DeadLetters(ctx context.Context, group string, limit int) ([]bus.DeadLetter, error) {
	letters, err := b.letters(ctx, group, limit)
	var all []bus.DeadLetter
	for _, l := range letters {
		all = append(all, l.DeadLetter)
	}
	return all, err
}

// letters returns at most limit dead letters of a group, oldest first.
func (b *Bus) letters(ctx context.Context, group string, limit int) ([]letter, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	if err := bus.CheckName(group); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, nil
	}
	var letters []letter
	err := b.retry(ctx, "read dead letters", func(ctx context.Context) error {
		letters = nil
		cmds := make([]*redis.XMessageSliceCmd, b.cfg.Partitions)
		err := b.spread(ctx, b.everyPartition(), func(pipe redis.Pipeliner, p int) redis.Cmder {
			cmds[p] = pipe.XRangeN(ctx, b.keys.dead(p, group), "-", "+", int64(limit))
			return cmds[p]
		})
		if err != nil {
			return err
		}
		for p, c := range cmds {
			for _, m := range c.Val() {
				d, err := deadLetter(m)
				if err != nil {
					return err
				}
				letters = append(letters, letter{d, p, m.ID})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(letters, func(a, b letter) int { return a.At.Compare(b.At) })
	return letters[:min(len(letters), limit)], nil
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

// cut returns s or its beginning of at most n bytes, in whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
