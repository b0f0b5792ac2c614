package bus

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus/driver"
)

// Append implements Log.
func (b *Bus) Append(e NewEntry, done func(Appended, error)) {
	err := b.check(cmp.Or(driver.CheckName(e.Room, e.Sender, e.ID), checkData(e.Data)))
	if err == nil {
		err = b.d.Append(e, done)
	}
	if err != nil {
		go done(Appended{}, err)
	}
}

// Replay implements Log.
func (b *Bus) Replay(ctx context.Context, room string, after Position, limit int) (Replayed, error) {
	err := driver.CheckName(room)
	if err == nil && (limit < 1 || limit > MaxReplay) {
		err = fmt.Errorf("replay %s: limit %d is not 1 to %d", room, limit, MaxReplay)
	}
	if err := b.check(err); err != nil {
		return Replayed{}, err
	}
	rep, _, err := b.replay(ctx, room, after, limit)
	if after.Seq == 0 && len(rep.Entries) == 0 && !rep.Truncated && !rep.Rewound {
		rep.Through = 0
	}
	return rep, err
}

func (b *Bus) replay(ctx context.Context, room string, after Position, limit int) (rep Replayed, advanced bool, err error) {
	err = b.retry.Do(ctx, "replay "+room, func(ctx context.Context) (err error) {
		rep, advanced, err = b.d.Replay(ctx, room, after, limit)
		return err
	})
	if err != nil {
		return Replayed{}, false, err
	}
	return rep, advanced, nil
}

// source is the follow engine's view of a driver.
type source struct {
	driver.Rooms
	b *Bus
}

func (s source) Heads(ctx context.Context, rooms []string) (heads []Head, err error) {
	err = s.b.retry.Do(ctx, "last entries of rooms", func(ctx context.Context) (err error) {
		heads, err = s.Rooms.Heads(ctx, rooms)
		return err
	})
	return heads, err
}

// Replay turns an Advance into the rewind that the advance repaired: entries that were delivered
// may have moved to greater Seqs.
func (s source) Replay(ctx context.Context, room string, after Position, limit int) (Replayed, error) {
	rep, advanced, err := s.b.replay(ctx, room, after, limit)
	if advanced && after.Seq > 0 {
		return Replayed{Rewound: true, Through: rep.Through}, err
	}
	return rep, err
}

// Follow implements Log.
func (b *Bus) Follow(ctx context.Context, room string, f Follower) (uint64, Subscription, error) {
	if err := b.check(driver.CheckName(room)); err != nil {
		return 0, nil, err
	}
	return b.engine.Follow(ctx, room, f)
}

// Heads implements Log.
func (b *Bus) Heads(ctx context.Context, rooms []string) ([]Head, error) {
	err := driver.CheckName(rooms...)
	if err == nil && len(rooms) > MaxHeads {
		err = fmt.Errorf("heads of %d rooms: at most %d at once", len(rooms), MaxHeads)
	}
	if err := b.check(err); err != nil || len(rooms) == 0 {
		return nil, err
	}
	return b.engine.Heads(ctx, rooms)
}

// Watch implements Log.
func (b *Bus) Watch(ctx context.Context, w Watcher) (Subscription, error) {
	if err := b.check(nil); err != nil {
		return nil, err
	}
	return b.engine.Watch(ctx, w)
}

// Remove implements Log.
func (b *Bus) Remove(ctx context.Context, room string, seq uint64) error {
	if err := b.check(driver.CheckName(room)); err != nil || seq == 0 || seq > MaxSeq {
		return err
	}
	return b.retry.Do(ctx, "remove an entry of "+room, func(ctx context.Context) error { return b.d.Remove(ctx, room, seq) })
}

// Advance implements Log.
func (b *Bus) Advance(ctx context.Context, past uint64) error {
	var bad error
	if past >= MaxSeq {
		bad = fmt.Errorf("advance past %d: the greatest Seq is %d", past, uint64(MaxSeq))
	}
	if err := b.check(bad); err != nil {
		return err
	}
	ctx, stop := b.until(ctx)
	defer stop()
	return b.d.Advance(ctx, past)
}

// Groups implements Log.
func (b *Bus) Groups(ctx context.Context) (groups []Group, err error) {
	if err := b.check(nil); err != nil {
		return nil, err
	}
	err = b.retry.Do(ctx, "list the required groups", func(ctx context.Context) (err error) {
		groups, err = b.d.Required(ctx)
		return err
	})
	return groups, err
}

// catchUpPause is how long CatchUp waits before it looks again.
const catchUpPause = 50 * time.Millisecond

// CatchUp implements Log.
func (b *Bus) CatchUp(ctx context.Context, group string) error {
	if err := b.check(driver.CheckName(group)); err != nil {
		return err
	}
	const what = "wait for a group"
	var ends []uint64
	err := b.retry.Do(ctx, what, func(ctx context.Context) (err error) {
		ends, err = b.d.Ends(ctx)
		return err
	})
	for behind := true; err == nil && behind; {
		err = b.retry.Do(ctx, what, func(ctx context.Context) (err error) {
			behind, err = b.d.Behind(ctx, group, ends)
			return err
		})
		if err == nil && behind {
			err = await.Sleep(ctx, catchUpPause)
		}
	}
	return err
}

// Retire implements Log.
func (b *Bus) Retire(ctx context.Context, group string) error {
	if err := b.check(driver.CheckName(group)); err != nil {
		return err
	}
	ctx, stop := b.until(ctx)
	defer stop()
	return b.d.Retire(ctx, group)
}

// DeadLetters implements Log.
func (b *Bus) DeadLetters(ctx context.Context, group string, limit int) (all []DeadLetter, err error) {
	letters, err := b.letters(ctx, group, limit)
	for _, l := range letters {
		all = append(all, l.DeadLetter)
	}
	return all, err
}

// Redrive implements Log.
func (b *Bus) Redrive(ctx context.Context, group string, limit int) (back []DeadLetter, err error) {
	letters, err := b.letters(ctx, group, limit)
	for _, l := range letters {
		err := b.retry.Do(ctx, "put a dead letter back", func(ctx context.Context) error { return b.d.PutBack(ctx, group, l) })
		if err != nil {
			return back, err
		}
		back = append(back, l.DeadLetter)
	}
	return back, err
}

func (b *Bus) letters(ctx context.Context, group string, limit int) (letters []driver.Letter, err error) {
	if err := b.check(driver.CheckName(group)); err != nil || limit < 1 {
		return nil, err
	}
	err = b.retry.Do(ctx, "read dead letters", func(ctx context.Context) (err error) {
		letters, err = b.d.Letters(ctx, group, limit)
		return err
	})
	return letters, err
}
