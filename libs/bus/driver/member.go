package driver

import (
	"context"
	"errors"
)

// ErrLost says that another member has the partition by now.
var ErrLost = errors.New("another member has the partition")

// Groups is how a group's members share the partitions of the log. Each partition is read by one
// member at a time, in order, and the group has one number for it, what it has consumed: what a
// server's own consumer groups hand out again after a member's death comes later than newer
// entries, and the order of a room would be lost.
type Groups interface {
	// Join makes this process a member of a group until ctx ends. held has its partitions.
	Join(ctx context.Context, group string, held Held) (Member, error)
}

// Member is one running Consume.
type Member interface {
	// Refresh says that the member is alive, takes partitions until it has its share, and gives up
	// what is more. It is called regularly, and as soon as wake is closed, which may be nil.
	Refresh(ctx context.Context) (wake <-chan struct{}, err error)
	// Leave ends the membership. No partition is read any more.
	Leave()
}

// Held are the partitions that a member reads. The portable floor keeps them.
type Held interface {
	// Count returns how many there are, and how many of those are not being given up.
	Count() (all, staying int)
	Has(partition int) bool
	Each(do func(Partition))
	// Assign begins to read a partition.
	Assign(p Partition)
	// GiveUp releases partitions after the batch in hand until at most keep are staying. It calls
	// before for each.
	GiveUp(keep int, before func(Partition))
	// Lose ends the reading of a partition that another member has.
	Lose(p Partition)
}

// Partition is one that a member reads. Each and GiveUp hand it to Refresh; everything else is
// called by one goroutine. Any method may return ErrLost.
type Partition interface {
	Number() int
	// Begin goes to what the group has acknowledged: also back, where the log was put back to an
	// older state. It is called again after an error, when End has been.
	Begin(ctx context.Context) error
	End()
	// Next waits for entries, or for a dead letter that was put back, and returns at least one of
	// either, but an error when ctx ends or stop is closed. The group has the partition then.
	Next(ctx context.Context, stop <-chan struct{}) (batch []Entry, redriven *Letter, err error)
	// Commit acknowledges everything that Next has returned. Even when ctx has ended it tries once:
	// what the handler has taken should not come again.
	Commit(ctx context.Context) error
	// Handled is told of each entry of a batch that was handed over one by one. It parks one that
	// failed.
	Handled(ctx context.Context, e Entry, failed error) error
	// Redriven removes a letter from those that were put back, and parks it again if it failed.
	// Even when ctx has ended it tries once.
	Redriven(ctx context.Context, l *Letter, failed error) error
	// Release lets another member have the partition at once.
	Release()
}
