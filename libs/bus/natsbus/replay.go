package natsbus

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"

	"hubbub.internal/libs/bus"
)

// Replay implements driver.Log. It reads by direct gets: an ordered consumer was seen to stall, and
// its empty fetch is no proof of an end. The room's head says how far the answer has to reach.
//
// It checks the position last: retention may run while the entries are read, and trim the position,
// too.
func (b *Driver) Replay(ctx context.Context, room string, after bus.Position, limit int) (rep bus.Replayed, moved bool, err error) {
	heads, err := b.lasts(ctx, []string{room})
	if err != nil {
		return rep, false, err
	}
	head := heads[0]
	if rep, err = b.read(ctx, room, after.Seq, limit, head); err != nil {
		return rep, false, err
	}
	at, err := b.statusOf(ctx, room, after)
	if at == rewound {
		return bus.Replayed{Rewound: true, Through: head.Seq}, false, err
	}
	rep.Truncated = at == trimmed || at == advanced
	return rep, at == advanced, err
}

// read returns the entries after a Seq, through the room's head.
func (b *store) read(ctx context.Context, room string, after uint64, limit int, head bus.Head) (bus.Replayed, error) {
	rep := bus.Replayed{Through: max(after, head.Through)}
	if head.Seq <= after {
		return rep, nil
	}
	got, err := b.get(ctx, b.names.stream, getRequest{
		Seq: after + 1, NextFor: b.names.room(room), Batch: limit, MaxBytes: getBytes,
	})
	if err != nil {
		if errors.Is(err, errNotFound) {
			err = errIncomplete // the head was removed meanwhile, or this replica is behind
		}
		return bus.Replayed{}, err
	}
	last := after
	rep.Entries = make([]bus.Entry, 0, len(got.msgs))
	for _, m := range got.msgs {
		e, err := b.names.fetched(m)
		if err != nil {
			return bus.Replayed{}, err
		}
		e.Prev = last
		last = e.Seq
		rep.Entries = append(rep.Entries, e)
	}
	rep.Entries = slices.Clip(rep.Entries)
	if last < head.Seq {
		if got.pending == 0 {
			return bus.Replayed{}, errIncomplete
		}
		rep.More, rep.Through = true, last
		return rep, nil
	}
	if len(rep.Entries) == limit && got.pending > 0 {
		rep.More = true
	}
	rep.Through = max(last, head.Through)
	if rep.More {
		rep.Through = last
	}
	return rep, nil
}

// positionStatus is what the log has at a position.
type positionStatus int

const (
	present positionStatus = iota // that entry, or nothing since it was removed
	trimmed                       // the log begins after it
	// the same, since Advance has removed everything before, or moved it to greater Seqs
	advanced
	rewound // another entry, or the log ends before it, or is another log
)

func (b *store) statusOf(ctx context.Context, room string, at bus.Position) (positionStatus, error) {
	if at.Seq > bus.MaxSeq {
		return rewound, nil // no log is that long
	}
	if at.Seq > 0 {
		m, err := b.entryAt(ctx, at.Seq)
		switch {
		case err == nil:
			e, err := b.names.fetched(m)
			switch {
			// any entry will do, or none: the position may be the end of an answer
			case at.ID == "":
				return present, nil
			case err != nil || e.Room != room || e.ID != at.ID:
				return rewound, nil
			}
			return present, nil
		case !errors.Is(err, errNotFound):
			return present, err
		}
		info, err := b.js.Stream(ctx, b.names.stream)
		if err != nil {
			return present, err
		}
		// A stream that was created anew begins above the clock, and so above every Seq of the one
		// before it. Before its first entry it ends just below where it begins.
		if s := info.CachedInfo(); s.State.LastSeq < at.Seq || at.Seq+1 < s.Config.FirstSeq {
			return rewound, nil
		}
	}
	front, err := b.mark(ctx, trimmedName)
	if err != nil {
		return present, err
	}
	if at.Seq < front {
		return trimmed, nil
	}
	moved, err := b.mark(ctx, advancedName)
	if err != nil {
		return present, err
	}
	if at.Seq < moved {
		return advanced, nil
	}
	if at.ID != "" && at.Seq > front { // the log should have the entry that the position names
		if removed, err := b.wasRemoved(ctx, at.Seq); err != nil || !removed {
			return rewound, err
		}
	}
	return present, nil
}

// entryAt returns the log's entry at a Seq. errNotFound: there is none, which on a cluster only the
// leader can say: a replica may be behind.
func (b *store) entryAt(ctx context.Context, seq uint64) (*nats.Msg, error) {
	got, err := b.get(ctx, b.names.stream, getRequest{Seq: seq})
	switch {
	case err == nil && len(got.msgs) == 1:
		return got.msgs[0], nil
	case !errors.Is(err, errNotFound) || b.cfg.Replicas == 1:
		return nil, cmp.Or(err, errIncomplete)
	}
	m, err := b.askLeader(ctx, b.names.stream, getRequest{Seq: seq})
	if err != nil {
		return nil, err
	}
	return &nats.Msg{Data: m.Data, Header: nats.Header{
		headerSubject: {m.Subject}, headerSeq: {strconv.FormatUint(m.Seq, 10)}, headerID: {m.Header.Get(headerID)},
	}}, nil
}
