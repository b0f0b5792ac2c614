package driver

import (
	"context"
	"errors"
)

// ErrLost says that another member has the partition by now.
var ErrLost = errors.New("another member has the partition")

// Groups shares the partitions of the log among a group's members. Each partition is read by one
// member at a time, in order, and the group has one number for it: the Seq that it has consumed. A
// server's own consumer groups would not do: what they deliver again after a member's death comes
// later than newer entries, and the order of a room would be lost.
type Groups interface {
	// Join makes this process a member of a group until ctx ends. held is the set of its
	// partitions.
	Join(ctx context.Context, group string, held Held) (Member, error)
}

// Member is one running Consume.
type Member interface {
	// Refresh sends a heartbeat, takes partitions until the member has its share, and gives up what
	// is more. It is called regularly, and as soon as wake, which may be nil, is closed.
	Refresh(ctx context.Context) (wake <-chan struct{}, err error)
	// Leave ends the membership. The member reads no partition any more.
	Leave()
}

// Held are the partitions that a member reads. The portable floor implements it.
type Held interface {
	// Count returns how many there are, and how many of those are not being given up.
	Count() (all, staying int)
	Has(partition int) bool
	Each(do func(Partition))
	// Assign begins to read a partition.
	Assign(p Partition)
	// GiveUp releases partitions, each after the batch in hand, until at most keep are staying. It
	// calls before for each.
	GiveUp(keep int, before func(Partition))
	// Lose ends the reading of a partition that another member has.
	Lose(p Partition)
}

// Partition is a partition that a member reads. Each and GiveUp pass it to Refresh; one goroutine
// calls everything else. Any method may return ErrLost.
type Partition interface {
	Number() int
	// Begin goes to the Seq that the group has acknowledged: also back, if the log was restored to
	// an older state. It is called again after an error, once End has been called.
	Begin(ctx context.Context) error
	End()
	// Next waits for entries, or for a dead letter that was put back, and returns at least one of
	// either; it returns an error when ctx ends or stop is closed. The group has the partition
	// then.
	Next(ctx context.Context, stop <-chan struct{}) (batch []Entry, redriven *Letter, err error)
	// Commit acknowledges everything that Next has returned. Even when ctx has ended it tries once:
	// the handler should not get again what it has handled.
	Commit(ctx context.Context) error
	// Handled is called for each entry of a batch that was handed over one by one. It parks one
	// that failed.
	Handled(ctx context.Context, e Entry, failed error) error
	// Redriven removes a letter from those that were put back, and parks it again if it failed.
	// Even when ctx has ended it tries once.
	Redriven(ctx context.Context, l *Letter, failed error) error
	// Release lets another member have the partition at once.
	Release()
}
