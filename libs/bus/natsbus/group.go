package natsbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
		names, err := b.groups(ctx)
		if err != nil {
			return err
		}
		for _, name := range names {
			g := bus.Group{Name: name}
			for n := range b.cfg.Partitions {
				at, _, err := b.offset(ctx, name, n)
				if err != nil {
					return err
				}
				m, err := b.askLeader(ctx, b.names.stream, getRequest{Seq: at.Seq + 1, NextFor: b.names.inPartition(n)})
				switch {
				case errors.Is(err, errNotFound):
				case err != nil:
					return err
				case g.Unread.IsZero() || m.Time.Before(g.Unread):
					g.Unread = m.Time
				}
			}
			groups = append(groups, g)
		}
		return nil
	})
	slices.SortFunc(groups, func(a, b bus.Group) int { return strings.Compare(a.Name, b.Name) })
	return groups, err
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
	last := make([]uint64, b.cfg.Partitions) // Seq of the last entry of each partition; 0: none
	err := b.retry(ctx, what, func(ctx context.Context) error {
		for n := range last {
			m, err := b.askLeader(ctx, b.names.stream, getRequest{LastFor: b.names.inPartition(n)})
			if err != nil && !errors.Is(err, errNotFound) {
				return err
			}
			last[n] = m.Seq
		}
		return nil
	})
	for n := 0; err == nil && n < len(last); {
		behind := false
		err = b.retry(ctx, what, func(ctx context.Context) error {
			at, _, err := b.offset(ctx, group, n)
			if err != nil || at.Seq >= last[n] {
				behind = false
				return err
			}
			m, err := b.askLeader(ctx, b.names.stream, getRequest{Seq: at.Seq + 1, NextFor: b.names.inPartition(n)})
			if errors.Is(err, errNotFound) {
				behind = false
				return nil
			}
			behind = m.Seq <= last[n]
			return err
		})
		if !behind {
			n++
		} else if err == nil {
			err = await.Sleep(ctx, catchUpPause)
		}
	}
	return err
}

// Retire implements bus.Log.
func (b *Bus) Retire(ctx context.Context, group string) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	if err := bus.CheckName(group); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, retireTimeout)
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)()
	asked := make(map[string]bool)
	for n := range b.cfg.Partitions {
		at, _, err := b.offset(ctx, group, n)
		if err != nil {
			return b.fail("retire a group", err)
		}
		if o := at.Owner; o != "" && !asked[o] {
			asked[o] = true
			if b.answers(ctx, o) {
				return fmt.Errorf("%w: %s", bus.ErrInUse, group)
			}
		}
	}
	keys := []string{requiredKey(group)} // first: what it has not consumed is of no account then
	for n := range b.cfg.Partitions {
		keys = append(keys, offsetKey(group, n))
	}
	return b.retry(ctx, "retire a group", func(ctx context.Context) error { return b.forgetKeys(ctx, keys) })
}

// retireTimeout bounds asking all members of a group and forgetting it.
const retireTimeout = 30 * time.Second
