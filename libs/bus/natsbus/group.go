package natsbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hubbub.internal/libs/bus"
)

// Required implements driver.Log.
func (b *Driver) Required(ctx context.Context) (groups []bus.Group, err error) {
	names, err := b.groups(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		g := bus.Group{Name: name}
		for n := range b.cfg.Partitions {
			at, _, err := b.offset(ctx, name, n)
			if err != nil {
				return nil, err
			}
			m, err := b.askLeader(ctx, b.names.stream, getRequest{Seq: at.Seq + 1, NextFor: b.names.inPartition(n)})
			switch {
			case errors.Is(err, errNotFound):
			case err != nil:
				return nil, err
			case g.Unread.IsZero() || m.Time.Before(g.Unread):
				g.Unread = m.Time
			}
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// Ends implements driver.Log.
func (b *Driver) Ends(ctx context.Context) ([]uint64, error) {
	ends := make([]uint64, b.cfg.Partitions)
	for n := range ends {
		m, err := b.askLeader(ctx, b.names.stream, getRequest{LastFor: b.names.inPartition(n)})
		if err != nil && !errors.Is(err, errNotFound) {
			return nil, err
		}
		ends[n] = m.Seq
	}
	return ends, nil
}

// Behind implements driver.Log.
func (b *Driver) Behind(ctx context.Context, group string, ends []uint64) (bool, error) {
	for n, end := range ends {
		at, _, err := b.offset(ctx, group, n)
		if err != nil {
			return false, err
		}
		if at.Seq >= end {
			continue
		}
		if next, err := b.nextIn(ctx, n, at.Seq+1); err != nil || 0 < next && next <= end {
			return true, err
		}
	}
	return false, nil
}

// Retire implements driver.Log.
func (b *Driver) Retire(ctx context.Context, group string) error {
	ctx, cancel := context.WithTimeout(ctx, retireTimeout)
	defer cancel()
	asked := make(map[string]bool)
	for n := range b.cfg.Partitions {
		at, _, err := b.offset(ctx, group, n)
		if err != nil {
			return b.retry.Fail("retire a group", err)
		}
		if o := at.Owner; o != "" && !asked[o] {
			asked[o] = true
			if b.answers(ctx, o) {
				return fmt.Errorf("%w: %s", bus.ErrInUse, group)
			}
		}
	}
	keys := []string{requiredKey(group)} // first, so that retention no longer waits for the group
	for n := range b.cfg.Partitions {
		keys = append(keys, offsetKey(group, n))
	}
	return b.retry.Do(ctx, "retire a group", func(ctx context.Context) error { return b.forgetKeys(ctx, keys) })
}

// retireTimeout bounds asking all members of a group and deleting what the bucket has of it.
const retireTimeout = 30 * time.Second
